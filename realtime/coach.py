"""One camera frame becomes one step: keypoints, position in the piece, feedback."""

from __future__ import annotations

from dataclasses import dataclass

from posesync.pose.estimator import PoseEstimator
from posesync.pose.performer import Lock
from posesync.pose.types import FloatArray, Frame

from .expert import Expert
from .feedback import Feedback, FeedbackSettings, compare_poses
from .position import Position


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

    def process(self, frame: Frame) -> Step:
        """Take the next frame.

        Raises:
            ModelError: a model cannot be run.
        """
        result = self._estimator.update(frame)
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

    def restart(self) -> None:
        """Forget performer and position: the next frame is a new beginning."""
        self._estimator.reset()
        self._tracker.reset()
        self._shown = self._expert.start
