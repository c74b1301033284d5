"""Brings what a session writes to the disk every second, so that a power cut costs no more than that."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

#: s between two times. A disk may take longer: it is waited for in a thread that nothing else waits for.
EVERY: Final = 1.0
#: s that the end waits for a disk that hangs.
_PATIENCE: Final = 5.0

_sync = getattr(os, "fdatasync", os.fsync)


class DiskSync:
    """A thread that writes the system's buffers of some files to the disk once a second.

    Args:
        files: kind → file that is being written.
        failed: called in that thread with the kind and the error when a file cannot be brought to the disk,
            or has been deleted; once for each.
    """

    def __init__(self, files: Mapping[str, Path], failed: Callable[[str, OSError], None]) -> None:
        self._failed = failed
        self._handles: dict[str, int] = {}
        self._lock = threading.Lock()
        for kind, path in files.items():
            with suppress(OSError):  # whoever writes the file will say so
                # Windows brings a file to the disk only for those who may write to it.
                self._handles[kind] = os.open(path, os.O_RDWR)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="disk", daemon=True)
        self._thread.start()

    def release(self, kind: str) -> None:
        """Let go of a file that is about to be renamed, which Windows forbids while it is open."""
        with self._lock:
            handle = self._handles.pop(kind, None)
            if handle is not None:
                os.close(handle)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(_PATIENCE)

    def _work(self) -> None:
        while not self._stop.wait(EVERY):
            for kind in list(self._handles):
                self._bring(kind)
        for kind in list(self._handles):
            self.release(kind)

    def _bring(self, kind: str) -> None:
        with self._lock:
            handle = self._handles.get(kind)
            if handle is None:
                return
            try:
                _sync(handle)
                if os.fstat(handle).st_nlink == 0:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            except OSError as error:
                os.close(self._handles.pop(kind))
                self._failed(kind, error)
