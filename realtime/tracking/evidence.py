"""Evidence of one live frame for and against each moment of the expert and each speed, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from posesync.pose.types import FloatArray

from .observation import Observation
from .reference_table import ReferenceTable
from .settings import Evidence, SpeedModel


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike performer and expert have looked so far: bodies and cameras differ.

    Attributes:
        expected: difference of pose entries to expect where they are aligned.
        trust: 0..1, how informative a difference is; near 0 when aligned poses differ like random ones.
    """

    expected: float
    trust: float = 1.0


def speed_rates(model: SpeedModel) -> FloatArray:
    """Return the generator matrix Q (S, S), column = from: dP/dt = Q P."""
    count = len(model.speeds)
    prior = speed_prior(model)
    q = np.zeros((count, count))
    for i in range(1, count):
        for j in (i - 1, i + 1):
            if 1 <= j < count:  # towards the expert's own speed more often than away from it
                q[j, i] = model.change * prior[j] / (prior[i] + prior[j])
        q[0, i] = model.stop
        q[i, 0] = model.go * prior[i]
    q -= np.diag(q.sum(axis=0))
    return q


def speed_prior(model: SpeedModel) -> FloatArray:
    """Return the stationary weights (S,) of the moving speeds, summing to 1; 0 for standing still.

    Log-normal, tilted so that their mean is 1: a tracker that learns nothing from what it sees must go at
    the expert's pace, not ahead of it.
    """
    speeds = np.array(model.speeds[1:])
    logs = np.log(speeds)
    low, high = -20.0, 20.0
    for _ in range(60):
        tilt = 0.5 * (low + high)
        weight = np.exp(-0.5 * (logs / model.spread) ** 2 - tilt * logs)
        weight /= weight.sum()
        low, high = (tilt, high) if weight @ speeds > 1.0 else (low, tilt)
    return np.concatenate([[0.0], weight])


def pose_difference(
    table: ReferenceTable, seen: Observation, evidence: Evidence, likeness: Likeness, lo: int, hi: int
) -> FloatArray:
    """Return the weighted mean squared pose difference to cells ``lo`` … ``hi`` − 1, (n,), nearest take."""
    prior = evidence.prior_weight * len(seen.pose)
    unseen = evidence.unseen_cost * likeness.expected * prior
    takes = []
    for rows in table.pose_rows:
        total, mass = (rows[lo:hi] @ seen.pose_columns).T
        # Unseen entries count as a middling difference: a cell must not win because it is unseen.
        takes.append((np.maximum(total, 0.0) + unseen) / (mass + prior))
    return _least(takes)


def price(
    table: ReferenceTable,
    speeds: FloatArray,
    delays: list[int],
    difference: FloatArray,
    seen: Observation,
    dt: float,
    evidence: Evidence,
    likeness: Likeness,
    lo: int,
) -> FloatArray:
    """Return the cost of one frame in nats for every speed and every cell from ``lo`` on, (S, n).

    Args:
        table: the expert.
        speeds: (S,) relative to the expert's.
        delays: for each speed, by how many cells the live velocity lags behind the hypothesis.
        difference: (n,) of the pose (:func:`pose_difference`).
        seen: the frame.
        dt: s since the last one.
        evidence: how much differences count.
        likeness: how alike performer and expert are.
        lo: first cell.
    """
    hi = lo + len(difference)
    cost = difference / likeness.expected
    cost /= 1.0 + cost * (1.0 / evidence.pose_limit)
    cost *= dt * likeness.trust**2 * evidence.pose_rate * _novelty(seen, evidence)
    first = max(0, lo - delays[-1])
    error = _least(
        [_motion_error(rows[first:hi], speeds, seen, evidence, table.lively) for rows in table.motion_rows]
    )
    error *= dt * evidence.motion_rate
    # Standing still looks the same from every side: when nothing moves, a different camera hardly excuses a
    # hypothesis that moves.
    moving = _moving(seen, evidence, table.lively)
    error[1:] *= likeness.trust ** (evidence.trust_resting + (2.0 - evidence.trust_resting) * moving)
    nats: FloatArray = np.empty((len(error), hi - lo), np.float32)
    # The live velocity is a slope over the past, so it is as old as half its span: at speed s it belongs
    # to the moment s · delay before the cell. Otherwise every change of tempo would show as an offset.
    for row, delay in enumerate(delays):
        begin = min(max(lo, first + delay), hi)  # a piece may be shorter than the delay
        if begin < hi:
            nats[row, begin - lo :] = error[row, begin - first - delay : hi - first - delay]
        if begin > lo:
            nats[row, : begin - lo] = error[row, 0]
    nats += cost
    return nats


def _motion_error(
    rows: FloatArray, speeds: FloatArray, seen: Observation, evidence: Evidence, lively: float
) -> FloatArray:
    """Return the squared velocity error in units of its uncertainty, limited, at every speed: (S, n)."""
    expert, shared, live, mass = (rows @ seen.motion_columns).T
    shown = evidence.hidden_cost / max(1e-9, 0.5 * float(seen.velocity_weights.sum()))
    hidden = np.maximum(evidence.hidden_cost - shown * mass, 0.0)
    mass = mass + evidence.prior_weight * len(seen.velocity)
    squares = speeds**2
    error: FloatArray = np.multiply.outer(squares, expert)
    # The allowed error depends on the hypothesis: standing still allows for noise alone, and its error is
    # hardly limited, because a performer who moves does not stand still from any camera angle. A performer
    # who moves differently from the expert may be anywhere nearby; one who does not move stands still.
    scale = error * (evidence.motion_share**2 * _moving(seen, evidence, lively))
    scale += (evidence.motion_noise**2 + evidence.jitter_gain * seen.jitter**2) * mass
    error -= np.multiply.outer(2.0 * speeds, shared)
    error += live
    limit = np.full((len(speeds), 1), 1.0 / evidence.motion_limit, np.float32)
    limit[0] = 1.0 / evidence.standing_limit
    scale += error * limit
    error /= scale
    error += hidden
    return error


def _moving(seen: Observation, evidence: Evidence, lively: float) -> float:
    """Return how surely the performer moves, 0..1, from how far their velocity exceeds jitter."""
    beyond = max(0.0, seen.speed**2 - seen.jitter**2)
    return beyond / (beyond + (evidence.rest_share * lively) ** 2)


def _least(takes: list[FloatArray]) -> FloatArray:
    """Return the elementwise minimum over the takes: the performer may follow any of them."""
    return takes[0] if len(takes) == 1 else np.minimum.reduce(takes)


def _novelty(seen: Observation, evidence: Evidence) -> float:
    """Return the share of pose evidence that is new since the last frame, from the performer's speed."""
    floor = evidence.stillness_floor
    return floor + (1.0 - floor) * seen.speed / (seen.speed + evidence.stillness_motion)
