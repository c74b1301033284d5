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
    """Settings of what is heard; ``[sound]`` in a settings file, every field a key."""

    mode: SoundMode = choice(
        SoundMode.FOLLOW,
        "The expert's sound. follow: it plays while you keep the expert's pace and waits for you; clock: "
        "expert and sound run at their own pace, whatever you do, and you see by how much you lead or lag; "
        "off: silence.",
    )
    volume: float = number(0.8, "share", 0, 1, "Of the expert's sound.")
    tones: bool = switch(True, "Sound the count-in.")
    voice: bool = switch(False, 'Speak the cues (pip install "posesync[voice]").')
