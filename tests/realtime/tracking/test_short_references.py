"""Pieces of any length, of one sample or with nobody in them: none makes an update raise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.errors import InvalidDataError
from posesync.pose.types import FloatArray
from posesync.realtime import Coach, Tracker
from posesync.reference import Reference


def bodies(count: int, kind: str, seed: int) -> FloatArray:
    """(count, 17, 3) of somebody who moves, does not, is not seen, or only in part or at first."""
    rng = np.random.default_rng(seed)
    poses = np.empty((count, 17, 3))
    poses[..., :2] = rng.normal(300, 60, (17, 2)) + np.cumsum(rng.normal(0, 8, (count, 17, 2)), axis=0)
    poses[..., 2] = 0.9
    if kind == "nan":
        poses[:] = np.nan
    elif kind == "unseen":
        poses[..., 2] = 0.0
    elif kind == "face":
        poses[:, 5:, 2] = 0.0
    elif kind == "still":
        poses[:] = poses[0]
    elif kind == "first":
        poses[1:, :, 2] = 0.0
    elif kind == "point":
        poses[..., :2] = 5.0
    return poses


KINDS = ("moves", "nan", "unseen", "face", "still", "first", "point")


@settings(max_examples=60)
@given(
    count=st.integers(1, 12),
    step=st.sampled_from([1e-9, 1e-3, 1 / 60, 1 / 30, 0.2, 20.0]),
    kind=st.sampled_from(KINDS),
    live=st.sampled_from(KINDS),
    loop=st.booleans(),
    coach=st.booleans(),
    seed=st.integers(0, 9),
)
def test_no_reference_makes_an_update_raise(
    count: int, step: float, kind: str, live: str, loop: bool, coach: bool, seed: int
) -> None:
    reference = Reference.from_keypoints(bodies(count, kind, seed), np.arange(count) * step)
    follower = (Coach if coach else Tracker)(reference, loop=loop)
    strangers = bodies(30, live, seed + 1)
    for i in range(30):
        # Now the expert's own poses, in which the tracker locks, now somebody else's; then a slow camera.
        pose = strangers[i] if i % 5 == 0 else reference.keypoints[i % count]
        follower.update(np.asarray(pose, np.float64), i / 30 if i < 20 else i / 4)


def test_a_tenth_of_a_second_is_followed_without_an_error() -> None:
    """Shorter than the delay of the live velocity at the highest speed: its costs had no cell to go to."""
    poses = bodies(60, "moves", 1)
    tracker = Tracker(Reference.from_keypoints(poses[:4], np.arange(4) / 30))
    for i in range(60):
        tracker.update(poses[i], i / 30)


@pytest.mark.parametrize("kind", [Tracker, Coach])
@pytest.mark.parametrize(
    ("section", "length"), [((1.0, 1.1), "0.10"), ((3.2, None), "0.10"), ((None, 0.2), "0.20")]
)
def test_a_section_that_is_too_short_is_refused_in_one_line(
    kind: type[Tracker] | type[Coach], section: tuple[float | None, float | None], length: str
) -> None:
    reference = Reference.from_keypoints(bodies(100, "moves", 0), np.arange(100) / 30)
    with pytest.raises(
        InvalidDataError, match=rf"^a section of {length} s, expected 0\.5 s or more .*: choose"
    ):
        kind(reference, section=section)


def test_half_a_second_is_long_enough() -> None:
    reference = Reference.from_keypoints(bodies(100, "moves", 0), np.arange(100) / 30)
    Tracker(reference, section=(1.0, 1.5)).update(reference.keypoints[35], 0.0)
