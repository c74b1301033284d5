"""Offline alignment of two sequences: dynamic time warping on confidence-weighted features.

dtaidistance's C library compares plain vectors; it has no weight per pair of samples. So the weights go into
the vectors beforehand (:func:`series`): features that were not seen are filled from their neighbours in time,
and each feature counts by how well it was seen in both sequences. Both are then sampled on one uniform time
grid, so that frame rates do not matter and every limit is in seconds. :mod:`posesync.reference.warping`
warps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import NUM_JOINTS, Features
from posesync.pose.types import FloatArray

from .reference import Reference
from .warping import Angles, IndexArray, Pair, Vectors, warp

Metric = Literal["features", "angle-mae"]
METRICS: Final[tuple[Metric, ...]] = ("features", "angle-mae")

#: Share of the shorter sequence that may stay unmatched at either end when no limit is given.
OPEN_SHARE: Final = 0.25
#: s, the most that may stay unmatched then: cameras are not left running for minutes, but movements often
#: repeat after minutes.
OPEN_MOST: Final = 20.0
#: Cost of a step in one sequence alone, as a share of the median distance of random pairs: without evidence
#: for leaving the common pace, a path keeps it. With two cameras that film one performer it halved the worst
#: error.
STEP_COST: Final = 0.1
_RANDOM_PAIRS: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """A warping path between two sequences, from the first matched pair to the last.

    Attributes:
        times_a: (K,) s in ``a``, never falling.
        times_b: (K,) s in ``b``, never falling; ``times_a[k]`` and ``times_b[k]`` show the same moment.
        costs: (K,) ≥ 0: distance of each matched pair: radians per seen feature, or with the metric
            ``angle-mae`` degrees per seen joint.
        path: (K, 2) the samples of ``a`` and ``b`` nearest to these times.
        confidence: (K,) 0..1: how much of the body was seen in both, times how much more alike the two are
            than two random moments of the sequences (0: no more, 1: the same).
    """

    times_a: FloatArray
    times_b: FloatArray
    costs: FloatArray
    path: IndexArray
    confidence: FloatArray

    @property
    def cost(self) -> float:
        """Mean distance of the matched pairs."""
        return float(self.costs.mean())

    def time_in_b(self, time_a: FloatArray | float) -> FloatArray:
        """Return the moments of ``b``, s, that match moments of ``a``; outside the path, its ends."""
        return _follow(self.times_a, self.times_b, time_a)

    def time_in_a(self, time_b: FloatArray | float) -> FloatArray:
        """Return the moments of ``a``, s, that match moments of ``b``; outside the path, its ends."""
        return _follow(self.times_b, self.times_a, time_b)


def align(
    a: Reference,
    b: Reference,
    *,
    window: float | None = None,
    open_ends: float | tuple[float, float] | None = 0.0,
    step: float | None = None,
    metric: Metric = "features",
) -> Alignment:
    """Warp two complete sequences onto each other and return the alignment.

    Args:
        a: one sequence.
        b: the other.
        window: s; how far a matched pair may lie off the diagonal, beyond the difference of the two
            durations. None: no limit.
        open_ends: s; how much of either sequence may stay unmatched at the beginning and at the end; one
            number for both, or (beginning, end). Together at most half of the shorter sequence: beyond that,
            skipping everything would be the cheapest path. None, for two whole recordings: a quarter of the
            shorter but at most 20 s, the difference of the durations, and parts that show no person.
        step: s of the common time grid; by default the shorter of the two mean sampling intervals.
        metric: ``features``: angles and directions of the whole body, by dtaidistance; ``angle-mae``: the
            mean absolute difference of the eight joint angles alone, as in the original PoseSync.

    Raises:
        InvalidDataError: no feature was seen in both, or a limit is out of range.

    Example:
        Somebody raises an arm, and again 0.4 s later:

        >>> import numpy as np
        >>> from posesync.reference import Reference, align
        >>> def raised(start):
        ...     turn = np.pi * np.clip(np.arange(90) / 30 - start, 0, 2) / 2
        ...     body = np.zeros((90, 17, 3))
        ...     body[:, 5], body[:, 11] = (100, 100, 0.9), (100, 200, 0.9)  # left shoulder, left hip
        ...     body[:, 7] = np.c_[100 + 60 * np.sin(turn), 100 + 60 * np.cos(turn), np.full(90, 0.9)]
        ...     return Reference.from_keypoints(body, np.arange(90) / 30)
        >>> found = align(raised(0.2), raised(0.6))
        >>> float(found.time_in_b(1.5).round(1))
        1.9
        >>> found.path[0].tolist(), found.path[-1].tolist(), found.cost < 0.01
        ([0, 0], [89, 89], True)
    """
    if metric not in METRICS:
        raise InvalidDataError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}: choose one")
    begin, end = _open_ends(open_ends, a.duration, b.duration)
    if window is not None and not window > 0:
        raise InvalidDataError(
            f"window is {window} s, expected more than 0: give seconds, or None for no limit"
        )
    if step is not None and not step > 0:
        raise InvalidDataError(f"step is {step} s, expected more than 0: give seconds, or None to choose it")
    grid_step = step or _step(a, b)
    grid_a, grid_b = (_grid(r, grid_step, only_shown=open_ends is None) for r in (a, b))
    pair = _pair(a, b, grid_a, grid_b, metric)
    apart = float(np.median(pair.distances(_random_pairs(pair.shape))))
    pair.penalty = STEP_COST * apart
    path = warp(
        pair,
        (round(begin[0] / grid_step), round(begin[1] / grid_step)),
        (round(end[0] / grid_step), round(end[1] / grid_step)),
        None if window is None else max(1, round(window / grid_step)) + 1,
    )
    times_a, times_b, costs = grid_a[path[:, 0]], grid_b[path[:, 1]], pair.distances(path)
    nearest = np.column_stack([_nearest(a.times, times_a), _nearest(b.times, times_b)])
    return Alignment(times_a, times_b, costs, nearest, _confidence(a, b, nearest, costs, apart))


def cost_matrix(
    a: Reference, b: Reference, times_a: FloatArray, times_b: FloatArray, metric: Metric = "features"
) -> FloatArray:
    """Return (N, M) ≥ 0, the distance of each moment of ``a`` to each moment of ``b``, in the metric's unit.

    Raises:
        InvalidDataError: no feature was seen in both.
    """
    return _pair(a, b, times_a, times_b, metric).matrix()


def series(
    a: Reference, b: Reference, grid_a: FloatArray, grid_b: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return both sequences as plain vectors on their time grids, with the weights folded in.

    Angles are in radians, so that they and the directions (whose chord is nearly the angle) have one unit.

    Returns:
        (N, D) and (M, D) float64; their Euclidean distance is the weighted root mean square difference.

    Raises:
        InvalidDataError: no feature was seen in both.
    """
    weight = _shared(a.features.weights, b.features.weights, "joint or limb")
    scale = np.sqrt(weight / weight.sum())
    values = [(_resample(_radians(r.features), r.features.weights, r.times, grid) * scale)
              for r, grid in ((a, grid_a), (b, grid_b))]  # fmt: skip
    return values[0], values[1]


def _shared(a: FloatArray, b: FloatArray, what: str) -> FloatArray:
    """Return (D,), how well each feature was seen in both, from weights (N, D) and (M, D)."""
    weight: FloatArray = np.sqrt(a.mean(axis=0) * b.mean(axis=0), dtype=np.float64)
    if not weight.sum() > 0:
        raise InvalidDataError(
            f"the two sequences have no {what} that was seen in both, expected at least one: "
            "use videos in which the same part of the body is visible"
        )
    return weight


def _pair(a: Reference, b: Reference, grid_a: FloatArray, grid_b: FloatArray, metric: Metric) -> Pair:
    if metric == "features":
        return Vectors(*series(a, b, grid_a, grid_b))
    _shared(a.features.angle_weights, b.features.angle_weights, "joint")
    sides = []
    for reference, grid in ((a, grid_a), (b, grid_b)):
        angles, weights = reference.features.angles.astype(np.float64), reference.features.angle_weights
        seen = np.column_stack([np.interp(grid, reference.times, column) for column in weights.T])
        sides.append((_steady(_resample(angles, weights, reference.times, grid)), seen))
    pair = Angles(sides[0], sides[1], np.nan)
    apart = pair.distances(_random_pairs(pair.shape))
    # A moment in which nothing can be compared counts as far away as any other.
    pair.unseen = float(np.nanmedian(apart)) if np.isfinite(apart).any() else 90.0
    return pair


def _steady(values: FloatArray) -> FloatArray:
    """Return (N, D) smoothed over three samples: a single one is as much jitter as movement."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    smooth: FloatArray = 0.25 * padded[:-2] + 0.5 * values + 0.25 * padded[2:]
    return smooth


def _radians(features: Features) -> FloatArray:
    values = features.values.astype(np.float64)
    values[:, :NUM_JOINTS] = np.radians(values[:, :NUM_JOINTS])
    return values


def _resample(values: FloatArray, weights: FloatArray, times: FloatArray, grid: FloatArray) -> FloatArray:
    """Return (N, D) values on ``grid``; unseen ones come from the nearest times at which they were seen."""
    out = np.zeros((len(grid), values.shape[1]))
    for d in range(values.shape[1]):
        best = weights[:, d].max()
        if best <= 0:
            continue
        sure = weights[:, d] >= min(0.5, best)
        expected = np.interp(times, times[sure], values[sure, d])
        blended = weights[:, d] * values[:, d] + (1 - weights[:, d]) * expected
        out[:, d] = np.interp(grid, times, blended)
    return out


def _confidence(
    a: Reference, b: Reference, path: IndexArray, costs: FloatArray, apart: float
) -> FloatArray:  # fmt: skip
    """Return (K,) 0..1, see :class:`Alignment`; ``apart`` is how far random pairs are."""
    weights_a, weights_b = a.features.weights, b.features.weights
    weight = _shared(weights_a, weights_b, "joint or limb")
    seen = np.minimum(weights_a[path[:, 0]], weights_b[path[:, 1]]) @ (weight / weight.sum())
    alike = 1.0 - costs / apart if apart > 0 else np.ones(len(costs))
    confidence: FloatArray = np.clip(seen, 0.0, 1.0) * np.clip(alike, 0.0, 1.0)
    return confidence


def _random_pairs(shape: tuple[int, int]) -> IndexArray:
    """Return (K, 2) random pairs of samples, the same ones on every call."""
    rng = np.random.default_rng(0)
    return np.column_stack([rng.integers(0, length, _RANDOM_PAIRS) for length in shape])


def _step(a: Reference, b: Reference) -> float:
    """Return the time between grid samples, s."""
    return min((r.duration / (len(r) - 1) for r in (a, b) if len(r) > 1), default=1.0)


def _grid(reference: Reference, step: float, *, only_shown: bool) -> FloatArray:
    """Return (N,) s, uniform, from the first sample to the last, or between those that show a person."""
    seen = np.flatnonzero(reference.seen)
    ends = seen[[0, -1]] if only_shown and len(seen) else [0, -1]
    first, last = reference.times[ends].tolist()
    return np.linspace(first, last, max(1, round((last - first) / step) + 1))


def _open_ends(
    open_ends: float | tuple[float, float] | None, duration_a: float, duration_b: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return how much may stay unmatched, s: at the beginning of a and of b, and at their ends."""
    shorter = min(duration_a, duration_b)
    if open_ends is None:
        least = min(OPEN_SHARE * shorter, OPEN_MOST)
        each = tuple(duration - shorter + least for duration in (duration_a, duration_b))
        return (each[0], each[1]), (each[0], each[1])
    begin, end = open_ends if isinstance(open_ends, tuple) else (open_ends, open_ends)
    if not (begin >= 0 and end >= 0 and begin + end <= shorter / 2 + 1e-9):
        raise InvalidDataError(
            f"open ends are {begin} s and {end} s, expected 0 or more and together at most {shorter / 2:g} s "
            "(half of the shorter sequence): give less"
        )
    return (float(begin), float(begin)), (float(end), float(end))


def _follow(times_from: FloatArray, times_to: FloatArray, time: FloatArray | float) -> FloatArray:
    """Return the path as a function: pairs at the same time are averaged, between pairs it is linear."""
    known, group = np.unique(times_from, return_inverse=True)
    mean = np.bincount(group, times_to) / np.bincount(group)
    return np.asarray(np.interp(time, known, mean))


def _nearest(times: FloatArray, wanted: FloatArray) -> IndexArray:
    """Return the index of the sample nearest to each wanted time."""
    if len(times) == 1:
        return np.zeros(len(wanted), np.intp)
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    return np.asarray(after - (wanted - times[after - 1] <= times[after] - wanted), np.intp)
