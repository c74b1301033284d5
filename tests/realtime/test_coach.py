"""The coach on real frames: what begins the piece, what is said of it, and the section that is practised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moving import dance
from posesync.pose.estimator import PoseEstimator, PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.types import Frame
from posesync.realtime.coach import Coach, Step
from posesync.realtime.demo_performance import TempoCurve
from posesync.realtime.expert import Expert
from posesync.realtime.feedback import compare_nearest
from posesync.realtime.position import State
from posesync.realtime.practice import Phase, PracticeSettings, Start


@pytest.fixture(scope="module")
def frames(performance: tuple[Path, TempoCurve]) -> list[Frame]:
    with open_source(performance[0]) as source:
        return [frame for frame in source if frame.index < 75]


@pytest.fixture(scope="module")
def estimator(detector: str) -> PoseEstimator:
    return PoseEstimator(PoseSettings(detector=detector, every="auto"))


@pytest.fixture(scope="module")
def counted(frames: list[Frame], estimator: PoseEstimator, expert: Expert) -> list[Step]:
    """A session that is counted in."""
    settings = PracticeSettings(start=Start.COUNT, seconds=1.0, settle=0.2, patience=0.5)
    coach = Coach(estimator, expert, practice=settings)
    return [coach.process(frame) for frame in frames]


def test_nothing_is_judged_before_the_count_is_over(counted: list[Step]) -> None:
    begun = next(i for i, step in enumerate(counted) if step.practice.started)
    assert 0.8 <= counted[begun].frame.time <= 2.0
    for step in counted[:begun]:
        assert (step.position.state, step.position.time) == (State.WAITING, None)
        assert (step.feedback.score, step.cue) == (None, None)
    assert [step.practice.countdown for step in counted[:begun] if step.practice.tick] == ["1"]
    later = counted[begun + 5 :]
    assert {step.practice.phase for step in later} == {Phase.RUNNING}
    assert all(step.position.time is not None for step in later[15:]), "begun in the middle, found soon"


def test_the_same_moves_give_no_correction_and_a_score_near_100(counted: list[Step]) -> None:
    scores = [step.feedback.score for step in counted if step.feedback.score is not None]
    assert np.mean(scores) >= 90
    assert not any(step.said for step in counted)


def test_a_section_is_practised_over_and_over_and_a_key_begins(
    frames: list[Frame], estimator: PoseEstimator, expert: Expert
) -> None:
    estimator.reset()
    coach = Coach(estimator, expert, practice=PracticeSettings(start=Start.HAND))
    assert coach.process(frames[0]).practice.phase is not Phase.RUNNING
    coach.begin()
    coach.practise((1.0, 2.0))
    assert coach.process(frames[1]).practice.started
    places = [coach.process(frame).position.time for frame in frames[2:50]]
    found = [place for place in places if place is not None]
    assert found
    assert 0.95 <= min(found) <= max(found) <= 2.05
    coach.practise(None)
    assert coach.process(frames[50]).expert_time <= frames[50].time + 0.5


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_performer_is_judged_by_the_moment_most_alike(mirrored: bool) -> None:
    poses = dance(np.arange(5.0, 5.5, 0.1))
    performer = poses[3].copy()
    if mirrored:
        from posesync.pose.features import swap_left_right

        performer = swap_left_right(performer)
    found, nearest = compare_nearest(performer, poses, mirrored=mirrored)
    assert nearest == 3
    assert found.score == 100
    unseen = poses[0].copy()
    unseen[:, 2] = 0.0
    found, nearest = compare_nearest(unseen, poses)
    assert (nearest, found.score) == (2, None), "the middle one, and no judgement"
