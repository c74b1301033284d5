"""Where sessions are kept when the user names no file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from posesync.pose.files import make_private_folder, output_error
from posesync.pose.folders import data_folder


def sessions_dir() -> Path:
    """Return the folder of kept sessions, in the user's data."""
    return data_folder() / "sessions"


def new_log(folder: Path | None = None, mark: str = "") -> Path:
    """Return a file name for the log of a session that begins now; its folder is created.

    Args:
        folder: folder of the sessions; :func:`sessions_dir` when None.
        mark: distinguishes sessions that begin in the same second.

    Raises:
        OutputError: the folder cannot be created.
    """
    folder = folder or sessions_dir()
    try:
        make_private_folder(folder)
    except OSError as error:
        raise output_error(error, folder) from error
    stem = datetime.now().astimezone().strftime("%Y-%m-%d %H.%M.%S")
    stem = f"{stem} {mark}" if mark else stem
    name, number = folder / f"{stem}.jsonl", 2
    while name.exists():
        name, number = folder / f"{stem} ({number}).jsonl", number + 1
    return name
