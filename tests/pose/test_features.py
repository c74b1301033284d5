"""Features: exact on known poses, and invariant to place, size and frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import (
    CONFIDENCE_FLOOR,
    CONFIDENCE_FULL,
    NUM_JOINTS,
    angle_mae,
    extract_features,
    keypoint_weights,
    swap_left_right,
)
from posesync.pose.skeleton import JOINT_NAMES, JOINTS, LIMB_NAMES, LIMBS, NUM_KEYPOINTS

coordinates = arrays(np.float64, (NUM_KEYPOINTS, 2), elements=st.floats(0, 2000, width=32))
confidences = arrays(np.float64, (NUM_KEYPOINTS,), elements=st.floats(0, 1, width=32))


@st.composite
def poses(draw: st.DrawFn) -> np.ndarray:
    """(17, 3): any keypoints, no two of a limb on one spot (where a direction does not exist)."""
    xy = draw(coordinates) + np.arange(NUM_KEYPOINTS)[:, None] * np.array([7.31, 13.7])
    for a, b in LIMBS.values():
        if np.hypot(*(xy[a] - xy[b])) < 1.0:
            xy[b] += 5.0
    return np.column_stack([xy, draw(confidences)])


def apart(pose: np.ndarray) -> bool:
    """Whether every limb is long enough for single precision to know where it points."""
    return all(np.hypot(*(pose[a, :2] - pose[b, :2])) > 1.0 for a, b in LIMBS.values())


@settings(max_examples=60)
@given(poses(), st.floats(0.2, 5), st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_invariant_to_scale_position_and_frame_size(
    pose: np.ndarray, scale: float, x: float, y: float
) -> None:
    moved = pose.copy()
    moved[:, :2] = moved[:, :2] * scale + (x, y)
    before, after = extract_features(pose), extract_features(moved)
    assert np.array_equal(before.weights, after.weights)
    if apart(pose):
        np.testing.assert_allclose(before.values, after.values, atol=2e-3)


@settings(max_examples=60)
@given(poses())
def test_ranges(pose: np.ndarray) -> None:
    features = extract_features(pose)
    assert features.values.shape == features.weights.shape == (28,)
    assert ((features.angles >= 0) & (features.angles <= 180)).all()
    assert ((features.weights >= 0) & (features.weights <= 1)).all()
    assert (features.values[features.weights == 0] == 0).all(), "an unseen limb is not invented"
    lengths = np.hypot(features.directions[..., 0], features.directions[..., 1])
    np.testing.assert_allclose(lengths[features.direction_weights > 0], 1.0, atol=1e-5)


@settings(max_examples=40)
@given(poses(), st.booleans())
def test_swap_is_its_own_inverse_and_exchanges_left_and_right(pose: np.ndarray, flip: bool) -> None:
    swapped = swap_left_right(pose, flip_x=flip)
    np.testing.assert_array_equal(swap_left_right(swapped, flip_x=flip), pose)
    before, after = extract_features(pose), extract_features(swapped)
    for name in JOINT_NAMES:
        other = name.replace("left", "?").replace("right", "left").replace("?", "right")
        i, j = JOINT_NAMES.index(name), JOINT_NAMES.index(other)
        assert before.angles[i] == pytest.approx(after.angles[j], abs=1e-3)
    sign = -1 if flip else 1
    left, right = LIMB_NAMES.index("left_thigh"), LIMB_NAMES.index("right_thigh")
    np.testing.assert_allclose(before.directions[left] * (sign, 1), after.directions[right], atol=1e-6)


@settings(max_examples=40)
@given(poses(), poses())
def test_angle_mae_is_a_measure(a: np.ndarray, b: np.ndarray) -> None:
    one, two = extract_features(a), extract_features(b)
    there, back = float(angle_mae(one, two)), float(angle_mae(two, one))
    if np.isnan(there):
        assert np.minimum(one.angle_weights, two.angle_weights).sum() == 0
        assert np.isnan(back)
    else:
        assert 0 <= there <= 180
        assert there == back
        assert float(angle_mae(one, one)) == 0


def arm(angle: float, confidence: float = 1.0) -> np.ndarray:
    """A pose of which only the left elbow is seen, folded to an angle."""
    pose = np.zeros((NUM_KEYPOINTS, 3))
    end, vertex, other = JOINTS["left_elbow"]
    pose[vertex] = (300, 200, confidence)
    pose[end] = (300 + 90, 200, confidence)
    radians = np.radians(angle)
    pose[other] = (300 + 70 * np.cos(radians), 200 + 70 * np.sin(radians), confidence)
    return pose


@pytest.mark.parametrize("angle", [0, 1e-4, 0.5, 30, 90, 135, 179.5, 179.9999, 180, 225, 359])
def test_angles_are_exact_also_when_straight_and_folded(angle: float) -> None:
    got = float(extract_features(arm(angle)).angles[JOINT_NAMES.index("left_elbow")])
    assert got == pytest.approx(min(angle, 360 - angle), abs=2e-5)


def test_angle_mae_of_known_poses() -> None:
    assert float(angle_mae(extract_features(arm(30)), extract_features(arm(75)))) == pytest.approx(
        45, abs=1e-4
    )
    both = extract_features(np.stack([arm(30), arm(60), arm(90)]))
    np.testing.assert_allclose(angle_mae(extract_features(arm(60)), both), [30, 0, 30], atol=1e-4)
    unseen = extract_features(arm(30, confidence=CONFIDENCE_FLOOR))
    assert np.isnan(angle_mae(unseen, extract_features(arm(30))))


def test_folded_limb_costs_what_it_differs_by() -> None:
    """The original compared angles of 0 to 360 degrees without wrapping: 359° against 1° cost 358°."""
    cost = float(angle_mae(extract_features(arm(359)), extract_features(arm(1))))
    assert cost == pytest.approx(0, abs=1e-4)


def test_weights_follow_the_worst_keypoint() -> None:
    pose = arm(90)
    pose[JOINTS["left_elbow"][0], 2] = (CONFIDENCE_FLOOR + CONFIDENCE_FULL) / 2
    weight = float(extract_features(pose).angle_weights[JOINT_NAMES.index("left_elbow")])
    assert weight == pytest.approx(0.5)
    assert keypoint_weights(np.array([0.0, CONFIDENCE_FLOOR, CONFIDENCE_FULL, 1.0])).tolist() == [0, 0, 1, 1]


def test_keypoints_that_are_not_numbers_count_as_unseen() -> None:
    pose = arm(90)
    pose[JOINTS["left_elbow"][1], 0] = np.nan
    features = extract_features(pose)
    assert np.isfinite(features.values).all()
    assert features.angle_weights[JOINT_NAMES.index("left_elbow")] == 0


def test_sequence_equals_its_poses() -> None:
    poses = np.stack([arm(angle) for angle in (10, 100, 170)])
    whole = extract_features(poses)
    assert whole.values.shape == (3, 28)
    assert whole.angles.shape == (3, NUM_JOINTS)
    for i, pose in enumerate(poses):
        np.testing.assert_array_equal(whole.values[i], extract_features(pose).values)


@pytest.mark.parametrize("bad", [np.zeros((17, 2)), np.zeros(51), np.zeros((16, 3)), [["a"] * 3] * 17])
def test_wrong_shapes_are_refused(bad: object) -> None:
    with pytest.raises(InvalidDataError, match=r"17, 3"):
        extract_features(bad)  # type: ignore[arg-type]
