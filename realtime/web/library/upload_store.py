"""Stores uploaded videos: each under the digest of its content, with a card that holds its name.

No name from a client is ever part of a path: the card holds it for display.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from posesync.pose.files import atomic_file, make_private_folder, output_error
from posesync.pose.textual import clean_text
from posesync.reference.playable import playable_cache_dir
from posesync.reference.prepare import reference_cache_dir

#: Characters of a name that are kept.
NAME_LENGTH: Final = 120
#: File suffixes in the store; chosen by the content (:mod:`.uploads`), not by the sender's file name.
SUFFIXES: Final = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".ts", ".mpg", ".flv", ".wmv", ".ogv")
#: Prefix of the names of incomplete files.
HIDDEN: Final = "."

_ID: Final = re.compile(r"[0-9a-f]{16}")
_MAX_CARD: Final = 64 << 10
_STALE: Final = 24 * 3600  # s after which the remains of a killed server are deleted


@dataclass(frozen=True, slots=True)
class Item:
    """An uploaded video.

    Attributes:
        identity: the first 16 hexadecimal digits of its sha256.
        path: the file.
        name: the sender's name for it, one line, never empty.
        added: time of the upload, ISO 8601.
    """

    identity: str
    path: Path
    name: str
    added: str


def put(folder: Path, identity: str, upload: Path, name: str) -> Item:
    """Move a file to its place, with its card.

    Args:
        folder: folder of the upload store.
        identity: see :class:`Item`.
        upload: the file, on the same file system, with one of :data:`SUFFIXES`.
        name: name for display; cleaned here.

    Raises:
        OSError: it cannot be moved.
        OutputError: the card cannot be written.
    """
    suffix = upload.suffix if upload.suffix in SUFFIXES else ".mp4"
    path = folder / f"{identity}{suffix}"
    added = datetime.now(timezone.utc).isoformat(timespec="seconds")
    shown = clean_text(name, NAME_LENGTH) or "video"
    # The file comes last, because it is what counts: a card without one is deleted.
    with atomic_file(_card(path)) as file:
        file.write(json.dumps({"schema": 1, "name": shown, "added": added}, ensure_ascii=False).encode())
    try:
        upload.replace(path)
    except OSError:
        _card(path).unlink(missing_ok=True)
        raise
    return Item(identity, path, shown, added)


def discard(path: Path) -> None:
    """Delete a video with its card and everything made of it, under any settings."""
    made = [
        found
        for cache in (reference_cache_dir(), playable_cache_dir())
        for found in cache.glob(f"{path.stem}*")
    ]
    for left in (path, _card(path), *made):
        with suppress(OSError):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def items(folder: Path) -> list[Item]:
    """Return the stored videos, the oldest first; create the folder and delete remains of killed runs.

    Raises:
        OutputError: the folder cannot be created or read.
    """
    found: list[Item] = []
    try:
        make_private_folder(folder)
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            if path.suffix in SUFFIXES and _ID.fullmatch(path.stem):
                found.append(_item(path))
            elif path.name.startswith(HIDDEN) or path.suffix == ".json":
                _sweep(path)
    except OSError as error:
        raise output_error(error, folder) from error
    return sorted(found, key=lambda item: (item.added, item.identity))


def _card(path: Path) -> Path:
    return path.with_suffix(".json")


def _item(path: Path) -> Item:
    """Return a stored video; without a valid card it only lacks name and date."""
    added = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")
    name = ""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        if _card(path).stat().st_size <= _MAX_CARD:
            values = json.loads(_card(path).read_text(encoding="utf-8"))
            name = clean_text(values["name"], NAME_LENGTH)
            added = datetime.fromisoformat(values["added"]).astimezone(timezone.utc).isoformat()
    return Item(path.stem, path, name or "video", added)


def _sweep(path: Path) -> None:
    """Delete an incomplete file if it is old; another server may be writing a recent one."""
    belongs = any(path.with_suffix(suffix).is_file() for suffix in SUFFIXES)
    if not belongs and time.time() - path.stat().st_mtime > _STALE:
        path.unlink(missing_ok=True)
