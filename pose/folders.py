"""This user's folders: what can be made again, what is kept, and what happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs

from .errors import OutputError


def cache_folder() -> Path:
    """Return the folder for what can be made again; it need not exist.

    Raises:
        OutputError: the user has no home, and the environment names no folder.
    """
    return _of_the_user(platformdirs.user_cache_dir, "XDG_CACHE_HOME")


def data_folder() -> Path:
    """Return the folder for what a user has made; it need not exist.

    Raises:
        OutputError: the user has no home, and the environment names no folder.
    """
    return _of_the_user(platformdirs.user_data_dir, "XDG_DATA_HOME")


def state_folder() -> Path:
    """Return the folder for records of what happened; it need not exist.

    Raises:
        OutputError: the user has no home, and the environment names no folder.
    """
    return _of_the_user(platformdirs.user_state_dir, "XDG_STATE_HOME")


def _of_the_user(find: Callable[..., str], variable: str) -> Path:
    """Refuse what would come to lie in the current folder, under the name "~"."""
    try:
        folder = Path(find("posesync", appauthor=False))
    except RuntimeError:  # newer versions of platformdirs
        folder = Path("~")
    if not folder.is_absolute():
        raise OutputError(
            f"this user has no home folder, expected HOME or {variable} to name one: "
            "set it, as in HOME=/tmp/me"
        )
    return folder
