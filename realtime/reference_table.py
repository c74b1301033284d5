"""The expert's movement on an even time grid, laid out so that one matrix product scores every moment.

The weighted squared distance between a live pose z (weights w) and the expert's pose Z[j] (weights W[j]),

    Σ_k w_k W_jk (z_k − Z_jk)²  =  [W Z², W Z, W]_j · [w, −2 w z, w z²],

is a dot product with a row that never changes; so is the same sum for velocities. The tables hold those rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from posesync.pose.embedding import NUM_DIRECTION_VALUES, embed
from posesync.pose.types import FloatArray
from posesync.reference import Reference

#: Seconds between two samples of an expert across which a pose is not interpolated.
_LONGEST_STEP = 0.25
#: Standard deviation, s, of the smoothing that takes the jitter out of the expert's keypoints.
_SMOOTHING = 0.035


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceTable:
    """An expert on an even grid of M cells.

    Attributes:
        start: time of cell 0 in the reference, s.
        cell: seconds per cell.
        pose_rows: for each take of the piece (M, 3 D) float32, ``[W Z², W Z, W]``.
        motion_rows: for each take (M, 3 V) float32, the same of the velocities of the V directions, 1/s.
        seen: (M,) float32, 0..1, the share of the expert's body that is in view.
    """

    start: float
    cell: float
    pose_rows: tuple[FloatArray, ...]
    motion_rows: tuple[FloatArray, ...]
    seen: FloatArray

    def __len__(self) -> int:
        """Number of cells, M."""
        return len(self.seen)

    @property
    def span(self) -> float:
        """Seconds from the first cell to the last."""
        return (len(self) - 1) * self.cell

    def every(self, stride: int) -> ReferenceTable:
        """A coarser table: each ``stride``-th cell."""
        return ReferenceTable(
            self.start,
            self.cell * stride,
            tuple(np.ascontiguousarray(rows[::stride]) for rows in self.pose_rows),
            tuple(np.ascontiguousarray(rows[::stride]) for rows in self.motion_rows),
            self.seen[::stride],
        )

    def looped(self, seconds: float) -> ReferenceTable:
        """The same with its first ``seconds`` once more behind its end."""
        again = np.arange(len(self) + min(len(self), round(seconds / self.cell))) % len(self)
        return ReferenceTable(
            self.start,
            self.cell,
            tuple(rows[again] for rows in self.pose_rows),
            tuple(rows[again] for rows in self.motion_rows),
            self.seen[again],
        )

    @classmethod
    def build(cls, takes: Sequence[Reference], *, cell: float, motion_span: float) -> ReferenceTable:
        """Sample takes of one piece, on one clock, every ``cell`` s, with slopes over ``motion_span`` s."""
        times = np.asarray(takes[0].times, np.float64)
        grid = times[0] + cell * np.arange(int(np.floor((times[-1] - times[0]) / cell + 1e-6)) + 1)
        taps = 2 * max(1, round(motion_span / cell / 2))
        poses, motions, seen = [], [], np.zeros(len(grid))
        for take in takes:
            values, weights = embed(np.asarray(take.keypoints, np.float64))
            z, w = _smooth(*_resample(times, values, weights, grid), _SMOOTHING / cell)
            size = NUM_DIRECTION_VALUES
            poses.append(_rows(z, w))
            motions.append(_rows(*_slope(z[:, :size], w[:, :size], cell, taps)))
            seen = np.maximum(seen, w.mean(axis=1))
        return cls(float(times[0]), cell, tuple(poses), tuple(motions), seen.astype(np.float32))


def _rows(values: FloatArray, weights: FloatArray) -> FloatArray:
    weighted = weights * values
    return np.concatenate([weighted * values, weighted, weights], axis=1).astype(np.float32)


def _resample(
    times: FloatArray, values: FloatArray, weights: FloatArray, grid: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weighted linear interpolation; nothing is made up inside gaps."""
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
    """Gaussian smoothing along time, weighted; ``sigma`` in cells."""
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
    """Centred least-squares slope over ``taps`` + 1 cells, per second, and its weight."""
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
    """Weighted least-squares slope over time, and a weight 0..1.

    Args:
        sums: Σ w, Σ w t, Σ w t², shape (3, ...).
        products: Σ w z, Σ w t z, shape (2, ...).
        full_spread: Σ w (t − t̄)² of a full window of good samples, s². A slope from few, bad or bunched
            samples counts as much less as its spread is smaller.
    """
    mean = sums[1] / np.maximum(sums[0], 1e-9)
    spread = sums[2] - sums[1] * mean
    slope = (products[1] - mean * products[0]) / np.maximum(spread, 1e-9)
    weight = np.minimum(spread / full_spread, 1.0)
    good = weight > 0.15
    return slope * good, weight * good
