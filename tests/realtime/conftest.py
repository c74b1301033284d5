"""Fixtures of the live part's tests: the demo's clip as expert, prepared once, and moments to log."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from posesync.pose.settings import PoseSettings
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.expert import Expert, open_expert
from posesync.realtime.coaching.feedback import Feedback
from posesync.realtime.coaching.moment import Judged, Moment
from posesync.realtime.commands.demo_performance import TempoCurve, perform
from posesync.realtime.tracking.position import Position, State


@pytest.fixture(scope="session")
def expert_clip() -> Path:
    """The clip that comes with PoseSync: a woman walking, 4.5 s."""
    return Path(str(resources.files("posesync.realtime") / "media" / "demo_expert.mp4"))


@pytest.fixture(scope="session")
def expert(expert_clip: Path, detector: str, _isolated: None) -> Expert:
    """That clip, prepared."""
    return open_expert(expert_clip, PoseSettings(detector=detector))


@pytest.fixture(scope="session")
def performance(expert_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TempoCurve]:
    """The demo's performance of it, and its true tempo."""
    path = tmp_path_factory.mktemp("performance") / "performer.mp4"
    return path, perform(expert_clip, path)


@pytest.fixture(scope="session")
def make_moment() -> Callable[..., Moment]:
    """A moment at a time, with a position or without, judged at once."""

    def make(time: float, position: float | None = 1.0, score: float | None = 90.0) -> Moment:
        state = State.LOST if position is None else State.FOLLOWING
        joints = dict.fromkeys(JOINT_NAMES, None if position is None else -12.345)
        place, nothing = Position(position, 0.9, 0.8, state), np.zeros((17, 3))
        feedback = Feedback(joints, None if score is None else 10.0, None if position is None else score)
        return Moment(
            time=time,
            keypoints=nothing,
            position=place,
            feedback=feedback,
            expert_time=position or 0.0,
            expert_pose=nothing,
            judged=(Judged(time, nothing, place, feedback, nothing),),
            score=feedback.score,
        )

    return make
