"""Stands in for the estimator: nobody is seen, and no model is loaded."""

from __future__ import annotations

from typing import Any

from posesync.pose.estimator import PoseResult
from posesync.pose.performer import Lock
from posesync.pose.types import Frame, Keypoints


class IdleEstimator:
    """Looks at nothing."""

    provider = "CPU"

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        return PoseResult(Keypoints.empty(), None, Lock.SEARCHING)

    def describe(self) -> dict[str, Any]:
        return {}

    def reset(self) -> None:
        """Nothing is remembered."""
