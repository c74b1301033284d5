"""The coach's result for one frame, with the earlier frames that were judged with it."""

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
    """A frame compared with the expert at the performer's place as known some 0.2 s later.

    Attributes:
        time: of the frame, s since the camera's first.
        keypoints: (17, 3) of the performer, px in the frame.
        position: the answer for that frame; ``time``, ``jumped``, ``wrapped`` and ``repetition`` are those of
            the settled place, or of the live one where none settled.
        feedback: compared with the expert at that place; its score is for form alone. Empty without a place.
        expert_pose: (17, 3) of the expert there.
        timing: the performer's pace up to that frame.
    """

    time: float
    keypoints: FloatArray
    position: Position
    feedback: Feedback
    expert_pose: FloatArray
    timing: TimingReading = NO_TIMING


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Everything known about one frame, and about the earlier frames that were judged with it.

    Attributes:
        time: of the frame, s since the camera's first.
        keypoints: (17, 3) of the performer, px in the frame; confidence 0 where nobody is seen.
        position: where in the reference the performer is now.
        feedback: compared with the expert at that place, for drawing; empty without a position.
        expert_time: s in the reference to show: the position, else the last one, else the beginning.
        expert_pose: (17, 3) of the expert at that time.
        judged: the frames that were judged with this one, the oldest first: each once, some 0.2 s after it
            was taken, 0.5 s at most. Empty while no place has settled.
        doubtful: there is a place, but it is too uncertain to be stated.
        score: 0..100 for form, as last judged, to show. None without a place, or with a doubtful one.
        cue: the correction to show now; None without one, without a place, or with a doubtful one.
        said: whether ``cue`` is new with this frame.
        timing: the performer's pace, as last judged, while they move on; empty otherwise, or with a doubtful
            place.
        framing: advice on where to stand, or None.
        practice: whether the piece has started, and the count-in until then.
        shown: how much of the expert to show; everything, unless a session reduces it.
        lock: whether the performer is held, searched for or lost; None for keypoints that come without it.
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
        """Return joint → performer − expert now, degrees −180..180, or None when either was not seen."""
        return self.feedback.joints
