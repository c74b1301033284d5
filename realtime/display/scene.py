"""The data that one picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from posesync.pose.types import FloatArray, Image
from posesync.realtime.coaching.confidence import doubt_of
from posesync.realtime.coaching.scoring import Timing
from posesync.realtime.session.settings import Layout
from posesync.realtime.tracking.position import Position


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything one picture is drawn from.

    Attributes:
        time: s since the camera's first frame.
        image: the performer's frame, true side, (H, W, 3) BGR.
        keypoints: (17, 3) of the performer, px in ``image``.
        position: where the performer is; drawings that depend on it fade where its confidence is low.
        duration: of the reference, s.
        joints: joint → signed degrees or None.
        score: 0..100 or None.
        expert_image: the matched expert frame, or None when there is no video of the expert.
        expert_keypoints: (17, 3) of the expert, px in a frame of ``expert_size``.
        expert_size: width, height that ``expert_keypoints`` refer to.
        fps: processed frames per second, or None.
        notice: one line over the picture ("Camera lost …"), or None.
        statistics: lines of label and value for the details panel, or None to hide it.
        view: the layout of this scene, or None for the overlay's own ``layout``.
        cue: the correction to show, any Unicode, or None.
        timing: the performer's pace for the timing bar, 1.0 = the expert's, or None.
        pace: the pace in a word, or None.
        doubtful: the place is too uncertain to be stated.
        lead: s ahead of (+) or behind (−) the expert's clock, when the expert runs at their own pace; the
            timing bar then shows it. Else None.
        sections: of the piece: from s, to s, name.
        practised: from s, to s of the section that is practised, or None.
        framing: advice on where to stand, or None; shown instead of the cue.
        countdown: the count-in's number, in huge digits ("3"), or None.
        show_ghost: whether the ghost is shown, where the layout has one.
        show_expert: whether the expert's picture is shown, where the layout has one.
    """

    time: float
    image: Image
    keypoints: FloatArray
    position: Position
    duration: float
    joints: dict[str, float | None]
    score: float | None
    expert_image: Image | None
    expert_keypoints: FloatArray
    expert_size: tuple[int, int]
    fps: float | None = None
    notice: str | None = None
    statistics: tuple[tuple[str, str], ...] | None = None
    view: Layout | None = None
    cue: str | None = None
    timing: float | None = None
    pace: Timing | None = None
    doubtful: bool = False
    lead: float | None = None
    sections: tuple[tuple[float, float, str], ...] = ()
    practised: tuple[float, float] | None = None
    framing: str | None = None
    countdown: str | None = None
    show_ghost: bool = True
    show_expert: bool = True

    @property
    def doubt(self) -> float:
        """Return how far drawings that depend on the position are to fade, 0..1; 0 without a position."""
        if self.position.time is None:
            return 0.0
        return doubt_of(self.position.confidence)
