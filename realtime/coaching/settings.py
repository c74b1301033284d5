"""What the coach's behaviour depends on, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .confidence import JUDGED_FROM


class Start(Enum):
    """What begins the piece."""

    NOW = "now"
    """The first frame."""
    COUNT = "count"
    """3-2-1, once the framing is good."""
    MOTION = "motion"
    """The first movement after standing still."""
    HAND = "hand"
    """A hand held above the head; then 3-2-1."""


@dataclass(frozen=True, slots=True)
class PracticeSettings:
    """How a practice begins; ``[practice]`` in the configuration.

    Attributes:
        start: what begins the piece.
        seconds: s of the count-in, whole numbers are counted; 0 leaves it out.
        settle: s that framing must be good before anything else happens.
        patience: s after which it begins although the framing is bad: a room may be too small; 0: at once.
        moving: torso lengths per s (see :class:`~.start.MotionMeter`) from which somebody moves.
        still: torso lengths per s, less than ``moving``, below which somebody stands still.
        still_for: s that a performer stands still before the first movement counts as the start.
        hand_for: s that a hand is held up.
    """

    start: Start = Start.NOW
    seconds: float = 3.0
    settle: float = 1.0
    patience: float = 20.0
    moving: float = 0.6
    still: float = 0.3
    still_for: float = 0.7
    hand_for: float = 1.0


class GuidanceLevel(Enum):
    """What is shown of the expert."""

    FULL = "full"
    """Expert and ghost."""
    MISTAKES = "mistakes"
    """The expert, and the ghost only while the performer errs."""
    NONE = "none"
    """Neither: the performer knows it by heart."""

    @property
    def less(self) -> GuidanceLevel:
        """The next level with less guidance; NONE stays."""
        return _LEVELS[min(_LEVELS.index(self) + 1, len(_LEVELS) - 1)]

    @property
    def more(self) -> GuidanceLevel:
        """The next level with more guidance; FULL stays."""
        return _LEVELS[max(_LEVELS.index(self) - 1, 0)]


_LEVELS = tuple(GuidanceLevel)


@dataclass(frozen=True, slots=True)
class GuidanceSettings:
    """When guidance goes and comes back; ``[guidance]`` in the configuration.

    Attributes:
        level: at the start.
        automatic: withdraw it, and bring it back, by the scores of each section.
        good: 0..100; a run through a section with this mean score was done well.
        poor: 0..100, less than ``good``; one with a lower score brings guidance back.
        runs: 1..; so many good runs in a row withdraw one level.
        mistake: 0..100; with a lower score at a moment the performer errs.
        relief: 0..100, added to ``mistake``: the score at which the mistake counts as mended.
        least: s that a ghost once shown stays: one that flickers teaches nothing.
    """

    level: GuidanceLevel = GuidanceLevel.FULL
    automatic: bool = True
    good: float = 85.0
    poor: float = 60.0
    runs: int = 2
    mistake: float = 70.0
    relief: float = 8.0
    least: float = 1.5


@dataclass(frozen=True, slots=True)
class CueSettings:
    """When a difference is worth a word, and how cues follow one another.

    Attributes:
        least: degrees, 8..45; a joint that is turned by less gives no cue.
        min_weight: 0..1; a joint seen with less certainty in either pose gives no cue.
        memory: s, over which it is judged whether an error lasts.
        share: 0..1, of the recent time for which an error must have been there; with a ``memory`` of 0.6 s
            and 0.65 a steady error is said after 0.63 s.
        release: 0..1, below ``share``; an error that has been there for no more has been put right.
        min_confidence: 0..1, the probability that the place is right; below it the comparison is in doubt and
            nothing is said.
        hold: s a cue stays at least, long enough to be read.
        longest: s a cue stays at most, followed or not.
        interval: s between the beginnings of two cues, at least.
        again: s until a cue that was not followed may be repeated.
    """

    least: float = 14.0
    min_weight: float = 0.35
    memory: float = 0.6
    share: float = 0.65
    release: float = 0.3
    min_confidence: float = JUDGED_FROM
    hold: float = 1.8
    longest: float = 4.0
    interval: float = 2.5
    again: float = 8.0


@dataclass(frozen=True, slots=True)
class FeedbackSettings:
    """Where the score begins to fall and how fast; ``[feedback]`` in the configuration.

    Attributes:
        tolerance: degrees, 0..45; a joint that differs by no more counts as right.
        half_score: degrees, more than ``tolerance``; the overall error with a score of 50.
        min_weight: 0..1; what was seen with less certainty in either pose is left out.
    """

    tolerance: float = 6.0
    half_score: float = 22.0
    min_weight: float = 0.35
