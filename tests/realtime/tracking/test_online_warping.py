"""The vectorised row against one written with plain loops, straight from the formulas of docs/tracking.md."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import dance, expert
from posesync.pose.embedding import NUM_SEGMENT_VALUES
from posesync.realtime.tracking.evidence import Likeness, speed_rates
from posesync.realtime.tracking.observation import PoseHistory
from posesync.realtime.tracking.online_warping import WarpingRow
from posesync.realtime.tracking.reference_table import ReferenceTable
from posesync.realtime.tracking.settings import Evidence, SpeedModel

CELL, SPAN = 1 / 30, 0.25
TABLE = ReferenceTable.build([expert(4.0)], cell=CELL, motion_span=SPAN)
MODEL = SpeedModel()


def row() -> WarpingRow:
    return WarpingRow(TABLE, MODEL, delay=SPAN / 2)


def loop_predict(belief: np.ndarray, dt: float, transition: np.ndarray) -> np.ndarray:
    speeds, cells = belief.shape
    moved = np.zeros_like(belief, float)
    for s in range(speeds):
        step = dt / CELL * MODEL.speeds[s]
        whole, share = int(step), step - int(step)
        for j in range(cells):
            moved[s, min(j + whole, cells - 1)] += (1 - share) * belief[s, j]
            moved[s, min(j + whole + 1, cells - 1)] += share * belief[s, j]
    out = np.zeros_like(moved)
    for to in range(speeds):
        for origin in range(speeds):
            out[to] += transition[to, origin] * moved[origin]
    return out


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), dt=st.floats(0.001, 0.4))
def test_prediction_equals_plain_loops(seed: int, dt: float) -> None:
    filter_ = row()
    belief = np.random.default_rng(seed).random(filter_.belief.shape).astype(np.float32)
    belief /= belief.sum()
    filter_.belief[:] = belief
    filter_.predict(dt)
    expected = loop_predict(belief, dt, filter_._transition(dt))
    np.testing.assert_allclose(filter_.belief, expected, atol=2e-6)
    assert filter_.belief.sum() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("moment", [0.4, 1.7, 3.2])
def test_costs_equal_plain_loops(moment: float) -> None:
    history = PoseHistory(SPAN)
    for back in (0.2, 0.13, 0.07, 0.0):
        seen = history.observe(dance(np.array([moment - back]))[0], moment - back)
    evidence, scale, dt = Evidence(), 0.06, 0.04
    filter_ = row()
    cost, _ = filter_.costs(seen, dt, evidence, Likeness(scale, 0.8))

    values, weights = seen.pose, seen.pose_weights
    size, motion = len(values), NUM_SEGMENT_VALUES
    wv, velocity = seen.velocity_weights, seen.velocity
    moving = np.sqrt(sum(wv[k] * velocity[k] ** 2 for k in range(motion)) / sum(wv))
    floor = evidence.stillness_floor
    novelty = floor + (1 - floor) * moving / (moving + evidence.stillness_motion)
    for s, speed in enumerate(MODEL.speeds):
        delay = round(speed * SPAN / 2 / CELL)
        for j in range(0, len(TABLE), 7):
            pose = TABLE.pose_rows[0][j].astype(float)
            mass = total = 0.0
            for k in range(size):
                w = weights[k] * pose[2 * size + k]
                mean = pose[size + k] / max(pose[2 * size + k], 1e-9)
                mass, total = mass + w, total + w * (values[k] - mean) ** 2
                total += weights[k] * (pose[k] - pose[2 * size + k] * mean**2)
            prior = evidence.prior_weight * size
            ratio = (total + evidence.unseen_cost * scale * prior) / (mass + prior) / scale
            expected = 0.8**2 * novelty * dt * evidence.pose_rate * ratio / (1 + ratio / evidence.pose_limit)
            line = TABLE.motion_rows[0][max(0, j - delay)].astype(float)
            error = spread = mass = 0.0
            for k in range(motion):
                w = wv[k] * line[2 * motion + k]
                fast = line[motion + k] / max(line[2 * motion + k], 1e-9)
                mass += w
                error += w * (velocity[k] - speed * fast) ** 2
                spread += w * fast**2
            calm = (evidence.rest_share * TABLE.lively) ** 2
            live = max(0.0, moving**2 - seen.jitter**2)
            spread *= (evidence.motion_share * speed) ** 2 * live / (live + calm)
            hidden = max(0.0, evidence.hidden_cost * (1.0 - mass / (0.5 * sum(wv))))
            noise = evidence.motion_noise**2 + evidence.jitter_gain * seen.jitter**2
            spread += noise * (mass + evidence.prior_weight * motion)
            limit = evidence.motion_limit if speed else evidence.standing_limit
            trust = 0.8**2 if speed else 1.0
            nats = error / spread / (1 + error / spread / limit) + hidden
            expected += trust * dt * evidence.motion_rate * nats
            assert cost[s, j] == pytest.approx(expected, rel=2e-3, abs=2e-4), (speed, j)


@settings(max_examples=25)
@given(lo=st.integers(0, 100), width=st.integers(2, 60), seed=st.integers(0, 2**32 - 1))
def test_a_window_is_a_part_of_the_whole_row(lo: int, width: int, seed: int) -> None:
    hi = min(lo + width, len(TABLE))
    rng = np.random.default_rng(seed)
    whole, part = row(), row()
    belief = np.zeros_like(whole.belief)
    belief[:, lo:hi] = rng.random((len(belief), hi - lo))
    whole.belief[:], part.belief[:] = belief, belief
    whole.predict(0.05)
    part.predict(0.05, lo, hi)
    np.testing.assert_allclose(part.belief[:, lo:hi], whole.belief[:, lo:hi], atol=1e-6)
    assert not part.belief[:, :lo].any()
    assert not part.belief[:, hi:].any()


def test_impossible_evidence_leaves_a_proper_belief() -> None:
    filter_ = row()
    filter_.belief[0, 0] = 1.0
    cost = np.zeros_like(filter_.belief)
    cost[0, 0] = 1e6
    filter_.correct(cost)
    assert np.isfinite(filter_.belief).all()
    assert filter_.belief.sum() == pytest.approx(1.0, abs=1e-4)


def test_speeds_keep_their_probability_and_drift_to_the_experts_own() -> None:
    rates = speed_rates(MODEL)
    np.testing.assert_allclose(rates.sum(axis=0), 0.0, atol=1e-12)
    assert (rates - np.diag(np.diag(rates)) >= 0).all()
    settled = np.linalg.matrix_power(np.eye(len(rates)) + rates * 0.01, 5000)[1:, 4]
    mean = settled @ np.array(MODEL.speeds[1:]) / settled.sum()
    assert mean == pytest.approx(1.0, abs=0.01)
