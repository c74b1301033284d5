"""What a machine lacks, simulated or checked: room on the disk, a writable folder, a browser."""

from __future__ import annotations

import os
import shutil
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: The system's own, for tests marked ``browser``.
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
NO_CHROMIUM = "needs Chromium (apt-get install chromium)"

#: Linux: get and set a file's attributes, and the one that lets nobody, root included, change it.
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file grows beyond ``limit`` bytes: the same writes fail as on a full disk."""
    resource = pytest.importorskip("resource", reason="needs a limit on the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ, so that a write beyond the limit fails with EFBIG.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """The folder, made, into which nothing can be written; for root too where the file system can do that."""
    folder.mkdir(parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    immutable = _set_immutable(folder, True)
    try:
        if not immutable and os.access(folder, os.W_OK):
            pytest.skip("this user may write everywhere, and the file system has no locks")
        yield folder
    finally:
        _set_immutable(folder, False)
        folder.chmod(mode)


def _set_immutable(folder: Path, value: bool) -> bool:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return False
    import fcntl

    number = os.open(folder, os.O_RDONLY)
    try:
        flags = struct.unpack("l", fcntl.ioctl(number, _GET_FLAGS, struct.pack("l", 0)))[0]
        flags = flags | _IMMUTABLE if value else flags & ~_IMMUTABLE
        fcntl.ioctl(number, _SET_FLAGS, struct.pack("l", flags))
    except OSError:  # tmpfs and others know no such attribute, and containers may not set it
        return False
    finally:
        os.close(number)
    return True
