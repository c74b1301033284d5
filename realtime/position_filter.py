"""One row of online time warping, in its probabilistic form.

State: where in the expert's video (a cell) and how fast (one of a few speeds, 0 among them). Each live frame
pays exactly once, whatever it aligns to: that is the asymmetric step pattern, which makes the scores of all
cells comparable as they are, without a length normalisation and so with an open end. A path may stay, or
advance by speed × elapsed time; changing speed has a price. Where classic DTW takes the minimum over
predecessors, the row takes the soft minimum (Cuturi & Blondel, 2017), that is, the forward algorithm of a
hidden Markov model (Rabiner, 1989): its values are probabilities, from which confidence, HOLDING and LOST
follow without further thresholds on costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from posesync.pose.types import FloatArray

from .observation import Observation
from .reference_table import ReferenceTable

#: s; more time than this between two frames is no movement to be followed.
_LONGEST_STEP = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much a difference in pose or motion counts.

    Attributes:
        pose_rate: nats per second for a pose that differs by ``pose_scale``.
        pose_scale: mean squared difference of pose entries (rad²) of two good performances.
        pose_limit: difference, in units of ``pose_scale``, at which a wrong pose counts half of its square.
        motion_rate: nats per second for a velocity that differs by its own uncertainty.
        motion_noise: uncertainty of a velocity at rest, 1/s, beside the keypoints' own jitter.
        jitter_gain: how many times more a velocity varies than the jitter between frames explains: some of it
            drifts, which looks like movement.
        motion_share: further uncertainty as a share of the velocity that a hypothesis expects.
        motion_limit: squared error, in units of its uncertainty, at which a wrong velocity counts half of it.
        standing_limit: the same for the hypothesis that the performer stands.
        stillness_floor: share of ``pose_rate`` left when the performer does not move. What is wrong with a
            pose (another body, another camera) stays wrong while it is held: a second look is no evidence.
        stillness_motion: mean velocity of the limbs, 1/s, at which half of the rest counts.
        unseen_cost: difference, in units of ``pose_scale``, that an unseen entry stands for: more than a good
            performance has, less than a wrong pose.
        absence: nats, at most, for seeing nobody where the expert is in full view.
        absence_memory: s out of sight in which most of them are paid.
        prior_weight: mean weight of entries at which evidence counts half; below, a pose says little.
    """

    pose_rate: float = 24.0
    pose_scale: float = 0.04
    pose_limit: float = 8.0
    motion_rate: float = 8.0
    motion_noise: float = 0.25
    jitter_gain: float = 1.5
    motion_share: float = 0.5
    motion_limit: float = 6.0
    standing_limit: float = 24.0
    stillness_floor: float = 0.25
    stillness_motion: float = 0.5
    unseen_cost: float = 1.5
    absence: float = 2.0
    absence_memory: float = 0.15
    prior_weight: float = 0.1


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the performer and the expert are as seen so far: another body, another camera.

    Attributes:
        pose_scale: mean squared difference of pose entries (rad²) where they are aligned.
        trust: 0..1, how much a difference says at all; near 0 when aligned poses differ like random ones.
    """

    pose_scale: float
    trust: float = 1.0


@dataclass(frozen=True, slots=True)
class SpeedModel:
    """How a performer's speed changes.

    Attributes:
        speeds: relative to the expert's; the first is 0.
        change: per second, how often a speed gives way to each neighbour.
        stop: per second, how often a moving performer stops.
        go: per second, how often a standing one moves off.
    """

    speeds: tuple[float, ...] = (0.0, 0.5, 0.75, 1.0, 1.35, 1.8, 2.4)
    change: float = 3.0
    stop: float = 0.3
    go: float = 1.0

    def rates(self) -> FloatArray:
        """Generator matrix Q (S, S), column = from: dP/dt = Q P."""
        count = len(self.speeds)
        prior = self.prior()
        q = np.zeros((count, count))
        for i in range(1, count):
            for j in (i - 1, i + 1):
                if 1 <= j < count:  # faster towards the expert's own speed than away from it
                    q[j, i] = self.change * prior[j] / (prior[i] + prior[j])
            q[0, i] = self.stop
            q[i, 0] = self.go * prior[i]
        q -= np.diag(q.sum(axis=0))
        return q

    def prior(self) -> FloatArray:
        """Stationary weights (S,) of the moving speeds, summing to 1; 0 for standing.

        Log-normal, tilted so that their mean is 1: a tracker that learns nothing from what it sees must go at
        the expert's pace, not ahead of it.
        """
        speeds = np.array(self.speeds[1:])
        logs = np.log(speeds)
        low, high = -20.0, 20.0
        for _ in range(60):
            tilt = 0.5 * (low + high)
            weight = np.exp(-0.5 * (logs / 0.45) ** 2 - tilt * logs)
            weight /= weight.sum()
            low, high = (tilt, high) if weight @ speeds > 1.0 else (low, tilt)
        return np.concatenate([[0.0], weight])


class PositionFilter:
    """The row: P(speed, cell), updated in place.

    Attributes:
        belief: (S, M) float32, sums to 1.
        log_evidence: log-likelihood of the last frame under everything believed before it, nats.
    """

    def __init__(
        self, table: ReferenceTable, speeds: SpeedModel, *, delay: float, loop: bool = False
    ) -> None:
        self.table = table
        self._landing = 0 if loop else -1
        self.speeds = np.array(speeds.speeds, np.float32)
        self._pace = np.array(speeds.speeds)
        # Zeros before the first cell, so that what comes from before it needs no special case.
        pad = int(_LONGEST_STEP / table.cell * self._pace.max()) + 2
        padded = np.zeros((len(self.speeds), pad + len(table)), np.float32)
        self._padded = padded.reshape(-1)
        self._starts = pad + np.arange(len(padded)) * padded.shape[1]
        self._range = np.arange(len(table))
        self.belief = padded[:, pad:]
        self.log_evidence = 0.0
        self._window = 0, len(table)
        self._generator = speeds.rates()
        self._transitions: dict[int, FloatArray] = {}
        self._poly = np.stack([np.ones_like(self.speeds), -2 * self.speeds, self.speeds**2], 1)
        self._delays = [round(speed * delay / table.cell) for speed in speeds.speeds]

    def predict(self, dt: float, lo: int = 0, hi: int | None = None) -> None:
        """Let ``dt`` seconds pass: every hypothesis advances by its speed, then speeds mix.

        Only cells ``lo`` … ``hi`` − 1 are kept. What would run past the last cell of the piece waits in it,
        or begins again with the first when the piece is a loop.
        """
        count = len(self.table)
        hi = count if hi is None else hi
        belief = self.belief
        steps = min(dt, _LONGEST_STEP) / self.table.cell * self._pace
        whole = steps.astype(np.intp)
        share = (steps - whole).astype(np.float32)[:, None]
        # One gather per neighbour: row s, cell j takes from cells j − whole and j − whole − 1 of that row.
        source = (self._starts + lo - whole)[:, None] + self._range[: hi - lo]
        moved = self._padded.take(source)
        moved *= 1.0 - share
        source -= 1
        moved += share * self._padded.take(source)
        if hi == count:
            for row, k in enumerate(whole.tolist()):
                past, at = belief[row, max(0, count - k) :], belief[row, max(0, count - 1 - k) :]
                f = float(share[row, 0])
                moved[row, self._landing] += (1.0 - f) * past.sum() + f * (at.sum() if steps[row] else 0.0)
        np.matmul(self._transition(dt), moved, out=belief[:, lo:hi])
        old_lo, old_hi = self._window
        belief[:, old_lo : min(lo, old_hi)] = 0.0
        belief[:, max(hi, old_lo) : old_hi] = 0.0
        self._window = lo, hi

    def _transition(self, dt: float) -> FloatArray:
        key = round(dt * 1000)
        if key not in self._transitions:
            if len(self._transitions) > 256:
                self._transitions.clear()
            step = self._generator * (max(key, 1) / 1000 / 64)
            matrix = np.linalg.matrix_power(np.eye(len(step)) + step, 64)
            self._transitions[key] = matrix.astype(np.float32)
        return self._transitions[key]

    def correct(self, cost: FloatArray, lo: int = 0) -> None:
        """Weigh every hypothesis by exp(−``cost``), (S, n) nats for the n cells from ``lo`` on; normalise."""
        part = self.belief[:, lo : lo + cost.shape[1]]
        best = float(cost.min())
        part *= np.exp(best - cost)
        total = float(part.sum())
        if not total > 1e-30:
            part[:] = 1.0 / part.size
            total = 1.0
        part /= total
        self.log_evidence = float(np.log(total)) - best

    def costs(
        self,
        seen: Observation,
        dt: float,
        evidence: Evidence,
        likeness: Likeness,
        lo: int = 0,
        hi: int | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Price in nats of one frame for every hypothesis, and the pose differences behind it.

        Returns:
            cost (S, n) and difference (n,), the weighted mean squared difference of pose entries, rad².
        """
        hi = len(self.table) if hi is None else hi
        difference = _least([_difference(rows[lo:hi], seen, evidence) for rows in self.table.pose_rows])
        cost = difference / likeness.pose_scale
        cost /= 1.0 + cost * (1.0 / evidence.pose_limit)
        cost *= dt * likeness.trust**2 * evidence.pose_rate * _novelty(seen, evidence)
        first = max(0, lo - self._delays[-1])
        error = _least(
            [self._motion_error(rows[first:hi], seen, evidence) for rows in self.table.motion_rows]
        )
        error *= dt * evidence.motion_rate
        error[1:] *= likeness.trust**2
        price: FloatArray = np.empty((len(error), hi - lo), np.float32)
        # The live velocity is a slope over the past, so it is as old as half its span: at speed s it belongs
        # to the moment s · delay before the cell. Else every change of tempo would show as an offset.
        for row, delay in enumerate(self._delays):
            begin = max(lo, first + delay)
            price[row, begin - lo :] = error[row, begin - first - delay : hi - first - delay]
            if begin > lo:
                price[row, : begin - lo] = error[row, 0]
        price += cost
        return price, difference

    def _motion_error(self, rows: FloatArray, seen: Observation, evidence: Evidence) -> FloatArray:
        """Squared error of the velocity in units of its uncertainty, limited, at every speed: (S, n)."""
        expert, shared, live, mass = (rows @ seen.motion_columns).T
        mass = mass + evidence.prior_weight * len(seen.velocity)
        error: FloatArray = self._poly @ np.array([live, shared, expert])
        # How far off a velocity may be is for the hypothesis to say: one that stands allows for noise alone.
        # Who moves does not stand, from whichever side they are seen: that is hardly limited.
        limit = np.full(len(error), 1.0 / evidence.motion_limit, np.float32)
        limit[0] = 1.0 / evidence.standing_limit
        scale = np.multiply.outer(evidence.motion_share**2 * self._poly[:, 2], expert)
        scale += (evidence.motion_noise**2 + evidence.jitter_gain * seen.jitter**2) * mass
        scale += error * limit[:, None]
        error /= scale
        return error


def _least(takes: list[FloatArray]) -> FloatArray:
    """The smallest of each element: the performer may do as any take does."""
    return takes[0] if len(takes) == 1 else np.minimum.reduce(takes)


def _difference(rows: FloatArray, seen: Observation, evidence: Evidence) -> FloatArray:
    """Weighted mean squared difference of the pose to every row, rad²."""
    prior = evidence.prior_weight * len(seen.pose)
    difference, mass = (rows @ seen.pose_columns).T
    # Unseen entries stand for a middling difference: a cell must not win by being unseen.
    total: FloatArray = np.maximum(difference, 0.0) + evidence.unseen_cost * evidence.pose_scale * prior
    total /= mass + prior
    return total


def _novelty(seen: Observation, evidence: Evidence) -> float:
    """Share of the pose evidence that is new since the last frame, from how fast the performer moves."""
    floor = evidence.stillness_floor
    return floor + (1.0 - floor) * seen.speed / (seen.speed + evidence.stillness_motion)
