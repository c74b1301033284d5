"""Two scores for a performer: form, how alike the poses are, and timing, how close the pace is.

They are kept apart: a performer who dances well but late gets good form and poor timing. docs/feedback.md has
both curves and their values on real clips.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from posesync.pose.errors import InvalidDataError
from posesync.pose.features import check_keypoints
from posesync.pose.types import FloatArray
from posesync.realtime.tracking.position import Position, State

from .feedback import compare_nearest
from .settings import FeedbackSettings

#: s, offsets from the matched moment among which the expert's most similar pose counts for form: they cover
#: the tracker's own error, and lateness that belongs to timing.
FORM_SLACK: Final = (-0.1, -0.05, 0.0, 0.05, 0.1)


class Timing(str, Enum):
    """The pace in one word."""

    ON_TIME = "on time"
    RUSHING = "rushing"
    DRAGGING = "dragging"


@dataclass(frozen=True, slots=True)
class TimingSettings:
    """Settings of how pace becomes a score and a word.

    Attributes:
        span: s over which pace is measured.
        least: s of practice before there is a first answer, less than ``span``.
        tolerance: ratio over 1; a pace within it of the expert's, faster or slower, scores 100.
        half_score: ratio over ``tolerance``; the pace with a score of 50.
        off: ratio over ``tolerance``; from here on the performer rushes, and below its inverse they drag.
        on: ratio over 1 and below ``off``, within which they are on time again.
    """

    span: float = 2.0
    least: float = 1.0
    tolerance: float = 1.08
    half_score: float = 1.4
    off: float = 1.18
    on: float = 1.12


@dataclass(frozen=True, slots=True)
class TimingReading:
    """The pace now.

    Attributes:
        score: 0..100 (see :func:`timing_score`), or None without a measurement.
        label: the pace in one word, or None like ``score``.
        speed: the pace over the last seconds, 1.0 the expert's, 0 standing still; None like ``score``.
    """

    score: float | None
    label: Timing | None
    speed: float | None


_NOTHING: Final = TimingReading(None, None, None)


def form_score(
    performer: FloatArray,
    expert: FloatArray,
    *,
    mirrored: bool = False,
    settings: FeedbackSettings | None = None,
) -> float | None:
    """Return the score 0..100 of a pose; given several moments of the expert, against the most similar one.

    Args:
        performer: (17, 3) x px, y px, confidence 0..1.
        expert: (17, 3), or (K, 17, 3): the expert at the matched time plus each of ``FORM_SLACK``, so that
            being early or late is not charged twice.
        mirrored: the performer does the piece with left and right exchanged.
        settings: tolerance and curve, see :func:`~posesync.realtime.coaching.feedback.score_of`.

    Returns:
        None when too little was seen.

    Raises:
        InvalidDataError: another shape.
    """
    poses = check_keypoints(expert, "expert").reshape(-1, 17, 3)
    return compare_nearest(performer, poses, mirrored=mirrored, settings=settings)[0].score


def timing_score(speed: float, settings: TimingSettings | None = None) -> float:
    """Return the score 0..100 of a pace relative to the expert's, the same for twice and half as fast.

    100 within ``tolerance``, then ``100 · 2^−x^1.5``, x = (|log speed| − log tolerance) / (log half_score −
    log tolerance). With the defaults 1.08 scores 100, 1.2 84, 1.4 50, 1.7 20 and 2.0 8; standing still 0.

    Raises:
        InvalidDataError: ``speed`` is negative or not a number.
    """
    settings = settings or TimingSettings()
    if not speed >= 0.0:
        raise InvalidDataError(
            f"speed is {speed}, expected 0 or more: pass the tracker's pace, 1.0 the expert's"
        )
    if speed in (0.0, math.inf):
        return 0.0
    tolerance = math.log(settings.tolerance)
    beyond = max(0.0, abs(math.log(speed)) - tolerance) / (math.log(settings.half_score) - tolerance)
    return float(100.0 * 2.0 ** -(beyond**1.5))


class TimingMeter:
    """Measures the pace over the last seconds from how the place in the piece moves.

    The tracker's own ``speed`` follows within a third of a second: right for a display, too nervous for a
    judgement. A jump is not pace: measuring starts again after it. A return to the start counts as moving on:
    the measurement continues across it, or a squat of two seconds would have no pace for half of its time.
    """

    def __init__(self, settings: TimingSettings | None = None) -> None:
        self._settings = settings or TimingSettings()
        self.reset()

    def reset(self) -> None:
        """Forget what was measured."""
        self._places: deque[tuple[float, float]] = deque()
        self._label = Timing.ON_TIME

    def update(self, position: Position, time: float) -> TimingReading:
        """Return the recent pace, given the tracker's answer at ``time`` s."""
        if position.time is None or position.state is State.FINISHED:
            self.reset()
            return _NOTHING
        if position.jumped or (self._places and time < self._places[-1][0]):
            self._places.clear()
        elif position.wrapped and self._places:
            self._unroll(position.time, time, position.speed)
        self._places.append((time, position.time))
        while time - self._places[0][0] > self._settings.span:
            self._places.popleft()
        elapsed = time - self._places[0][0]
        if elapsed < self._settings.least - 1e-6:
            return _NOTHING
        speed = (position.time - self._places[0][1]) / elapsed
        self._label = self._judge(speed)
        return TimingReading(timing_score(max(speed, 0.0), self._settings), self._label, max(speed, 0.0))

    def _unroll(self, place: float, time: float, speed: float) -> None:
        """Shift the places measured so far to before the start, to which the performer has returned."""
        last_time, last_place = self._places[-1]
        shift = place - speed * (time - last_time) - last_place
        self._places = deque((when, where + shift) for when, where in self._places)

    def _judge(self, speed: float) -> Timing:
        """Return the word for a pace; it changes only when the pace has clearly changed."""
        on, off = self._settings.on, self._settings.off
        if speed >= (on if self._label is Timing.RUSHING else off):
            return Timing.RUSHING
        if speed <= 1.0 / (on if self._label is Timing.DRAGGING else off):
            return Timing.DRAGGING
        return Timing.ON_TIME
