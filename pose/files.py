"""The one way to make files: private, complete or not at all, and explained when that fails.

A file is made under a random hidden name beside its place, for its owner alone and never through a link, and
takes its name when it is complete. It is noted in the register (:mod:`.unfinished`) until then, so that the
next start removes what a killed process has left.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from posesync.pose.errors import OutputError

from .unfinished import GIVEN_UP, Entry, abandoned, make_private_folder, private_opener

__all__ = [
    "PartFile",
    "atomic_file",
    "keep_under_free_name",
    "make_private_folder",
    "new_private_file",
    "numbered",
    "output_error",
    "read_secret",
    "reason_of",
    "scratch_folder",
    "sweep",
]

#: What a temporary file or folder is called; nothing else is ever swept.
_PREFIX, _ENDING = ".posesync-", ".part"
_REASONS: Final = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space"),
    errno.EACCES: ("the folder is not writable", "choose another or change its permissions"),
    errno.EPERM: ("the folder is not writable", "choose another or change its permissions"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.ENOENT: ("the folder does not exist", "create it"),
    errno.ENOTDIR: ("a part of the path is a file, expected a folder", "choose another"),
    errno.EFBIG: ("the file would be larger than is allowed here", "raise the limit (ulimit -f)"),
    errno.EISDIR: ("it is a folder, expected a file name", "choose another"),
    errno.EIO: ("the disk cannot be read or written", "check it, or choose another"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
}


def reason_of(error: BaseException) -> str:
    """Return in a few words why a file cannot be written."""
    if isinstance(error, OutputError) and error.reason:
        return error.reason
    known = _REASONS.get(getattr(error, "errno", None) or 0)
    return known[0] if known else str(getattr(error, "strerror", None) or error or type(error).__name__)


def output_error(error: Exception, path: Path) -> OutputError:
    """Return the one-line error for a file that cannot be written."""
    known = _REASONS.get(getattr(error, "errno", None) or 0)
    reason = f"{known[0]}: {known[1]}" if known else reason_of(error)
    return OutputError(f"cannot write {path}: {reason}, then try again", reason=reason_of(error))


# -- one file ------------------------------------------------------------------------------------------------


def new_private_file(path: Path) -> BinaryIO:
    """Make a file that did not exist, readable and writable by its owner alone, and open it for writing.

    Raises:
        OSError: it exists, as a file or a link, or cannot be made.
    """
    return open(path, "xb", opener=private_opener)


class PartFile:
    """A new private file that takes its place when it is complete, or vanishes.

    Attributes:
        target: its place.
        path: where it is until then: a random hidden name in the same folder.

    Raises:
        OSError: from every method: the disk is full, the folder missing or not writable.
    """

    def __init__(self, target: Path, *, entry: Entry | None = None, kind: str = "") -> None:
        """Make the file.

        Args:
            target: its place.
            entry: who finishes it after a kill, see :class:`.Entry`; None: nobody, it is removed.
            kind: what it is called in ``entry``.
        """
        self.target = target
        self.path = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_ENDING}")
        self._entry, self._own = entry or Entry.begin({"scratch": [_absolute(self.path)]}), entry is None
        if entry is not None:
            entry.note(**{kind: {"part": _absolute(self.path), "target": _absolute(target)}})
        try:
            with new_private_file(self.path) as file:
                made = os.fstat(file.fileno())
        except OSError:
            self._finish()
            raise
        if entry is not None:
            entry.note(**{kind: {**entry.values[kind], "file": [made.st_dev, made.st_ino]}})

    def open(self) -> BinaryIO:
        """Open the file, which is empty, for writing; the caller closes it."""
        return open(self.path, "r+b", opener=private_opener)

    def take_place(self, *, secret: bool = False) -> None:
        """Give the file its name; it replaces one that is there.

        The user's own file also hands on its mode: who opened it to others meant it.

        Args:
            secret: for the owner alone, whatever was there before.
        """
        with open(self.path, "r+b", opener=private_opener) as file:
            os.fsync(file.fileno())  # or a power cut may leave the name with nothing behind it
        if not secret and (mode := _mode_of(self.target)) is not None:
            self.path.chmod(mode)
        self.path.replace(self.target)
        self._finish()

    def discard(self) -> None:
        """Delete the file, if it is still there."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._finish()

    def _finish(self) -> None:
        if self._own:
            self._entry.end()


def _mode_of(path: Path) -> int | None:
    """Return the mode of the user's own file at ``path``; None when there is none."""
    if sys.platform == "win32":
        return None
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        return None
    return found.st_mode & 0o666 | 0o600


@contextmanager
def atomic_file(path: Path, *, secret: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that replaces it when the block succeeds and vanishes otherwise.

    Args:
        path: its place.
        secret: readable by the owner alone even when it replaces a file that others may read.

    Raises:
        OutputError: the disk is full, the folder missing or not writable.
    """
    part: PartFile | None = None
    handle: BinaryIO | None = None
    try:
        part = PartFile(path)
        handle = part.open()
        yield handle
        handle.close()
        part.take_place(secret=secret)
        part = None
    except OSError as error:
        raise output_error(error, path) from error
    finally:  # a failure here must not hide the first one
        if handle is not None:
            with suppress(OSError):
                handle.close()
        if part is not None:
            part.discard()


@contextmanager
def scratch_folder(where: Path | None = None) -> Iterator[Path]:
    """Yield a new private folder that is removed when the block ends, unless it has got another name by then.

    Args:
        where: the folder it is made in; None: the system's for temporary files.

    Raises:
        OSError: it cannot be made.
    """
    folder = (where or Path(tempfile.gettempdir())) / f"{_PREFIX}{secrets.token_hex(8)}{_ENDING}"
    entry = Entry.begin({"scratch": [_absolute(folder)]})
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        entry.end()


def _absolute(path: Path) -> str:
    return str(path.absolute())


def read_secret(path: Path, most: int) -> tuple[bytes, str]:
    """Read a file that holds a key.

    Args:
        path: the file; a link is followed, as it was named by the user.
        most: bytes to read, at most; one more is read of a larger file.

    Returns:
        Its content, and in a few words who else may read or change it, "" when nobody may: it must belong to
        this user or to root, and be closed to others; a group may read it when it is root's.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(most + 1), _others(os.fstat(file.fileno()))


def _others(found: os.stat_result) -> str:
    if sys.platform == "win32":  # its folder's permissions count
        return ""
    if found.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    allowed = 0o740 if found.st_uid == 0 else 0o700
    mode = stat.S_IMODE(found.st_mode)
    return f"is open to others (mode {mode:o})" if mode & 0o777 & ~allowed else ""


# -- what others have left -----------------------------------------------------------------------------------


def sweep() -> list[Entry]:
    """Remove what killed processes have left of files that nobody will finish; return what can be finished.

    The caller must finish each of those and call its end(), or leave().
    """
    unfinished = []
    for entry in abandoned():
        if "scratch" not in entry.values:
            unfinished.append(entry)
        elif _remove(entry.values["scratch"]) or entry.age > GIVEN_UP:
            entry.end()
        else:
            entry.leave()
    return unfinished


def _remove(paths: Any) -> bool:
    """Delete temporary files and folders; return False when a disk is not there, or refuses."""
    done = True
    for path in (Path(name) for name in paths if isinstance(name, str)):
        if not _is_ours(path):
            continue
        # A temporary folder that it lay in may have gone first.
        place = next(parent for parent in path.parents if not _is_ours(parent))
        done = done and place.exists()
        for left in path.parent.glob(f"{path.stem}.*"):  # it may have got another suffix meanwhile
            try:
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left)
                else:
                    left.unlink(missing_ok=True)
            except OSError:  # noqa: PERF203
                done = False
    return done


def _is_ours(path: Path) -> bool:
    return path.name.startswith(_PREFIX) and path.name.endswith(_ENDING)


def keep_under_free_name(part: Path, target: Path) -> Path:
    """Give a finished file its name, or the next that is free, as in ``name (2).mp4``; nothing is replaced.

    Repeated after it was interrupted, it comes to the same name.

    Raises:
        OSError: it cannot be renamed.
    """
    number = 1
    while True:
        name = target if number == 1 else numbered(target, number)
        number += 1
        try:
            os.link(part, name)
        except FileExistsError:
            if not _is_same(part, name):
                continue
        except OSError:  # a file system without links
            if os.path.lexists(name):
                continue
            part.rename(name)
            return name
        part.unlink()
        return name


def numbered(path: Path, number: int) -> Path:
    """Return ``name (2).mp4`` for ``name.mp4``; a name at the limit of 255 bytes is shortened."""
    ending = f" ({number}){path.suffix}"
    room = 255 - len(os.fsencode(ending))
    return path.with_name(os.fsdecode(os.fsencode(path.stem)[:room]) + ending)


def _is_same(a: Path, b: Path) -> bool:
    one, other = a.lstat(), b.lstat()
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
