"""Locks on files, which the system releases however their owner ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import Final

#: Where a file is locked on Windows, which lets nobody read what is locked: beyond anything that is written.
_BEYOND: Final = 1 << 30

if sys.platform == "win32":
    import msvcrt

    def lock_file(handle: int, *, wait: bool = True) -> bool:
        """Lock an open file until it is closed; return False when another has it, or it has no locks."""
        while True:
            try:
                os.lseek(handle, _BEYOND, os.SEEK_SET)
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError as error:  # noqa: PERF203
                if error.errno not in (errno.EACCES, errno.EDEADLK) or not wait:
                    return False
                time.sleep(0.01)
            else:
                return True
else:
    import fcntl

    def lock_file(handle: int, *, wait: bool = True) -> bool:
        """Lock an open file until it is closed; return False when another has it, or it has no locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
