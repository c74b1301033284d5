"""The live loop: camera → tracker → feedback → overlay."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .position import Position, State
    from .tracker import Tracker
    from .tracker_settings import TrackerSettings

__all__ = ["Position", "State", "Tracker", "TrackerSettings"]

_HOMES = {
    "Position": "position",
    "State": "position",
    "Tracker": "tracker",
    "TrackerSettings": "tracker_settings",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must be able to catch Ctrl-C before NumPy is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
