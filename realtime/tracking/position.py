"""The tracker's answer: where in the expert's video the performer is now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class State(str, Enum):
    """State of the tracker: WAITING → FOLLOWING ⇄ HOLDING, LOST → FOLLOWING, FINISHED."""

    WAITING = "waiting"
    """Nothing of the piece has been recognised yet."""
    FOLLOWING = "following"
    """The performer is in the piece and moves on."""
    HOLDING = "holding"
    """The performer is in the piece and stands still."""
    LOST = "lost"
    """The performer left, or does something that is not in the piece."""
    FINISHED = "finished"
    """The performer has reached the end of the piece."""


@dataclass(frozen=True, slots=True)
class Position:
    """One answer of the tracker.

    Attributes:
        time: seconds in the reference; None while WAITING or LOST. It never runs backwards between two
            answers unless ``jumped`` or ``wrapped`` is true.
        speed: the performer's pace relative to the expert's: 1.0 the same, 0 standing still.
        confidence: 0..1, the probability that ``time`` is right within 0.25 s.
        state: see :class:`State`.
        mirrored: the performer does the piece with left and right exchanged.
        jumped: ``time`` was reached by a jump (first lock, skip, restart, recovery), not by moving on.
        wrapped: the piece was done to its end and begins again with this answer: ``time`` returned to the
            beginning by moving on, without a jump.
        repetition: periods of the movement finished so far: when the expert squats three times, each squat
            counts as one; in a piece without periods, each run from beginning to end does.
        settled: ``(time, place)``, s on the caller's clock and s in the reference: where the performer was at
            an earlier update, some 0.2 s ago, given all that was seen since. Each update's time is settled
            at most once, in order; None while there is nothing to settle.
    """

    time: float | None
    speed: float
    confidence: float
    state: State
    mirrored: bool = False
    jumped: bool = False
    wrapped: bool = False
    repetition: int = 0
    settled: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "state": self.state.value}
