"""Feedback on constructed poses, where every angle is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posesync.pose import skeleton
from posesync.pose.features import swap_left_right
from posesync.pose.skeleton import JOINT_NAMES, JOINTS, SWAP_LEFT_RIGHT
from posesync.realtime.coaching.feedback import (
    Feedback,
    compare_poses,
    describe_difference,
    expert_poses,
    score_of,
)

#: Keypoints that move along when a joint is turned.
_CHAIN = {
    "elbow": ("wrist",),
    "shoulder": ("elbow", "wrist"),
    "hip": ("knee", "ankle"),
    "knee": ("ankle",),
}


def standing() -> np.ndarray:
    """A standing figure, arms half raised, joints half bent, facing the camera."""
    pose = np.zeros((17, 3))
    half = {"shoulder": (20, 0), "elbow": (45, 25), "wrist": (70, 5), "hip": (14, 60), "knee": (30, 100)}
    half |= {"ankle": (24, 145), "eye": (4, -34), "ear": (8, -32)}
    for name, (x, y) in half.items():
        for side, sign in (("left", 1), ("right", -1)):
            pose[skeleton.KEYPOINT_NAMES.index(f"{side}_{name}")] = (100 + sign * x, 100 + y, 0.9)
    pose[skeleton.NOSE] = (100, 68, 0.9)
    return pose


def turned(pose: np.ndarray, joint: str, degrees: float) -> np.ndarray:
    """``pose`` with the interior angle at ``joint`` opened by ``degrees``."""
    side, part = joint.split("_")
    first, vertex, last = JOINTS[joint]
    fixed, moved = (last, first) if part == "shoulder" else (first, last)
    u, v = (pose[k, :2] - pose[vertex, :2] for k in (fixed, moved))
    turn = np.radians(degrees) * np.sign(u[0] * v[1] - u[1] * v[0])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pose = pose.copy()
    for name in _CHAIN[part]:
        k = skeleton.KEYPOINT_NAMES.index(f"{side}_{name}")
        pose[k, :2] = pose[vertex, :2] + rotation @ (pose[k, :2] - pose[vertex, :2])
    return pose


@pytest.mark.parametrize("joint", JOINT_NAMES)
@pytest.mark.parametrize("degrees", [-25.0, 25.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_joint_is_named_with_its_sign(joint: str, degrees: float, mirrored: bool) -> None:
    expert = standing()
    performer = turned(expert, joint, degrees)
    if mirrored:  # the expert did the same piece the other way round
        expert = swap_left_right(expert)
    feedback = compare_poses(performer, expert, mirrored=mirrored)
    seen = {name: value for name, value in feedback.joints.items() if value is not None}
    assert set(seen) == set(JOINT_NAMES)
    worst = max(seen, key=lambda name: abs(seen[name]))
    assert worst == joint
    assert seen[worst] == pytest.approx(degrees, abs=0.01)
    assert feedback.score is not None
    assert feedback.score < 100


@given(
    scale=st.floats(0.2, 8),
    shift=st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)),
    degrees=st.floats(-40, 40),
)
def test_size_and_place_of_the_performer_do_not_matter(
    scale: float, shift: tuple[float, float], degrees: float
) -> None:
    expert = standing()
    performer = turned(expert, "left_elbow", degrees)
    moved = performer.copy()
    moved[:, :2] = moved[:, :2] * scale + shift
    near, far = compare_poses(performer, expert), compare_poses(moved, expert)
    assert far.error == pytest.approx(near.error, abs=0.05)
    assert far.joints["left_elbow"] == pytest.approx(degrees, abs=0.05)


def test_the_same_pose_scores_100_and_an_upside_down_one_nothing() -> None:
    pose = standing()
    assert compare_poses(pose, pose).score == 100.0
    flipped = pose * [1, -1, 1]
    assert compare_poses(flipped, pose).score == pytest.approx(0.0, abs=1.0)


@given(st.floats(0, 180), st.floats(0, 180))
def test_the_score_never_rises_with_the_error(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0.0 <= score_of(high) <= score_of(low) <= 100.0


@pytest.mark.parametrize(
    ("error", "score"), [(0, 100), (6, 100), (10, 92), (16, 71), (22, 50), (32, 24), (44, 8)]
)
def test_the_documented_curve(error: float, score: float) -> None:
    assert score_of(error) == pytest.approx(score, abs=1.5)


def test_an_unseen_joint_says_nothing() -> None:
    expert, performer = standing(), standing()
    performer[skeleton.LEFT_WRIST, 2] = 0.05
    expert[skeleton.RIGHT_ANKLE] = np.nan
    joints = compare_poses(performer, expert).joints
    assert {name for name, value in joints.items() if value is None} == {"left_elbow", "right_knee"}


def test_too_little_body_gives_no_score() -> None:
    expert, performer = standing(), standing()
    performer[skeleton.LEFT_HIP :, 2] = 0.0
    performer[skeleton.RIGHT_ELBOW, 2] = 0.0
    found = compare_poses(performer, expert)
    assert (found.error, found.score) == (None, None)
    assert compare_poses(np.zeros((17, 3)), expert) == Feedback.none()


def test_the_expert_between_two_samples() -> None:
    first, second = standing(), standing()
    second[:, 0] += 10
    second[skeleton.NOSE, 2] = 0.0
    times, keypoints = np.array([1.0, 2.0]), np.stack([first, second])
    middle, later, before, after = expert_poses(times, keypoints, np.array([1.25, 1.75, 0.0, 9.0]))
    assert middle[skeleton.LEFT_KNEE, 0] == pytest.approx(first[skeleton.LEFT_KNEE, 0] + 2.5)
    assert middle[skeleton.NOSE].tolist() == first[skeleton.NOSE].tolist()
    assert later[skeleton.NOSE, 2] == 0.0
    assert before.tolist() == first.tolist()
    assert after[5:].tolist() == second[5:].tolist()
    assert expert_poses(times[:1], keypoints[:1], np.array([5.0])).tolist() == [first.tolist()]


@pytest.mark.parametrize(
    ("joint", "degrees", "text"),
    [
        ("left_elbow", -24.4, "left elbow 24° too bent"),
        ("right_knee", 15.0, "right knee 15° too straight"),
        ("right_shoulder", 30.0, "right arm 30° too high"),
        ("left_shoulder", -9.6, "left arm 10° too low"),
    ],
)
def test_differences_in_words(joint: str, degrees: float, text: str) -> None:
    assert describe_difference(joint, degrees) == text


def test_swapping_is_its_own_inverse() -> None:
    assert SWAP_LEFT_RIGHT[SWAP_LEFT_RIGHT].tolist() == list(range(17))
