"""What becomes of a session, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from posesync.configs.shared import SHARED
from posesync.pose.keys import choice, number, switch

_KEYS: Final = SHARED.keys


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What is kept of a session; ``[session]`` in a settings file, every field a key."""

    keep: bool = switch(
        True,
        "Keep log and report of every session with a window in your data folder, also without --log.",
    )
    pictures: bool = switch(True, "Keep pictures of the five worst moments in the log, for the report.")


class Layout(str, Enum):
    """How performer and expert share the picture."""

    SIDE_BY_SIDE = "side-by-side"
    """Two pictures of equal height."""
    GHOST = "ghost"
    """The performer as large as fits, with the expert's pose on their own body as a shape to fill."""
    PICTURE_IN_PICTURE = "picture-in-picture"
    """The performer as large as fits, the expert small in a corner."""

    def next(self) -> Layout:
        """The one that the key goes on to."""
        every = list(Layout)
        return every[(every.index(self) + 1) % len(every)]


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """What is drawn, and how; ``[display]`` in a settings file, every field a key."""

    view: Layout = choice(
        Layout.SIDE_BY_SIDE,
        f"How you and the expert share the picture; the key {_KEYS['view'].label} changes it.",
    )
    preview: bool = switch(
        False,
        "Show what is practised in slow motion, over and over, until the piece begins; the key "
        f"{_KEYS['slow'].label} does so at any time.",
    )
    mirror: bool = switch(
        True,
        "Show the performer as in a mirror. What is inferred and what is called left and right does not "
        "change.",
    )
    follow: bool = switch(
        True,
        "Zoom a picture that is wider than its place in on the performer; false shows the whole picture.",
    )
    height: int = number(
        720,
        "px",
        360,
        2160,
        "Height of what is drawn and recorded; its width follows at 16:9. The window can be any size.",
    )
    statistics: bool = switch(
        False, f"Show the statistics panel from the start (key {_KEYS['details'].label})."
    )
