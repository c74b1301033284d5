"""The live loop: camera → tracker → feedback → overlay."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posesync.realtime.coaching.coach import Coach
    from posesync.realtime.coaching.moment import Moment
    from posesync.realtime.tracking.position import Position, State
    from posesync.realtime.tracking.settings import TrackerSettings
    from posesync.realtime.tracking.tracker import Tracker

__all__ = ["Coach", "Moment", "Position", "State", "Tracker", "TrackerSettings"]

_HOMES = {
    "Coach": "coaching.coach",
    "Moment": "coaching.moment",
    "Position": "tracking.position",
    "State": "tracking.position",
    "Tracker": "tracking.tracker",
    "TrackerSettings": "tracking.settings",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must be able to catch Ctrl-C before NumPy is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
