"""The original's known faults: each test fails with its method and passes with PoseSync's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from posesync.pose.estimator import PoseEstimator
from posesync.pose.features import angle_mae, extract_features
from posesync.pose.performer import Performer
from posesync.pose.settings import PoseSettings
from posesync.pose.types import Box, Frame
from posesync.reference import Reference, align
from posesync.reference.sync import Match

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
sys.path.insert(0, str(ROOT / "tests" / "reference"))

import _original_sync as original  # noqa: E402
from motion import perform  # noqa: E402

TIMES = np.arange(75) / 25


def reference(keypoints: np.ndarray, times: np.ndarray) -> Reference:
    return Reference.from_keypoints(keypoints, times)


def arm(elbow: float) -> np.ndarray:
    """A standing person whose left forearm makes ``elbow`` degrees with the upper arm."""
    pose = perform(np.zeros(1))[0]
    upper = pose[7, :2] - pose[5, :2]
    turn = np.radians(180 - elbow)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pose[9, :2] = pose[7, :2] + rotation @ upper
    return pose


def test_a_frame_without_a_person():
    """Its crops slip by one from there on; our sample stays where it is in time, with no weight."""
    boxes = [[(0, 0, 9, 9)]] * 30 + [[]] * 10 + [[(0, 0, 9, 9)]] * 35
    assert original.kept_frames(boxes)[30] == 30  # the first crop after the gap: of a frame inside the gap
    keypoints = perform(TIMES)
    keypoints[30:40] = 0
    theirs = original.kept_frames(boxes)
    their_error = abs(len(theirs) - len(TIMES)) / 25
    ours = align(reference(perform(TIMES), TIMES), reference(keypoints, TIMES))
    assert their_error > 0.35
    assert np.abs(ours.times_a - ours.times_b).max() <= 0.14


def test_two_people():
    """It takes the first box, whichever that is; we stay with the performer."""
    small, large = (0, 0, 10, 10), (100, 0, 400, 600)
    assert original.chosen_box([small, large]) == 0
    assert original.chosen_box([large, small]) == 0
    performer = Performer(1.5)
    boxes = [Box(*small, 0.9), Box(*large, 0.8)]
    assert performer.update(boxes, 0.0, (640, 640)) is boxes[1]
    assert performer.update(boxes[::-1], 0.04, (640, 640)) is boxes[1]


def test_a_folded_limb():
    """2° either side of folded is a difference of 4°; it sees 356°, which is 40° on the mean of nine."""
    one, other = arm(2.0), arm(-2.0)
    assert original.pose_cost(one[:, :2], other[:, :2]) > 35
    assert angle_mae(extract_features(one), extract_features(other)) < 1


def test_a_straight_arm():
    """Exactly straight reads 0°, a hair's breadth beside it 180°."""
    straight = np.zeros((17, 3))
    straight[:, 2] = 0.9
    straight[[5, 7, 9], 0] = (0, 100, 200)
    bent = straight.copy()
    bent[9, 1] = 0.01
    elbow = 3  # of its nine joints
    assert original.angles(straight[:, :2])[elbow] == 0
    assert original.angles(bent[:, :2])[elbow] == pytest.approx(180, abs=0.1)
    for pose in (straight, bent):
        assert extract_features(pose).angles[0] == pytest.approx(180, abs=0.1)


def test_unequal_frame_rates():
    """It shows both at five pictures a second; we keep the expert's own times, whatever rates meet."""
    times = np.arange(30) / 10
    found = original.correspond(list(perform(TIMES)[..., :2]), list(perform(times)[..., :2]))
    shown = original.played_times(found[0])
    assert shown[-1] > 4 * TIMES[-1]
    a, b = reference(perform(TIMES), TIMES), reference(perform(times), times)
    ours = Match(a, b, align(a, b))
    assert np.abs(ours.attempt_times(TIMES) - TIMES).max() <= 0.1


def test_the_first_and_last_seconds_without_action():
    """The attempt is filmed from two seconds before the piece to two seconds after it."""
    wait = np.zeros(20)
    moments = np.concatenate([wait + 31, TIMES[::2], wait + 44])
    times = np.arange(len(moments)) * 0.08
    keypoints = perform(moments)
    keypoints[..., :2] += np.random.default_rng(0).normal(0, 1.0, keypoints[..., :2].shape)
    expert = perform(TIMES)
    truth = TIMES + 20 * 0.08
    theirs = np.abs(original.time_in_b(expert, TIMES, keypoints, times) - truth)
    a, b = reference(expert, TIMES), reference(keypoints, times)
    ours = np.abs(Match(a, b, align(a, b, open_ends=None)).attempt_times(TIMES) - truth)
    assert theirs.max() > 0.5
    assert ours.max() <= 0.12


def test_a_cost_belongs_to_its_pair():
    """Its costs are those of the pair before; one bad pair of poses shows where it is in ours."""
    expert, other = perform(TIMES[:30]), perform(TIMES[:30])
    other[12] = perform(np.array([55.0]))[0]
    frames, _, costs = original.correspond(list(expert[..., :2]), list(other[..., :2]))
    assert frames[int(np.argmax(costs))] == 13
    ours = align(reference(expert, TIMES[:30]), reference(other, TIMES[:30]), window=0.01)
    assert ours.path[int(np.argmax(ours.costs)), 1] == 12


def test_keypoints_that_are_only_guessed():
    """A leg that one camera does not see is guessed at random: its way bends, ours does not count it."""
    rng = np.random.default_rng(5)
    other = perform(TIMES)
    other[:, 13:, :2] = rng.uniform(0, 600, other[:, 13:, :2].shape)
    other[:, 13:, 2] = 0.05
    expert = perform(TIMES)
    theirs = np.abs(original.time_in_b(expert, TIMES, other, TIMES) - TIMES)
    ours = np.abs(align(reference(expert, TIMES), reference(other, TIMES)).time_in_b(TIMES) - TIMES)
    assert theirs.max() > 0.1
    assert ours.max() <= 1 / 25


def test_the_estimator_keeps_a_sample_for_an_empty_frame(detector):
    estimator = PoseEstimator(PoseSettings(detector=detector))
    found = estimator.update(Frame(np.zeros((96, 96, 3), np.uint8), 0.0, 0))
    assert (found.keypoints.confidence == 0).all()
