"""Settings of a session's sound."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from posesync.pose.keys import choice, number, switch


class SoundMode(Enum):
    """What the expert's sound follows."""

    FOLLOW = "follow"
    CLOCK = "clock"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """Settings of the sound; ``[sound]`` in a settings file, every field a key."""

    mode: SoundMode = choice(
        SoundMode.FOLLOW,
        "How the expert's sound plays. follow: at the expert's pace while you keep it, and it waits for you; "
        "clock: expert and sound run at their own pace, whatever you do, and you see how far you lead or "
        "lag; off: silence.",
    )
    volume: float = number(0.8, "share", 0, 1, "Volume of the expert's sound.")
    tones: bool = switch(True, "Play tones for the count-in.")
    voice: bool = switch(False, 'Speak the cues (pip install "posesync[voice]").')
