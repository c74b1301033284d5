"""One camera frame becomes one step: keypoints, position in the piece, feedback."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from posesync.pose.errors import ModelError
from posesync.pose.estimator import PoseEstimator, PoseResult
from posesync.pose.performer import Lock
from posesync.pose.types import FloatArray, Frame, Keypoints

from .expert import Expert
from .feedback import Feedback, FeedbackSettings, compare_poses
from .position import Position

logger = logging.getLogger(__name__)

#: So many failures of the models in a row are no hiccup (a GPU short of memory) any more.
PATIENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Step:
    """Everything known about one frame.

    Attributes:
        frame: the camera's frame.
        keypoints: (17, 3) of the performer, px in the frame; confidence 0 where nobody is seen.
        lock: whether the performer is held, looked for or lost.
        position: where in the reference the performer is.
        feedback: against the expert at that place; empty without a position.
        expert_time: s in the reference to be shown: the position, else the last one, else the beginning.
        expert_pose: (17, 3) of the expert at that time.
    """

    frame: Frame
    keypoints: FloatArray
    lock: Lock
    position: Position
    feedback: Feedback
    expert_time: float
    expert_pose: FloatArray


class Coach:
    """Estimator, tracker and feedback in a row; the same frames give the same steps.

    Args:
        estimator: finds the performer's keypoints.
        expert: who is followed.
        feedback: tolerance and score curve.
    """

    def __init__(
        self, estimator: PoseEstimator, expert: Expert, feedback: FeedbackSettings | None = None
    ) -> None:
        self._estimator = estimator
        self._expert = expert
        self._tracker = expert.tracker()
        self._feedback = feedback or FeedbackSettings()
        self._shown = expert.start
        self._failures = 0

    def process(self, frame: Frame, *, hurried: bool = False) -> Step:
        """Take the next frame. One on which the models fail is one in which nobody is seen.

        Args:
            frame: the next one.
            hurried: spare the detector (:class:`posesync.realtime.haste.Haste`).

        Raises:
            ModelError: the models have failed PATIENCE times in a row.
        """
        result = self._look(frame, hurried=hurried)
        keypoints = result.keypoints.to_array()
        position = self._tracker.update(keypoints, frame.time)
        if position.time is not None:
            self._shown = position.time
        expert_pose = self._expert.pose_at(self._shown)
        feedback = Feedback.none()
        if position.time is not None:
            feedback = compare_poses(
                keypoints, expert_pose, mirrored=position.mirrored, settings=self._feedback
            )
        return Step(frame, keypoints, result.lock, position, feedback, self._shown, expert_pose)

    def _look(self, frame: Frame, *, hurried: bool) -> PoseResult:
        """Who is in the frame; nobody when the models fail, unless they do so again and again."""
        try:
            result = self._estimator.update(frame, hurried=hurried)
        except ModelError as error:
            self._failures += 1
            if self._failures >= PATIENCE:
                raise
            logger.warning("%s; going on without the frame at %.2f s", error, frame.time)
            return PoseResult(Keypoints.empty(), None, Lock.SEARCHING)
        self._failures = 0
        return result

    def restart(self) -> None:
        """Forget performer and position: the next frame is a new beginning."""
        self._estimator.reset()
        self._tracker.reset()
        self._shown = self._expert.start
