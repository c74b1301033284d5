"""Identifies a video by its content, and remembers the result so that a long one is not read every time."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from posesync.pose.digest import file_sha256
from posesync.pose.errors import OutputError, SourceError
from posesync.pose.files import atomic_file

MEMORY_FILE: Final = "videos.json"
#: Number of videos that are remembered; the oldest are forgotten.
MOST: Final = 500
#: s after its last change from which a file counts as settled. File system clocks are coarse: a file that was
#: changed a moment ago may change again without a new time stamp.
SETTLED: Final = 3.0

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class VideoContent:
    """A video file as it was when it was read.

    Attributes:
        sha256: of its content, hexadecimal.
        path: the file, resolved.
        size: bytes.
        changed: time of its last change, ns.
        known: whether the digest was remembered.
    """

    sha256: str
    path: Path
    size: int
    changed: int
    known: bool

    @classmethod
    def of(cls, path: Path, memory: Path) -> VideoContent:
        """Return the identity of a video.

        Reading an hour of video takes seconds, so a digest remembered in the folder ``memory`` is reused as
        long as the file keeps its path, its size and the time of its last change.

        Raises:
            SourceError: there is no such file, or it cannot be read.
        """
        if not path.exists():
            raise SourceError(f"{path} does not exist: check the path of the expert's video")
        if not path.is_file():
            raise SourceError(f"{path} is not a file: give the expert's video as one file")
        try:
            place, stat = path.resolve(), path.stat()
            size, changed, *digest = _recall(memory).get(str(place), [0, 0])
            known = bool(digest) and (size, changed) == (stat.st_size, stat.st_mtime_ns)
            digest = digest if known else [file_sha256(path)]
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read ({error.strerror}): check the file and its permissions"
            ) from None
        return cls(str(digest[0]), place, stat.st_size, stat.st_mtime_ns, known)

    def remember(self, memory: Path) -> None:
        """Remember the digest, if the file has settled.

        A memory that cannot be written only costs time; of two processes at once, one may lose its entry.
        """
        if self.known or time.time() - self.changed / 1e9 < SETTLED:
            return
        entries = _recall(memory)
        entries.pop(str(self.path), None)
        kept = [*list(entries.items())[1 - MOST :], (str(self.path), [self.size, self.changed, self.sha256])]
        with suppress(OSError, OutputError), atomic_file(memory / MEMORY_FILE) as file:
            file.write(json.dumps(dict(kept)).encode())


def _recall(memory: Path) -> dict[str, list[int | str]]:
    """Return path → [size, time of last change in ns, digest]; other content of the file is ignored."""
    try:
        found = json.loads((memory / MEMORY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: entry for name, entry in found.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and [type(value) for value in entry] == [int, int, str]
        and _DIGEST.fullmatch(entry[2]) is not None
    )
