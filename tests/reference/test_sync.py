"""Two recordings on one clock: smooth, never backwards, and the summary."""

from __future__ import annotations

import json

import numpy as np
import pytest
from clips import PerformanceCurve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from motion import perform
from posesync.pose.features import swap_left_right
from posesync.reference import Alignment, Reference, align
from posesync.reference.sync import Match, _tau_b, match, mirror

TIMES = np.arange(150) / 30
#: s by which a warping path goes on in one recording: not at all, or by a frame of at most 240 a second.
STEPS = st.just(0.0) | st.floats(1 / 240, 0.5)


def drawn(moments: np.ndarray, times: np.ndarray, jitter: float = 0.0) -> Reference:
    keypoints = perform(moments)
    keypoints[..., :2] += np.random.default_rng(0).normal(0, jitter, keypoints[..., :2].shape)
    return Reference.from_keypoints(keypoints, times)


def matched(expert: Reference, attempt: Reference, **options) -> Match:
    return Match(expert, attempt, align(expert, attempt, **options))


@settings(max_examples=40)
@example(steps=[(0.421875, 0.0), (0.0, 0.5)], wanted=[0.0, 0.0])
@given(
    steps=st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=60),
    wanted=st.lists(st.floats(-3, 40), min_size=2, max_size=30),
)
def test_shown_times_never_run_backwards_and_go_on_beyond_the_path(steps, wanted):
    a, b = np.cumsum([(0.0, 0.0), *steps], axis=0).T
    reference = drawn(TIMES, TIMES)
    ones = np.ones(len(a))
    path = np.zeros((len(a), 2), np.intp)
    match = Match(reference, reference, Alignment(a, b + 2.0, ones, path, ones))
    shown = match.attempt_times(np.sort(wanted))
    assert (np.diff(shown) >= -1e-9).all()
    end, later, begin, before = match.attempt_times(np.array([a[-1], a[-1] + 5.0, a[0], a[0] - 5.0]))
    assert b[0] + 2 - 1e-6 <= begin <= end + 1e-9 <= b[-1] + 2 + 1e-6
    assert (later - end, begin - before) == pytest.approx((5.0, 5.0), abs=0.01)


def test_smooth_times_stutter_less_and_are_no_worse():
    expert = drawn(TIMES, TIMES)
    curve = PerformanceCurve.varied(TIMES[-1], hold=0.0)
    times = np.arange(int(curve.duration * 25)) / 25
    truth = np.array([curve(t) for t in times])
    match = matched(expert, drawn(truth, times, jitter=4))
    raw, smooth = match.alignment.time_in_a(times), match.expert_times(times)
    assert np.abs(np.diff(smooth, 2)).mean() < 0.6 * np.abs(np.diff(raw, 2)).mean()
    assert np.percentile(np.abs(smooth - truth), 95) <= np.percentile(np.abs(raw - truth), 95) + 0.01


def test_who_is_early_and_by_how_much():
    slow = drawn(TIMES, TIMES / 0.8)  # takes a quarter longer
    match = matched(drawn(TIMES, TIMES), slow)
    lead = match.lead(TIMES, match.attempt_times(TIMES))
    assert lead[-1] == pytest.approx(TIMES[-1] - TIMES[-1] / 0.8, abs=0.05)
    assert matched(slow, drawn(TIMES, TIMES)).to_dict()["lead_s"]["end"] == pytest.approx(-lead[-1], abs=0.05)


def test_the_summary_tells_one_piece_from_another():
    expert = drawn(TIMES, TIMES)
    same = matched(expert, drawn(TIMES, TIMES, jitter=2)).to_dict()
    other = matched(expert, drawn(60 + TIMES[::-1], TIMES)).to_dict()
    assert json.loads(json.dumps(same)) == same
    assert same["kendall_tau"] > 0.95
    assert other["kendall_tau"] < 0.6
    assert same["angle_mae_degrees"] < 5 < other["angle_mae_degrees"]
    assert same["confidence"] > other["confidence"] + 0.2
    # Angles that differ by a known amount: turned elbows alone.
    assert matched(expert, expert).angle_mae() == pytest.approx(0.0, abs=1e-6)


def test_nobody_to_compare():
    nobody = np.zeros((len(TIMES), 17, 3))
    nobody[0] = perform(TIMES[:1])[0]
    match = matched(drawn(TIMES, TIMES), Reference.from_keypoints(nobody, TIMES))
    assert match.kendall_tau() is None


@pytest.mark.parametrize(
    ("order", "tau"), [([0, 1, 2, 3], 1.0), ([3, 2, 1, 0], -1.0), ([0, 2, 1, 3], 4 / 6), ([5, 5, 5], 0.0)]
)
def test_tau_of_known_orders(order, tau):
    assert _tau_b(np.array(order)) == pytest.approx(tau)


def test_ties_count_as_in_tau_b():
    """Against the definition, pair by pair: (C − D) / sqrt((n0 − n1) n0)."""
    order = np.random.default_rng(2).integers(0, 9, 40)
    signs = [np.sign(order[j] - order[i]) for i in range(40) for j in range(i + 1, 40)]
    untied = sum(s != 0 for s in signs)
    assert _tau_b(order) == pytest.approx(sum(signs) / np.sqrt(untied * len(signs)))


# -- left and right exchanged --------------------------------------------------------------------------------


def test_a_mirrored_attempt_is_recognised_and_compared_with_the_expert_mirrored() -> None:
    """As another body in another picture: larger, elsewhere, and half a second later."""
    expert = drawn(TIMES, TIMES)
    keypoints = swap_left_right(perform(np.maximum(TIMES - 0.5, 0.0)))
    keypoints[..., :2] = 1.3 * keypoints[..., :2] + (900, 40)
    found = match(expert, Reference.from_keypoints(keypoints, TIMES), open_ends=0.5)
    assert found.mirrored
    assert found.to_dict()["mirrored"] is True
    assert found.angle_mae() == pytest.approx(0.0, abs=1.0)
    assert (found.kendall_tau() or 0) > 0.8, "it stands still for the first half second"
    assert float(found.alignment.time_in_b(2.0)) == pytest.approx(2.5, abs=0.06)
    np.testing.assert_allclose(mirror(found.compared).keypoints, expert.keypoints, atol=1e-4)


def test_nobody_else_is_called_mirrored() -> None:
    expert = drawn(TIMES, TIMES)
    assert not match(expert, drawn(TIMES * 0.9, TIMES, jitter=4.0)).mirrored
    both = perform(TIMES)
    both[:, 8] = swap_left_right(both, flip_x=False)[:, 8] * (-1, 1, 1) + (800, 0, 0)
    both[:, 10] = swap_left_right(both, flip_x=False)[:, 10] * (-1, 1, 1) + (800, 0, 0)
    both[:, 14] = swap_left_right(both, flip_x=False)[:, 14] * (-1, 1, 1) + (800, 0, 0)
    both[:, 16] = swap_left_right(both, flip_x=False)[:, 16] * (-1, 1, 1) + (800, 0, 0)
    symmetrical = Reference.from_keypoints(both, TIMES)
    assert not match(symmetrical, symmetrical).mirrored, "the same either way"
