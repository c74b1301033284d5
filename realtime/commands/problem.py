"""The last net: what nobody expected becomes one line, and a file with the details for a report."""

from __future__ import annotations

import os
import platform
import secrets
import sys
import traceback
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path

from posesync.pose.errors import PoseSyncError
from posesync.pose.folders import state_folder
from posesync.pose.textual import one_line


def describe(error: Exception) -> str:
    """Return an unexpected error in one line that names the file with its details."""
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    reason = one_line(reason)[:200]
    place = None
    with suppress(OSError, PoseSyncError):
        place = _keep(error)
    if place is None:
        return f"unexpected {reason}: please report it, with the command and posesync doctor --json"
    return one_line(f"unexpected {reason}: please report it, with the file {place}")


def _keep(error: Exception) -> Path:
    """Write the details to a new file that only the user reads, and return it.

    Raises:
        OSError, PoseSyncError: there is no place for it.
    """
    folder = state_folder() / "problems"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H.%M.%S")
    place = folder / f"{stamp} {secrets.token_hex(2)}.txt"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(place, flags, 0o600), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(_details(error))
    return place


def _details(error: Exception) -> str:
    try:
        version = metadata.version("posesync")
    except metadata.PackageNotFoundError:
        version = "unknown"
    head = f"PoseSync {version}, Python {sys.version}, {platform.platform()}\n{sys.argv!r}\n"
    return head + "".join(traceback.format_exception(type(error), error, error.__traceback__))
