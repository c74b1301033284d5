from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from motion import perform
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import CONFIDENCE_FLOOR, extract_features
from posesync.reference import fill_gaps

TIMES = np.arange(60) / 30


def with_gap(first: int, last: int, keypoint: int | slice = slice(None)) -> np.ndarray:
    keypoints = perform(TIMES)
    keypoints[first:last, keypoint] = 0
    return keypoints


def test_a_short_gap_lies_on_the_line_with_low_weight():
    filled = fill_gaps(with_gap(20, 24), TIMES, 0.3)
    truth = perform(TIMES)
    # A line over 0.17 s of a swinging wrist: near, not exact.
    assert np.abs(filled[20:24, :, :2] - truth[20:24, :, :2]).max() < 12
    weights = extract_features(filled).weights
    assert (weights[20:24] > 0).all()
    assert weights[20:24].max() < 0.3 < weights[19].min()


def test_a_long_gap_stays_empty():
    filled = fill_gaps(with_gap(20, 40), TIMES, 0.3)
    assert np.array_equal(filled, with_gap(20, 40).astype(np.float32))


@pytest.mark.parametrize(("first", "last"), [(0, 3), (57, 60)])
def test_nothing_is_invented_outside_what_was_seen(first: int, last: int):
    assert fill_gaps(with_gap(first, last), TIMES, 1.0)[first:last, :, 2].max() == 0


def test_each_keypoint_has_gaps_of_its_own():
    filled = fill_gaps(with_gap(20, 23, keypoint=9), TIMES)
    assert (filled[20:23, 9, 2] > CONFIDENCE_FLOOR).all()
    assert np.array_equal(
        np.delete(filled, 9, axis=1), np.delete(perform(TIMES), 9, axis=1).astype(np.float32)
    )


def test_the_limit_is_in_seconds_not_frames():
    keypoints = with_gap(20, 23)
    assert fill_gaps(keypoints, TIMES, 0.2)[21, 5, 2] > 0
    assert fill_gaps(keypoints, TIMES * 3, 0.2)[21, 5, 2] == 0


@given(hidden=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 16)), max_size=200), gap=st.floats(0, 3))
def test_what_was_seen_is_never_touched(hidden, gap):
    keypoints = perform(TIMES)
    for sample, keypoint in hidden:
        keypoints[sample, keypoint, 2] = 0
    filled = fill_gaps(keypoints, TIMES, gap)
    seen = keypoints[..., 2] > 0
    assert np.array_equal(filled[seen], keypoints.astype(np.float32)[seen])
    assert filled[~seen][:, 2].max(initial=0) < 0.3
    assert np.isfinite(filled).all()


@pytest.mark.parametrize(("times", "gap"), [(TIMES[:5], 0.3), (TIMES, -1.0), (TIMES, float("nan"))])
def test_wrong_arguments(times, gap: float):
    with pytest.raises(InvalidDataError):
        fill_gaps(perform(TIMES), times, gap)
