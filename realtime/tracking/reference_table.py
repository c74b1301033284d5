"""The expert's movement on an even time grid, laid out so that one matrix product scores every moment.

The weighted squared distance between a live pose z (weights w) and the expert's pose Z[j] (weights W[j]),

    Σ_k w_k W_jk (z_k − Z_jk)²  =  [W Z², W Z, W]_j · [w, −2 w z, w z²],

is a dot product with a row that never changes; so is the same sum for velocities. The tables hold those rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from posesync.pose.embedding import EMBEDDING_SIZE, NUM_SEGMENT_VALUES, embed, running_scale
from posesync.pose.types import FloatArray
from posesync.reference import Reference

#: Seconds between two samples of an expert across which a pose is not interpolated.
_LONGEST_STEP = 0.25
#: Standard deviation, s, of the smoothing that takes the jitter out of the expert's keypoints.
_SMOOTHING = 0.035
#: Mean weight of the pose entries from which the expert counts as seen.
SEEN = 0.12
#: s, standard deviation of the smoothing of the expert's velocities before stillness is looked for.
STEADY = 0.12
#: The expert stands still where they move less than this share of their movement in the liveliest tenth …
STILL_SHARE = 0.2
#: … for at least this many seconds.
STILL_LEAST = 0.2
_NOWHERE = -(1 << 30)
#: Least difference assumed of two random poses: where nothing moves at all, keypoints still jitter.
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceTable:
    """An expert on an even grid of M cells, from the first moment in which they are seen to the last.

    Attributes:
        start: time of cell 0 in the reference, s.
        cell: seconds per cell.
        pose_rows: for each take of the piece (M, 3 D) float32, ``[W Z², W Z, W]``.
        motion_rows: for each take (M, 3 V) float32, the same for the velocities of the V segments, 1/s.
        seen: (M,) float32, 0..1, the share of the expert's body that is in view.
        motion: (M,) float32, root mean square velocity of the expert, 1/s.
        rest: (M,) float32, how many cells of a passage of stillness are still to come; 0 elsewhere.
        lively: velocity in the liveliest tenth of the piece, 1/s.
        passage: (M,) first cell of the passage of stillness; far below 0 elsewhere.
    """

    start: float
    cell: float
    pose_rows: tuple[FloatArray, ...]
    motion_rows: tuple[FloatArray, ...]
    seen: FloatArray
    motion: FloatArray
    rest: FloatArray
    passage: npt.NDArray[np.intp]
    lively: float

    def __len__(self) -> int:
        """Return the number of cells, M."""
        return len(self.seen)

    @property
    def span(self) -> float:
        """Seconds from the first cell to the last."""
        return (len(self) - 1) * self.cell

    @property
    def still(self) -> npt.NDArray[np.bool_]:
        """(M,) whether the expert stands still."""
        return self.passage >= 0

    def every(self, stride: int) -> ReferenceTable:
        """Return a coarser table: every ``stride``-th cell."""
        return self._picked(np.arange(0, len(self), stride), self.cell * stride)

    def looped(self, seconds: float) -> ReferenceTable:
        """Return the same table with its first ``seconds`` repeated after its end."""
        again = np.arange(len(self) + min(len(self), round(seconds / self.cell))) % len(self)
        return self._picked(again, self.cell)

    def _picked(self, cells: npt.NDArray[np.intp], cell: float) -> ReferenceTable:
        rest, passage = _passages(self.still[cells])
        return ReferenceTable(
            self.start,
            cell,
            tuple(np.ascontiguousarray(rows[cells]) for rows in self.pose_rows),
            tuple(np.ascontiguousarray(rows[cells]) for rows in self.motion_rows),
            self.seen[cells],
            self.motion[cells],
            rest,
            passage,
            self.lively,
        )

    @classmethod
    def build(cls, takes: Sequence[Reference], *, cell: float, motion_span: float) -> ReferenceTable:
        """Sample takes of one piece, on one clock, every ``cell`` s, with slopes over ``motion_span`` s."""
        times = np.asarray(takes[0].times, np.float64)
        grid = times[0] + cell * np.arange(int(np.floor((times[-1] - times[0]) / cell + 1e-6)) + 1)
        taps = 2 * max(1, round(motion_span / cell / 2))
        sampled = []
        for take in takes:
            keypoints = np.asarray(take.keypoints, np.float64)
            values, weights = embed(keypoints, running_scale(keypoints, times))
            sampled.append(_smooth(*_resample(times, values, weights, grid), _SMOOTHING / cell))
        seen = np.maximum.reduce([weights.mean(axis=1) for _, weights in sampled])
        # Moments in which nobody is seen are no part of the piece: a performer who still waits, or has left,
        # belongs in none of its cells.
        shown = np.flatnonzero(seen >= SEEN)
        kept = slice(int(shown[0]), int(shown[-1]) + 1) if len(shown) else slice(0, len(grid))
        size = NUM_SEGMENT_VALUES
        slopes = [_slope(z[:, :size], w[:, :size], cell, taps) for z, w in sampled]
        v, u = slopes[0]
        motion = np.sqrt((u * v * v).sum(axis=1) / np.maximum(u.sum(axis=1), 1e-9))[kept]
        there = seen[kept] >= SEEN
        lively = max(float(np.quantile(motion[there], 0.9)) if there.any() else 0.0, 1e-3)
        # Over a third of a second jitter averages out, movement does not.
        steady, _ = _smooth(v[kept], u[kept], STEADY / cell)
        slow = np.sqrt((u[kept] * steady * steady).sum(axis=1) / np.maximum(u[kept].sum(axis=1), 1e-9))
        rest, passage = _passages(_standing(there & (slow < STILL_SHARE * lively), round(STILL_LEAST / cell)))
        return cls(
            float(grid[kept.start]),
            cell,
            tuple(_rows(z[kept], w[kept]) for z, w in sampled),
            tuple(_rows(v[kept], u[kept]) for v, u in slopes),
            seen[kept].astype(np.float32),
            motion.astype(np.float32),
            rest,
            passage,
            lively,
        )

    def differences(self, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> FloatArray:
        """Return the mean squared pose differences of every pair of cells, (A, B), in the first take."""
        size = EMBEDDING_SIZE
        a, b = (self.pose_rows[0][cells].astype(np.float64) for cells in (first, second))
        weights, weighted, squares = b[:, 2 * size :], b[:, size : 2 * size], b[:, :size]
        # [W Z², W Z, W] · [w, −2 w z, w z²] for every pair at once
        live = np.concatenate([weights, -2.0 * weighted, squares], axis=1)
        shared = a[:, 2 * size :] @ weights.T
        apart: FloatArray = np.maximum(a @ live.T, 0.0) / np.maximum(shared, 0.05 * size)
        return apart

    def spread(self, samples: int = 200) -> float:
        """Return the median difference of two random poses of the piece: the unit for its differences."""
        pick = np.unique(np.linspace(0, len(self) - 1, samples).astype(int))
        apart = np.abs(pick[:, None] - pick[None, :]) * self.cell > 0.5
        pairs = self.differences(pick, pick)[apart]
        return max(float(np.median(pairs)), _LEAST_SPREAD) if len(pairs) else _LEAST_SPREAD


def _standing(still: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    """Return (M,) whether the expert stands still for ``least`` cells or more; shorter moves are ignored."""
    moves, begins = _passages(~still)
    brief = ~still & (moves[np.maximum(begins, 0)] + 1 < least)
    rest, passage = _passages(still | brief)
    long: npt.NDArray[np.bool_] = (still | brief) & (rest[np.maximum(passage, 0)] + 1 >= least)
    return long


def _passages(still: npt.NDArray[np.bool_]) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Return for each cell in a run of true ones how many follow in that run, and where the run begins."""
    index = np.arange(len(still))
    begins = still & ~np.concatenate([[False], still[:-1]])
    ends = still & ~np.concatenate([still[1:], [False]])
    passage = np.where(still, np.maximum.accumulate(np.where(begins, index, _NOWHERE)), _NOWHERE)
    last = np.minimum.accumulate(np.where(ends, index, len(still))[::-1])[::-1]
    return np.where(still, last - index, 0).astype(np.float32), passage


def _rows(values: FloatArray, weights: FloatArray) -> FloatArray:
    weighted = weights * values
    return np.concatenate([weighted * values, weighted, weights], axis=1).astype(np.float32)


def _resample(
    times: FloatArray, values: FloatArray, weights: FloatArray, grid: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Interpolate linearly, weighted; gaps stay gaps."""
    right = np.clip(np.searchsorted(times, grid, side="left"), 1, max(1, len(times) - 1))
    if len(times) == 1:
        return np.repeat(values, len(grid), axis=0), np.repeat(weights, len(grid), axis=0)
    left = right - 1
    step = times[right] - times[left]
    share = np.clip((grid - times[left]) / step, 0.0, 1.0)[:, None]
    a, b = weights[left] * (1.0 - share), weights[right] * share
    weight = a + b
    value = (a * values[left] + b * values[right]) / np.maximum(weight, 1e-9)
    near = np.minimum(share[:, 0], 1.0 - share[:, 0]) * step < _LONGEST_STEP / 2
    return value, weight * near[:, None]


def _smooth(values: FloatArray, weights: FloatArray, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Smooth along time with a weighted Gaussian; ``sigma`` in cells."""
    reach = int(np.ceil(2.5 * sigma))
    if reach < 1 or len(values) == 1:
        return values, weights
    total = np.zeros_like(values)
    mass = np.zeros_like(weights)
    norm = 0.0
    for offset in range(-reach, reach + 1):
        share = float(np.exp(-0.5 * (offset / sigma) ** 2))
        norm += share
        index = np.clip(np.arange(len(values)) + offset, 0, len(values) - 1)
        total += share * weights[index] * values[index]
        mass += share * weights[index]
    return total / np.maximum(mass, 1e-9), mass / norm


def _slope(values: FloatArray, weights: FloatArray, cell: float, taps: int) -> tuple[FloatArray, FloatArray]:
    """Return the centred least-squares slope over ``taps`` + 1 cells, per second, and its weight."""
    index = np.arange(len(values))
    sums = np.zeros((5, *values.shape))
    for offset in range(-(taps // 2), taps - taps // 2 + 1):
        inside = (index + offset >= 0) & (index + offset < len(values))
        source = np.where(inside, index + offset, index)
        w = weights[source] * inside[:, None]
        z, t = values[source], offset * cell
        for row, term in enumerate((w, w * t, w * t * t, w * z, w * z * t)):
            sums[row] += term
    return weighted_slope(sums[:3], sums[3:], (taps + 1.0) * (taps * cell) ** 2 / 12.0)


def weighted_slope(
    sums: FloatArray, products: FloatArray, full_spread: float
) -> tuple[FloatArray, FloatArray]:
    """Return the weighted least-squares slope over time, and a weight 0..1.

    Args:
        sums: Σ w, Σ w t, Σ w t², shape (3, ...).
        products: Σ w z, Σ w t z, shape (2, ...).
        full_spread: Σ w (t − t̄)² of a full window of good samples, s². A slope from few, bad or bunched
            samples counts less in proportion to its smaller spread.
    """
    mean = sums[1] / np.maximum(sums[0], 1e-9)
    spread = sums[2] - sums[1] * mean
    slope = (products[1] - mean * products[0]) / np.maximum(spread, 1e-9)
    weight = np.minimum(spread / full_spread, 1.0)
    good = weight > 0.15
    return slope * good, weight * good
