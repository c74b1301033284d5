"""The last net: what nobody expected becomes one line, and a file with the details for a report."""

from __future__ import annotations

import platform
import secrets
import sys
import traceback
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path

from posesync.pose.errors import PoseSyncError
from posesync.pose.files import make_private_folder, new_private_file
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
    make_private_folder(folder)
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H.%M.%S")
    place = folder / f"{stamp} {secrets.token_hex(2)}.txt"
    with new_private_file(place) as file:
        file.write(_details(error).encode("utf-8", "backslashreplace"))
    return place


def _details(error: Exception) -> str:
    try:
        version = metadata.version("posesync")
    except metadata.PackageNotFoundError:
        version = "unknown"
    head = f"PoseSync {version}, Python {sys.version}, {platform.platform()}\n{sys.argv!r}\n"
    return head + "".join(traceback.format_exception(type(error), error, error.__traceback__))
