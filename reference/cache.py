"""The cache of prepared videos: its entries, who makes one, who uses them, and how large it may be.

An entry is a prepared reference (a folder) or a playable copy (a file). Everything in it can be made again
from the video, so the limit may delete what was not used for longest; what a running process uses stays.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from posesync.pose.file_lock import lock_file
from posesync.pose.files import make_private_folder, output_error
from posesync.pose.folders import cache_folder
from posesync.pose.unfinished import private_opener

#: The folders of the cache that hold entries.
PLACES: Final = ("references", "playable")
#: Bytes in a gigabyte, as disks are sold.
GIGABYTE: Final = 10**9
#: s between two looks whether another process is done.
_LOOK: Final = 0.05
#: Folder, beside those of :data:`PLACES`, in which running processes say what they use.
_USERS: Final = "users"
#: Name of an entry, and of the remains of one: its first 32 digits are those of the video's sha256.
_NAME: Final = re.compile(r"\.?([0-9a-f]{32})[-.]")
_STALE: Final = 24 * 3600  # s after which remains that belong to no entry are deleted


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the cache.

    Attributes:
        path: folder or file.
        size: bytes on disk that deleting it would free, as far as it does not share them.
        used: time of its last use, s since the epoch.
        busy: a running process uses it.
    """

    path: Path
    size: int
    used: float
    busy: bool


def entries(cache: Path | None = None) -> list[Entry]:
    """Return what the cache holds, the one that was not used for longest first.

    Args:
        cache: :func:`~posesync.pose.folders.cache_folder` when None.
    """
    cache = cache or cache_folder()
    found, counted = [], set[tuple[int, int]]()
    for place in (cache / name for name in PLACES):
        busy = _used_now(place)
        for path in place.iterdir() if place.is_dir() else ():
            if not path.name.startswith(".") and _NAME.match(path.name):
                with suppress(OSError):  # another process may just have deleted it
                    size = _size(path, counted)
                    found.append(Entry(path, size, path.stat().st_mtime, path.stem in busy))
    return sorted(found, key=lambda entry: (entry.used, entry.path.name))


def to_remove(found: Iterable[Entry], limit: int) -> list[Entry]:
    """Return the entries that must go for the rest to have ``limit`` bytes at most; none that is in use."""
    found = list(found)
    total, going = sum(entry.size for entry in found), []
    for entry in found:
        if total > limit and not entry.busy:
            going.append(entry)
            total -= entry.size
    return going


def remove(going: Iterable[Entry]) -> None:
    """Delete entries; one that another process is just making or has begun to use stays."""
    for entry in going:
        with try_lock(entry.path) as free:
            if free and entry.path.stem not in _used_now(entry.path.parent):
                _delete(entry.path)


def tidy(limit: int, cache: Path | None = None) -> None:
    """Delete the remains of processes that were killed, and what is too much for ``limit`` bytes."""
    sweep_all(cache)
    remove(to_remove(entries(cache), limit))


def sweep_all(cache: Path | None = None) -> None:
    """Delete what killed processes left in any folder of the cache."""
    for name in PLACES:
        sweep((cache or cache_folder()) / name)


def sweep(place: Path) -> None:
    """Delete what killed processes left in a folder of the cache: unfinished entries and files."""
    for left in place.glob(".*.part"):
        if _NAME.match(left.name):
            with try_lock(left) as free:
                if free:
                    _delete(left)
        else:
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE:
                    _delete(left)
    for lock in place.glob(".*.lock"):
        with try_lock(lock):  # which deletes it, unless it is held
            pass


# -- one at a time -------------------------------------------------------------------------------------------


@contextmanager
def entry_lock(path: Path) -> Iterator[bool]:
    """Make, replace or delete an entry of one video alone; others wait here, in threads and processes.

    Args:
        path: the entry.

    Yields:
        Whether another one had to be waited for, who may have made it meanwhile.

    Raises:
        OutputError: the cache cannot be written.
    """
    waited = False
    while (file := _locked(path)) is None:
        waited = True
        time.sleep(_LOOK)
    try:
        yield waited
    finally:
        _release(file, _lock_file(path))


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """As :func:`entry_lock`, but yield False when another one has it."""
    file = _locked(path)
    try:
        yield file is not None
    finally:
        if file is not None:
            _release(file, _lock_file(path))


def _lock_file(path: Path) -> Path:
    match = _NAME.match(path.name)
    return path.with_name(f".{match[1] if match else path.name}.lock")


def _locked(path: Path) -> IO[bytes] | None:
    """Return the video's lock file, locked and still the one of that name; None when it is another's."""
    place = _lock_file(path)
    try:
        make_private_folder(place.parent)
        file = open(place, "a+b", opener=private_opener)  # noqa: SIM115
    except OSError as error:
        raise output_error(error, place) from error
    if lock_file(file.fileno(), wait=False):
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), place.stat()):
                return file
    file.close()
    return None


def _release(file: IO[bytes], place: Path) -> None:
    """Delete the lock file while it is locked, so that none is left; an open one stays on Windows."""
    with suppress(OSError):
        place.unlink()
    file.close()


# -- who uses what -------------------------------------------------------------------------------------------

_registers: dict[Path, tuple[int, IO[bytes]]] = {}
_registering = threading.Lock()


def use(path: Path) -> None:
    """Note an entry's last use and, where a limit applies, that this process uses it until it ends."""
    with suppress(OSError), _registering:  # a cache that cannot be written cannot be cleared either
        os.utime(path)
        if path.parent.name not in PLACES:
            return
        pid, file = _registers.get(path.parent, (0, None))
        if file is None or pid != os.getpid():
            folder = path.parent.parent / _USERS
            make_private_folder(folder)
            name = f"{path.parent.name}-{os.getpid()}-{time.time_ns()}"
            file = open(folder / name, "x+b", buffering=0, opener=private_opener)  # noqa: SIM115
            lock_file(file.fileno(), wait=False)
            _registers[path.parent] = os.getpid(), file
        file.seek(0)
        if path.name.encode() not in file.read().split():
            file.write(f"{path.name}\n".encode())


def _used_now(place: Path) -> set[str]:
    """Return the names, without suffix, of entries that running processes use; forget ended processes."""
    names: set[str] = set()
    for register in place.parent.glob(f"{_USERS}/{place.name}-*"):
        with suppress(OSError), register.open("r+b") as file:
            if lock_file(file.fileno(), wait=False):
                register.unlink()
            else:
                file.seek(0)
                names.update(Path(name).stem for name in file.read().decode("utf-8", "replace").split())
    return names


# -- files ---------------------------------------------------------------------------------------------------


def _size(path: Path, counted: set[tuple[int, int]]) -> int:
    """Return the bytes of a file or folder that were not counted yet; a shared file counts once."""
    size = 0
    for file in path.rglob("*") if path.is_dir() else (path,):
        status = file.stat()
        if (status.st_dev, status.st_ino) not in counted:
            counted.add((status.st_dev, status.st_ino))
            size += status.st_size
    return size


def _delete(path: Path) -> None:
    """Delete a file or folder; a folder first leaves its place, so that nobody finds half of it."""
    with suppress(OSError):  # another process may be quicker
        if not path.is_dir():
            path.unlink()
            return
        gone = path if path.name.endswith(".part") else path.with_name(f".{path.name}.{os.getpid()}.part")
        if gone != path:
            path.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)
