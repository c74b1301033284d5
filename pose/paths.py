"""Checks where a command is to write, before anything is opened: nothing that a user made is overwritten."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import OutputError
from .files import numbered, output_error

#: Bytes of a name on file systems that do not say how many they take.
_USUAL_NAME: Final = 255
#: Places whose files are none: the kernel's own.
_NO_DISK: Final = ("/proc", "/sys")
#: Suffix → what has it. Only a result of the same kind takes the place of such a file.
_KINDS: Final = {
    **dict.fromkeys(
        (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".flv", ".wmv", ".mpg"), "a video"
    ),
    **dict.fromkeys((".wav", ".mp3", ".m4a"), "a sound"),
    **dict.fromkeys((".onnx", ".task", ".pt"), "a model"),
    **dict.fromkeys((".sqlite3", ".db"), "a database"),
    **dict.fromkeys((".pem", ".key"), "a key"),
    ".npz": "a stored sequence",
    ".toml": "a settings file",
    ".jsonl": "a session's log",
}
#: Kind of a result → how every one of PoseSync's begins, within the first bytes.
_MARKS: Final = {"a session's log": b'{"posesync"', "a report": b"<title>Practice report"}
_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a command is to write.

    Attributes:
        option: how the user names another: ``--log``.
        path: the file.
        kind: what it becomes: ``a video``, ``a session's log``, ``a report``; ``""`` for others.
    """

    option: str
    path: Path
    kind: str = ""


def check_outputs(outputs: Iterable[Output], inputs: Iterable[tuple[str, Path]] = ()) -> None:
    """Refuse outputs that cannot be written, or that would overwrite something.

    An output may take the place of an earlier one of its kind, but of nothing that is read, whatever its
    spelling and by whatever link, and of no other output.

    Args:
        outputs: files to write.
        inputs: (what it is, file or folder) of all that is read.

    Raises:
        OutputError: the first that cannot be; nothing has been touched.
    """
    outputs, inputs = list(outputs), list(inputs)
    for number, output in enumerate(outputs):
        try:
            _check_place(output)
        except OSError as error:
            raise output_error(error, output.path) from None
        for what, path in inputs:
            if same_file(output.path, path) or _is_in(output.path, path):
                raise OutputError(
                    f"{output.path} is {what}, which would be overwritten: choose another {output.option}"
                )
        for other in outputs[:number]:
            if same_file(output.path, other.path) or _would_meet(output.path, other.path):
                raise OutputError(
                    f"{output.path} is given for two results, {other.option} and {output.option}: "
                    "choose two names"
                )
        _check_taken(output)


def same_file(a: Path, b: Path) -> bool:
    """Return whether two paths lead to one file, which need not exist yet."""
    with suppress(OSError, ValueError, RuntimeError):  # a loop of links, up to Python 3.12
        return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))
    return False


def free_name(path: Path, *companions: str) -> Path:
    """Return ``path``, or the first of ``name (2)``, ``name (3)`` … that does not exist.

    Args:
        path: the name wanted.
        companions: suffixes of files that will lie beside it, and must not exist either.
    """
    number, candidate = 1, path
    while any(os.path.lexists(candidate.with_suffix(suffix)) for suffix in (path.suffix, *companions)):
        number += 1
        candidate = numbered(path, number)
    return candidate


def _check_place(output: Output) -> None:
    """Raise for a path that no file can be written to."""
    path, option = output.path, output.option
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"there is no folder {folder}: make it, or choose another {option}")
    most, length = _longest_name(folder), len(os.fsencode(path.name))
    if length > most:
        raise OutputError(
            f"the name {path.name[:20]}… has {length} bytes, expected {most} at most: "
            f"choose a shorter {option}"
        )
    if path.is_dir():
        raise OutputError(f"{path} is a folder, expected the name of a file: give {option} a file name")
    if (path.exists() and not stat.S_ISREG(path.stat().st_mode)) or _is_no_disk(folder):
        raise OutputError(f"{path} is a device or a pipe, expected a file: choose another {option}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} may not be written to: choose another {option}")


def _check_taken(output: Output) -> None:
    """Raise when something of another kind is there."""
    path, kind = output.path, output.kind
    if not path.is_file() or path.stat().st_size == 0:
        return
    there = _KINDS.get(path.suffix.lower(), "")
    mark = _MARKS.get(kind)
    if mark is not None and not _begins_with(path, mark):
        raise OutputError(
            f"{path} exists and is not {kind} of PoseSync's: choose another {output.option}, or move it away"
        )
    if mark is None and there and there != kind:
        raise OutputError(
            f"{path} exists and is {there}, which would be overwritten: choose another {output.option}"
        )


def _begins_with(path: Path, mark: bytes) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return mark in file.read(_HEAD)
    return False


def _is_in(path: Path, folder: Path) -> bool:
    """Return whether an existing file lies in a folder that is read."""
    return path.exists() and folder.is_dir() and same_file(path.absolute().parent, folder)


def _would_meet(a: Path, b: Path) -> bool:
    """Return whether two new files would become one where a file system does not tell their names apart."""
    plain = [unicodedata.normalize("NFC", path.name).casefold() for path in (a, b)]
    return plain[0] == plain[1] and same_file(a.absolute().parent, b.absolute().parent)


def _is_no_disk(folder: Path) -> bool:
    if os.name == "nt":
        return False
    real = folder.resolve()
    return real == Path("/dev") or any(real.is_relative_to(place) for place in _NO_DISK)


def _longest_name(folder: Path) -> int:
    """Return how many bytes a file's name may have in a folder."""
    with suppress(AttributeError, OSError, ValueError):  # there is none on Windows
        return os.pathconf(folder, "PC_NAME_MAX")
    return _USUAL_NAME
