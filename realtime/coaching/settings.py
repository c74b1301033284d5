"""Settings of the coach, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from posesync.pose.keys import choice, number, switch

from .confidence import JUDGED_FROM


class Start(Enum):
    """What starts the piece."""

    COUNT = "count"
    """3-2-1, once the framing is good."""
    MOTION = "motion"
    """The first movement after standing still."""
    HAND = "hand"
    """A hand held above the head; then 3-2-1."""
    NOW = "now"
    """The first frame."""


@dataclass(frozen=True, slots=True)
class PracticeSettings:
    """Settings of how a practice begins; ``[practice]`` in a settings file.

    Attributes:
        settle: s for which framing must be good before anything else happens.
        moving: torso lengths per s (see :class:`~.start.MotionMeter`) from which somebody moves.
        still: torso lengths per s, less than ``moving``, below which somebody stands still.
        still_for: s that a performer stands still before the first movement counts as the start.
        hand_for: s that a hand is held up.
    """

    start: Start = choice(
        Start.COUNT,
        "What starts the piece in front of a camera; a file starts at once. count: 3-2-1 once you are well "
        "in the picture; motion: your first movement after standing still; hand: a hand held above your "
        "head, then 3-2-1; now: the first frame. Return starts it at any time.",
    )
    seconds: float = number(
        3.0, "s", 0, 30, "Length of the count-in. Whole seconds are counted; 0 leaves it out."
    )
    patience: float = number(
        20.0,
        "s",
        0,
        600,
        "After this time the start no longer waits until you are well in the picture: a room may be too "
        "small.",
    )
    settle: float = 1.0
    moving: float = 0.6
    still: float = 0.3
    still_for: float = 0.7
    hand_for: float = 1.0


class GuidanceLevel(Enum):
    """How much of the expert is shown."""

    FULL = "full"
    """Expert and ghost."""
    MISTAKES = "mistakes"
    """The expert, and the ghost only while the performer makes a mistake."""
    NONE = "none"
    """Neither: the performer knows the piece by heart."""

    @property
    def less(self) -> GuidanceLevel:
        """Return the next level with less guidance; NONE stays."""
        return _LEVELS[min(_LEVELS.index(self) + 1, len(_LEVELS) - 1)]

    @property
    def more(self) -> GuidanceLevel:
        """Return the next level with more guidance; FULL stays."""
        return _LEVELS[max(_LEVELS.index(self) - 1, 0)]


_LEVELS = tuple(GuidanceLevel)


@dataclass(frozen=True, slots=True)
class GuidanceSettings:
    """Settings of when guidance goes and comes back; ``[guidance]`` in a settings file.

    Attributes:
        mistake: 0..100; a moment with a lower score is a mistake.
        relief: 0..100; ``mistake`` plus this is the score from which the mistake counts as corrected.
        least: s for which a ghost stays once shown: one that flickers teaches nothing.
    """

    level: GuidanceLevel = choice(
        GuidanceLevel.FULL,
        "How much of the expert is shown. full: everything; mistakes: the expert, and the ghost only while "
        "you make a mistake; none: neither ghost nor expert.",
    )
    automatic: bool = switch(
        True, "Reduce guidance section by section as you get better, and bring it back when you need it."
    )
    good: float = number(
        85.0, "score", 0, 100, "Least mean score at which a run through a section counts as done well."
    )
    poor: float = number(
        60.0,
        "score",
        0,
        100,
        "A run through a section with a mean score below this brings guidance back by one level; less than "
        "good.",
    )
    runs: int = number(
        2, "runs", 1, 20, "Runs in a row that must be done well before guidance is reduced by one level."
    )
    mistake: float = 70.0
    relief: float = 8.0
    least: float = 1.5


@dataclass(frozen=True, slots=True)
class CueSettings:
    """Settings of when a difference gives a cue, and how cues follow one another; ``[cues]`` in a file.

    Attributes:
        memory: s over which it is judged whether an error lasts.
        share: 0..1, share of the recent time for which an error must have been there; with a ``memory`` of
            0.6 s and 0.65 a steady error gives its cue after 0.63 s.
        release: 0..1, below ``share``; an error that was there for no more than this counts as put right.
        min_confidence: 0..1, the probability that the place is right; below it the comparison is in doubt and
            gives no cue.
    """

    least: float = number(
        14.0, "degrees", 8, 45, "A joint whose direction differs by less than this gives no cue."
    )
    interval: float = number(2.5, "s", 2.5, 60, "Least time from one cue to the next.")
    hold: float = number(
        1.8, "s", 0, 30, "A cue stays at least this long, so that it can be read; less than longest."
    )
    longest: float = number(4.0, "s", 1, 60, "A cue stays at most this long, whether or not it is followed.")
    again: float = number(
        8.0, "s", 0, 600, "A cue that was not followed is not repeated until this time has passed."
    )
    min_weight: float = number(
        0.35,
        "weight",
        0,
        1,
        "A joint seen with less certainty than this, of you or of the expert, gives no cue.",
    )
    memory: float = 0.6
    share: float = 0.65
    release: float = 0.3
    min_confidence: float = JUDGED_FROM


@dataclass(frozen=True, slots=True)
class FeedbackSettings:
    """Settings of the score's curve; ``[feedback]`` in a settings file, every field a key."""

    tolerance: float = number(
        6.0, "degrees", 0, 45, "A joint that differs by no more than this counts as right."
    )
    half_score: float = number(
        22.0, "degrees", 10, 90, "Overall difference at which the score is 50 of 100; more than tolerance."
    )
    min_weight: float = number(
        0.35,
        "weight",
        0,
        1,
        "A joint whose keypoints are seen with less certainty than this is not compared.",
    )


@dataclass(frozen=True, slots=True)
class FramingSettings:
    """Settings of framing advice; ``[framing]`` in a settings file, every field a key."""

    after: float = number(
        1.0, "s", 0, 60, "Advice on where to stand is shown once the fault has lasted this long."
    )
    at_least: float = number(2.0, "s", 0, 60, "The advice stays at least this long, so that it can be read.")
    good_after: float = number(
        0.5, "s", 0, 60, "You count as well in the picture once nothing has been wrong for this long."
    )
