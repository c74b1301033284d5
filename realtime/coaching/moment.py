"""What the coach says of one frame, and of those before it that were judged with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from posesync.pose.performer import Lock
from posesync.pose.types import FloatArray
from posesync.realtime.tracking.position import Position

from .cues import Cue
from .feedback import Feedback
from .guidance import Shown
from .scoring import TimingReading
from .settings import GuidanceLevel
from .start import Phase, PracticeStatus

NO_TIMING: Final = TimingReading(None, None, None)
RUNNING: Final = PracticeStatus(Phase.RUNNING)
_ALL_SHOWN: Final = Shown(expert=True, ghost=True, level=GuidanceLevel.FULL)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A frame against the expert at the place where the performer was, as known some 0.2 s later.

    Attributes:
        time: of the frame, s since the camera's first.
        keypoints: (17, 3) of the performer, px in the frame.
        position: the answer for that frame; ``time``, ``jumped``, ``wrapped`` and ``repetition`` are those of
            the settled place, or of the live one where none settled.
        feedback: against the expert at that place, its score for form alone; empty without a place.
        expert_pose: (17, 3) of the expert there.
        timing: the performer's pace up to then.
    """

    time: float
    keypoints: FloatArray
    position: Position
    feedback: Feedback
    expert_pose: FloatArray
    timing: TimingReading = NO_TIMING


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Everything known about one frame, and about those before it that were judged with it.

    Attributes:
        time: of the frame, s since the camera's first.
        keypoints: (17, 3) of the performer, px in the frame; confidence 0 where nobody is seen.
        position: where in the reference the performer is, now.
        feedback: against the expert at that place; empty without a position. It is for drawing.
        expert_time: s in the reference to be shown: the position, else the last one, else the beginning.
        expert_pose: (17, 3) of the expert at that time.
        judged: the frames that were judged with this one, the oldest first: each once, some 0.2 s after it
            was taken, 0.5 s at most. Empty until something has settled.
        doubtful: there is a place, but it is too uncertain to be stated.
        score: 0..100, form, as last judged; to be shown. None without a place, or with a doubtful one.
        cue: the correction to show now, or None; like ``score``.
        said: whether ``cue`` is new with this frame.
        timing: the performer's pace, as last judged, while they move on; like ``score``.
        framing: what to change about where the performer stands, or None.
        practice: whether the piece has begun, and what is counted until then.
        shown: how much of the expert to show: everything, where no session withdraws any of it.
        lock: whether the performer is held, looked for or lost; None for keypoints that come without it.
    """

    time: float
    keypoints: FloatArray
    position: Position
    feedback: Feedback
    expert_time: float
    expert_pose: FloatArray
    judged: tuple[Judged, ...] = ()
    doubtful: bool = False
    score: float | None = None
    cue: Cue | None = None
    said: bool = False
    timing: TimingReading = NO_TIMING
    framing: str | None = None
    practice: PracticeStatus = RUNNING
    shown: Shown = _ALL_SHOWN
    lock: Lock | None = None

    @property
    def joints(self) -> Mapping[str, float | None]:
        """Joint name → performer − expert now, degrees −180..180, or None when either was not seen."""
        return self.feedback.joints
