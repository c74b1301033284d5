"""Where in the expert's video the performer is now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class State(str, Enum):
    """What the tracker knows: WAITING → FOLLOWING ⇄ HOLDING, LOST → FOLLOWING, FINISHED."""

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
            answers unless ``jumped`` is true.
        speed: the performer's pace relative to the expert's: 1.0 the same, 0 standing still.
        confidence: 0..1, how sure the tracker is of ``time``.
        state: see :class:`State`.
        mirrored: the performer does the piece with left and right exchanged.
        jumped: ``time`` was reached by a jump (first lock, skip, restart, recovery), not by moving on.
    """

    time: float | None
    speed: float
    confidence: float
    state: State
    mirrored: bool = False
    jumped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "state": self.state.value}
