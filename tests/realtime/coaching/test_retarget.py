"""Retargeting, with bodies of known size in known poses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import extract_features
from posesync.pose.skeleton import (
    JOINT_NAMES,
    LEFT_ANKLE,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    LIMBS,
    RIGHT_ANKLE,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
)
from posesync.realtime.coaching.retarget import GhostBody
from test_feedback import standing, turned

HIPS = [LEFT_HIP, RIGHT_HIP]
KNEES = [LEFT_KNEE, RIGHT_KNEE]
ANKLES = [LEFT_ANKLE, RIGHT_ANKLE]
#: The left one, in bone_lengths.
FOREARM = 4
angles = st.floats(-60, 60)


def moved(pose: np.ndarray, scale: float, x: float, y: float) -> np.ndarray:
    return pose * (scale, scale, 1.0) + (x, y, 0.0)


def ghost_of(expert: np.ndarray, performer: np.ndarray) -> np.ndarray:
    """The first ghost: nothing is remembered yet."""
    return GhostBody().update(0.0, expert, performer)


def bone_lengths(pose: np.ndarray) -> np.ndarray:
    """Widths of shoulders and hips, and limbs but the trunk's sides, px."""
    limbs = [ends for name, ends in LIMBS.items() if not name.endswith("side")]
    first, second = np.array([(LEFT_SHOULDER, RIGHT_SHOULDER), (LEFT_HIP, RIGHT_HIP), *limbs]).T
    return np.hypot(*(pose[first, :2] - pose[second, :2]).T)


def squatting() -> np.ndarray:
    """The standing figure with its hips 30 px lower and its feet where they were."""
    pose = standing()
    lower = np.setdiff1d(np.arange(17), [*ANKLES, *KNEES])
    pose[lower, 1] += 30
    pose[KNEES, 1] += 18
    pose[KNEES, 0] += (12, -12)
    return pose


@given(st.floats(0.3, 4.0), st.floats(-400, 400), st.floats(-400, 400))
def test_an_expert_in_the_same_pose_lies_on_the_performer(scale: float, x: float, y: float) -> None:
    performer = turned(standing(), "left_knee", 25.0)
    ghost = ghost_of(moved(performer, scale, x, y), performer)
    np.testing.assert_allclose(ghost, performer, atol=1e-6)


@given(st.sampled_from(JOINT_NAMES), angles, st.sampled_from(JOINT_NAMES), angles, st.floats(0.4, 3.0))
def test_it_has_the_expert_s_directions_and_the_performer_s_lengths(
    first: str, one: float, second: str, other: float, scale: float
) -> None:
    expert = moved(turned(standing(), first, one), scale, 31.0, -7.0)
    slim = standing() * (0.8, 1.1, 1.0)
    performer = turned(slim, second, other)
    ghost = ghost_of(expert, performer)
    np.testing.assert_allclose(bone_lengths(ghost), bone_lengths(performer), atol=1e-6)
    np.testing.assert_allclose(
        extract_features(ghost).angles[:2], extract_features(expert).angles[:2], atol=0.1
    )
    theirs, found = extract_features(expert).directions, extract_features(ghost).directions
    limbs = [0, 1, 2, 3, 6, 7, 8, 9]  # the trunk's sides follow from its middle and its width
    np.testing.assert_allclose(found[limbs], theirs[limbs], atol=1e-4)


def test_it_stands_on_the_performer_s_ground() -> None:
    performer, expert = standing(), squatting()
    ghost = ghost_of(expert, performer)
    assert ghost[ANKLES, 1].max() == pytest.approx(performer[ANKLES, 1].max())
    assert ghost[HIPS, 1].mean() > performer[HIPS, 1].mean() + 15, "the hips show how far to go down"
    assert ghost[HIPS, 0].mean() == pytest.approx(performer[HIPS, 0].mean())
    footless = performer.copy()
    footless[ANKLES, 2] = 0.0
    ghost = ghost_of(expert, footless)
    assert ghost[HIPS, 1].mean() == pytest.approx(performer[HIPS, 1].mean()), (
        "without feet it hangs on the hips"
    )


@pytest.mark.parametrize("who", ["expert", "performer"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -1e12])
def test_what_is_not_a_number_is_not_seen(who: str, value: float) -> None:
    broken = standing()
    broken[LEFT_WRIST] = value
    ghost = ghost_of(broken, standing()) if who == "expert" else ghost_of(standing(), broken)
    assert np.isfinite(ghost).all()
    assert (ghost[LEFT_WRIST, 2] == 0) == (who == "expert")
    np.testing.assert_allclose(
        np.delete(ghost, LEFT_WRIST, 0), np.delete(standing(), LEFT_WRIST, 0), atol=1e-6
    )


def test_half_a_body_and_nobody() -> None:
    whole, upper, nobody = standing(), standing(), np.zeros((17, 3))
    upper[11:, 2] = 0.0
    np.testing.assert_allclose(ghost_of(whole, upper)[:11], whole[:11], atol=1e-6)
    np.testing.assert_allclose(ghost_of(upper, whole)[:11], whole[:11], atol=1e-6)
    assert (ghost_of(upper, whole)[11:, 2] == 0).all()
    for pair in ((whole, nobody), (nobody, whole), (nobody, nobody)):
        assert not ghost_of(*pair).any()
    with pytest.raises(InvalidDataError, match=r"\(\.\.\., 17, 3\)"):
        ghost_of(np.zeros((16, 3)), whole)


def test_a_limb_that_is_unknown_takes_the_other_side_s_length() -> None:
    performer = standing()
    performer[LEFT_WRIST, 2] = 0.0
    performer[10, :2] = performer[8, :2] + (30.0, 40.0)
    ghost = ghost_of(standing(), performer)
    assert np.hypot(*(ghost[LEFT_WRIST] - ghost[7])[:2]) == pytest.approx(50.0)


def test_a_limb_that_points_at_the_camera_keeps_its_length_for_a_while() -> None:
    body, expert, performer = GhostBody(), standing(), standing()
    for frame in range(30):
        ghost = body.update(frame / 30, expert, performer)
    full = bone_lengths(ghost)[FOREARM]
    short = performer.copy()
    short[LEFT_WRIST, :2] = short[7, :2] + 0.3 * (short[LEFT_WRIST, :2] - short[7, :2])
    assert bone_lengths(body.update(1.0, expert, short))[FOREARM] == pytest.approx(full, rel=0.03)
    assert bone_lengths(body.update(1.03, short, performer))[FOREARM] == pytest.approx(0.3 * full, rel=0.1), (
        "where the expert's arm points at the camera, so does the ghost's"
    )
    for frame in range(600):
        ghost = body.update(1.1 + frame / 30, expert, moved(performer, 0.5, 0, 0))
    assert bone_lengths(ghost)[FOREARM] == pytest.approx(0.5 * full, rel=0.03), "farther away it is smaller"


def test_it_is_steadier_than_what_is_seen() -> None:
    random = np.random.default_rng(3)
    body, seen, shown = GhostBody(), [], []
    for frame in range(120):
        noisy = standing()
        noisy[:, :2] += random.normal(0, 3, (17, 2))
        ghost = body.update(frame / 30, standing(), noisy)
        seen.append(bone_lengths(noisy))
        shown.append(bone_lengths(ghost))
    assert (np.std(shown[30:], axis=0) < 0.5 * np.std(seen[30:], axis=0)).all()


def test_an_ankle_that_comes_and_goes_does_not_make_it_jump() -> None:
    body, expert, heights = GhostBody(), squatting(), []
    for frame in range(60):
        performer = standing()
        performer[LEFT_ANKLE, 2] = 0.9 if frame % 20 < 15 else 0.0
        heights.append(body.update(frame / 30, expert, performer)[HIPS, 1].mean())
    assert np.abs(np.diff(heights)).max() < 4.0
    other = body.update(-5.0, expert, standing())
    np.testing.assert_allclose(other, ghost_of(expert, standing()), atol=1e-6)  # another camera: all anew
