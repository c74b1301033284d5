"""Writes files completely or not at all, and explains failures."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from posesync.pose.errors import OutputError


def output_error(error: Exception, path: Path) -> OutputError:
    """Return the one-line error for a file that cannot be written."""
    reasons = {
        errno.ENOSPC: "the disk is full: free some space",
        errno.EDQUOT: "the disk quota is used up: free some space",
        errno.EACCES: "the folder is not writable: choose another or change its permissions",
        errno.EPERM: "the folder is not writable: choose another or change its permissions",
        errno.EROFS: "the file system is read-only: choose another folder",
        errno.ENOENT: "the folder does not exist: create it",
        errno.ENOTDIR: "a part of the path is a file, expected a folder: choose another",
        errno.EFBIG: "the file would be larger than is allowed here: raise the limit (ulimit -f)",
        errno.EISDIR: "it is a folder, expected a file name: choose another",
    }
    reason = reasons.get(getattr(error, "errno", None) or 0, f"{getattr(error, 'strerror', None) or error}")
    return OutputError(f"cannot write {path}: {reason}, then try again")


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that replaces it when the block succeeds and vanishes otherwise.

    Raises:
        OutputError: the disk is full, the folder missing or not writable.
    """
    handle: BinaryIO | None = None
    temporary: Path | None = None
    try:
        # Not mkstemp, whose files only the owner can read: a report has the folder's usual permissions.
        name = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        handle = name.open("xb")
        temporary = name
        yield handle
        handle.flush()
        os.fsync(handle.fileno())
        handle.close()
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise output_error(error, path) from error
    finally:
        _discard(handle, temporary)


def _discard(handle: BinaryIO | None, temporary: Path | None) -> None:
    """Close and delete the remains of an interrupted write; a failure here must not hide the first one."""
    if handle is not None:
        with suppress(OSError):
            handle.close()
    if temporary is not None:
        temporary.unlink(missing_ok=True)
