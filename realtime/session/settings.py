"""Settings of what a session keeps and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from posesync.configs.shared import SHARED
from posesync.pose.keys import choice, number, switch

_KEYS: Final = SHARED.keys


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Settings of what a session keeps; ``[session]`` in a settings file, every field a key."""

    keep: bool = switch(
        True,
        "Keep the log and report of every session with a window in your data folder, even without --log.",
    )
    pictures: bool = switch(True, "Keep pictures of the five worst moments in the log, for the report.")


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Settings of the cache; ``[cache]`` in a settings file, every field a key."""

    limit: float = number(
        20.0,
        "GB",
        0.1,
        100_000.0,
        "How large the cache of prepared videos may grow. What was not used for longest is deleted first, "
        "never what a running session uses; it is made again when needed. posesync cache shows it.",
    )


class Layout(str, Enum):
    """How performer and expert share the picture."""

    SIDE_BY_SIDE = "side-by-side"
    """Two pictures of equal height."""
    GHOST = "ghost"
    """The performer as large as fits, with the expert's pose drawn on their body as a shape to fill."""
    PICTURE_IN_PICTURE = "picture-in-picture"
    """The performer as large as fits, the expert small in a corner."""

    def next(self) -> Layout:
        """Return the layout that follows this one when the key is pressed."""
        every = list(Layout)
        return every[(every.index(self) + 1) % len(every)]


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """Settings of what is drawn, and how; ``[display]`` in a settings file, every field a key."""

    view: Layout = choice(
        Layout.SIDE_BY_SIDE,
        f"How you and the expert share the picture; the key {_KEYS['view'].label} changes it.",
    )
    preview: bool = switch(
        False,
        "Play the practised part in slow motion, over and over, until the piece starts; the key "
        f"{_KEYS['slow'].label} does so at any time.",
    )
    mirror: bool = switch(
        True,
        "Show the performer as in a mirror. Left and right in cues and results stay the performer's own.",
    )
    follow: bool = switch(
        True,
        "Zoom in on the performer in a picture that is wider than its place; false shows the whole picture.",
    )
    height: int = number(
        720,
        "px",
        360,
        2160,
        "Height of the picture that is drawn and recorded, always 16:9. The window can be any size.",
    )
    statistics: bool = switch(
        False, f"Show the statistics panel from the start (key {_KEYS['details'].label})."
    )
