"""The live loop: camera → tracker → feedback → overlay."""

from .position import Position, State
from .tracker import Tracker, TrackerSettings

__all__ = ["Position", "State", "Tracker", "TrackerSettings"]
