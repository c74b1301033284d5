"""Where uploaded videos are kept: each under the number of its content, with a card that says its name.

No name from a client is ever part of a path: the card holds it, to be shown.
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

from posesync.pose.files import atomic_file, output_error
from posesync.pose.textual import clean_text
from posesync.reference.playable import playable_cache_dir
from posesync.reference.prepare import reference_cache_dir

#: Characters of a name that are kept.
NAME_LENGTH: Final = 120
#: What a video may end in here; chosen by what it is (:mod:`.uploads`), not by what its sender says.
SUFFIXES: Final = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".ts", ".mpg", ".flv", ".wmv", ".ogv")
#: Begin of the names of files that are not complete.
HIDDEN: Final = "."

_ID: Final = re.compile(r"[0-9a-f]{16}")
_MAX_CARD: Final = 64 << 10
_STALE: Final = 24 * 3600  # s after which what a killed server left is swept away


@dataclass(frozen=True, slots=True)
class Item:
    """A video that was uploaded.

    Attributes:
        identity: the first 16 hexadecimal digits of its sha256.
        path: the file.
        name: as its sender called it, one line, never empty.
        added: when, ISO 8601.
    """

    identity: str
    path: Path
    name: str
    added: str


def put(folder: Path, identity: str, upload: Path, name: str) -> Item:
    """Move a file to its place, with its card.

    Args:
        folder: of the upload_store.
        identity: see :class:`Item`.
        upload: the file, on the same file system, with one of :data:`SUFFIXES`.
        name: to be shown; cleaned here.

    Raises:
        OSError: it cannot be moved.
        OutputError: the card cannot be written.
    """
    suffix = upload.suffix if upload.suffix in SUFFIXES else ".mp4"
    path = folder / f"{identity}{suffix}"
    added = datetime.now(timezone.utc).isoformat(timespec="seconds")
    shown = clean_text(name, NAME_LENGTH) or "video"
    # The file last: it is what counts. A card without one is swept away.
    with atomic_file(_card(path)) as file:
        file.write(json.dumps({"schema": 1, "name": shown, "added": added}, ensure_ascii=False).encode())
    try:
        upload.replace(path)
    except OSError:
        _card(path).unlink(missing_ok=True)
        raise
    return Item(identity, path, shown, added)


def discard(path: Path) -> None:
    """Delete a video with its card and with everything that was made of it, whatever the settings were."""
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
    """What earlier runs kept, the oldest first; what killed ones left is swept away. The folder is made.

    Raises:
        OutputError: the folder cannot be made or read.
    """
    found: list[Item] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
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
    """A lost or damaged card costs only the name and the date."""
    added = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")
    name = ""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        if _card(path).stat().st_size <= _MAX_CARD:
            values = json.loads(_card(path).read_text(encoding="utf-8"))
            name = clean_text(values["name"], NAME_LENGTH)
            added = datetime.fromisoformat(values["added"]).astimezone(timezone.utc).isoformat()
    return Item(path.stem, path, name or "video", added)


def _sweep(path: Path) -> None:
    """Delete what is not complete and has not changed for long; another server may just be writing it."""
    belongs = any(path.with_suffix(suffix).is_file() for suffix in SUFFIXES)
    if not belongs and time.time() - path.stat().st_mtime > _STALE:
        path.unlink(missing_ok=True)
