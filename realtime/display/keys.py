"""Maps the window's keys to commands. The keys are in configs/shared.toml, shared with the page."""

from __future__ import annotations

from enum import Enum
from types import ModuleType
from typing import Final

from posesync.configs.shared import SHARED

#: Names of keys in ``shared.toml`` that pygame spells differently.
_PYGAME_NAMES: Final = {" ": ("SPACE",), "enter": ("RETURN", "KP_ENTER"), "escape": ("ESCAPE",)}


class Command(Enum):
    """An action asked for with a key or the window's buttons, by its name in ``shared.toml``."""

    QUIT = "quit"
    PAUSE = "pause"
    MIRROR = "mirror"
    RESTART = "restart"
    DETAILS = "details"
    VIEW = "view"
    LOOP = "loop"
    GUIDANCE = "guidance"
    SLOW = "slow"
    SOUND = "sound"
    BEGIN = "begin"


def commands_by_key(pygame: ModuleType) -> dict[int, Command]:
    """Return Pygame's key code → the command it asks for."""
    return {
        getattr(pygame, f"K_{name}"): Command(asked)
        for asked, entry in SHARED.keys.items()
        for key in entry.in_window
        for name in _PYGAME_NAMES.get(key, (key,))
    }
