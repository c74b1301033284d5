"""What is heard."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SoundMode(Enum):
    """What the expert's sound goes by."""

    FOLLOW = "follow"
    CLOCK = "clock"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """What is heard; ``[sound]`` in the configuration.

    Attributes:
        mode: what the expert's sound goes by.
        volume: 0..1, of the expert's sound.
        tones: the count-in is heard.
        voice: cues are spoken (extra ``[voice]``).
    """

    mode: SoundMode = SoundMode.OFF
    volume: float = 0.8
    tones: bool = True
    voice: bool = False
