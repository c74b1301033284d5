"""A register of what processes have begun and not finished, so that the next start finds it, from any folder.

Each thing has a small private file in the user's data folder. Its owner holds a lock on that file, and the
system releases the lock however the owner ends: whoever gets the lock knows that the owner is gone, with no
guess from a process number that may have been given to another program. Whoever gets it is also the only one
who cleans up.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from .errors import OutputError
from .file_lock import lock_file
from .folders import data_folder

#: s: what another machine that shares the folder has left unchanged for so long, nobody writes any more …
FOREIGN: Final = 24 * 3600.0
#: … and after so long an entry whose disk has not come back is given up.
GIVEN_UP: Final = 90 * 24 * 3600.0

_LOCK: Final = "lock"
_SUFFIX: Final = ".json"
_MOST_BYTES: Final = 1 << 20
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)


def register_dir() -> Path:
    """Return the folder of the register: in the user's data, or, for a user without a home, in the temporary.

    Raises:
        OutputError: it would be in the temporary folder, and somebody else has made it there.
    """
    with suppress(OutputError):
        return data_folder() / "unfinished"
    folder = Path(tempfile.gettempdir()) / f"posesync-{getattr(os, 'getuid', int)()}"
    with suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != getattr(os, "getuid", int)():
            raise OutputError(f"{folder} is not this user's own: set HOME to a folder that is")
    return folder


def make_private_folder(folder: Path) -> None:
    """Make a folder and those it lies in, for the owner alone; one that exists stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        try:
            each.mkdir(mode=0o700)
        except FileExistsError:  # noqa: PERF203 - another process was quicker, or a link leads nowhere
            if not each.is_dir():
                raise


def private_opener(path: str, flags: int) -> int:
    """Open a file for ``open(…, opener=…)``: a new one for the owner alone, and never through a link."""
    return os.open(path, flags | _NO_FOLLOW, 0o600)


class Entry:
    """One thing that is not finished; its lock is held as long as the object is open.

    Attributes:
        values: what was noted about it.
        age: s since it was last noted, at the time it was found.
    """

    def __init__(
        self, path: Path | None, handle: int | None, values: dict[str, Any], age: float = 0.0
    ) -> None:
        """Use :meth:`begin` or :func:`abandoned`."""
        self.values = values
        self.age = age
        self._path, self._handle = path, handle

    @classmethod
    def begin(cls, values: Mapping[str, Any], *, durable: bool = False) -> Entry:
        """Note a thing before it is begun.

        Without a register, because the folder cannot be written to, the work goes on; only its remains would
        not be found.

        Args:
            values: plain values, for whoever finishes or removes it.
            durable: have it on the disk before going on, for what must survive a power cut.
        """
        noted = {"pid": os.getpid(), "host": platform.node(), "boot": _boot(), **values}
        folder = register_dir()
        path = folder / f"{secrets.token_hex(8)}{_SUFFIX}"
        handle = None
        try:
            make_private_folder(folder)
            with _doors(folder):
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _NO_FOLLOW, 0o600)
                lock_file(handle)
            entry = cls(path, handle, noted)
            entry._append(noted, durable=durable)
            if durable:
                sync_folder(folder)
        except OSError:
            if handle is not None:
                with suppress(OSError):
                    os.close(handle)
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return cls(None, None, noted)
        return entry

    def note(self, **values: Any) -> None:
        """Note more about it, or anew; on the disk before this returns."""
        self.values.update(values)
        with suppress(OSError):
            self._append(values, durable=True)

    def end(self) -> None:
        """Forget it: it is finished, or gone. May be called twice."""
        handle, self._handle = self._handle, None
        if handle is None or self._path is None:
            return
        with suppress(OSError):
            os.ftruncate(handle, 0)  # whoever opens it just now must not find anything to do
        if sys.platform != "win32":
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        with suppress(OSError):
            os.close(handle)
        if sys.platform == "win32":  # where an open file cannot be deleted
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Let go of it unfinished: a later start will find it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                os.close(handle)

    def _append(self, values: Mapping[str, Any], *, durable: bool) -> None:
        if self._handle is None:
            return
        os.write(self._handle, json.dumps(values).encode() + b"\n")
        if durable:
            os.fsync(self._handle)


def abandoned() -> list[Entry]:
    """Return what processes that are gone have left, locked for this one: call end() or leave() on each."""
    folder = register_dir()
    found: list[Entry] = []
    try:
        if not folder.is_dir():
            return []
        with _doors(folder):
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                with suppress(OSError):
                    entry = _claim(path)
                    if entry is not None:
                        found.append(entry)
    except OSError:
        pass
    return found


def _claim(path: Path) -> Entry | None:
    """Return the entry with its lock held; None when its owner lives, or nothing is noted in it."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | _NO_FOLLOW)
    kept = idle = False
    try:
        noted = os.fstat(handle).st_mtime
        if not lock_file(handle, wait=False) or os.fstat(handle).st_nlink == 0:
            return None
        entry = Entry(path, handle, _read(handle), time.time() - noted)
        kept = bool(entry.values) and (_from_here(entry.values) or entry.age > FOREIGN)
        if kept:
            return entry
        idle = not entry.values  # finished, or killed before it was begun
        return None
    finally:
        if not kept:
            os.close(handle)
        if idle:
            path.unlink(missing_ok=True)


def _read(handle: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    os.lseek(handle, 0, os.SEEK_SET)
    for line in os.read(handle, _MOST_BYTES).splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):  # cut off by the end of its writer
            continue
        if isinstance(found, dict):
            values.update(found)
    return values


def _from_here(values: Mapping[str, Any]) -> bool:
    """Return whether this machine made it: locks of another one may not be seen on a shared disk.

    The start of the system also tells, because a container has the machine's, under another name each time.
    """
    boot = _boot()
    return values.get("host") == platform.node() or (boot != "" and values.get("boot") == boot)


def _boot() -> str:
    """Return a name for this start of the system; "" where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@contextmanager
def _doors(folder: Path) -> Iterator[None]:
    """Let one process at a time add or claim entries: one just made is not locked yet."""
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)
    try:
        lock_file(handle)
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
