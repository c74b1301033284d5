"""Offline alignment of two sequences: dynamic time warping by dtaidistance, on confidence-weighted features.

dtaidistance's C library compares plain vectors; it knows no weight per pair of samples. So the weights go
into the vectors beforehand (:func:`series`): what was not seen is taken from its neighbours in time, and
each feature counts as much as both sequences saw it. Both are then sampled on one uniform time grid, so that
frame rates do not matter and every limit is in seconds.

Müller, *Information Retrieval for Music and Motion*, 2007, ch. 4 (DTW); Silva, Batista, Keogh, *Prefix and
suffix invariant dynamic time warping*, 2016 (open ends).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import NUM_JOINTS, Features
from posesync.pose.types import FloatArray

from .reference import Reference

log = logging.getLogger(__name__)

#: Cells of the cost matrix at most; beyond it the time grid gets coarser. 8 bytes a cell: 200 MB; two videos
#: of ten minutes are compared 8 times a second.
MAX_CELLS: Final = 25_000_000
#: The same without dtaidistance's C library, 8 µs a cell: about two seconds a pass.
MAX_CELLS_PYTHON: Final = 250_000
#: Price of a sample left unmatched at an open end, as a share of the median distance of matched pairs. Below
#: 1, because a sample that is skipped here still has to be matched by the other sequence.
SKIP_COST: Final = 0.6

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """A warping path between two sequences, from the first matched pair to the last.

    Attributes:
        times_a: (K,) s in ``a``, never falling.
        times_b: (K,) s in ``b``, never falling; ``times_a[k]`` and ``times_b[k]`` show the same moment.
        costs: (K,) ≥ 0: distance of each matched pair, radians per seen feature.
    """

    times_a: FloatArray
    times_b: FloatArray
    costs: FloatArray

    @property
    def cost(self) -> float:
        """Mean distance of the matched pairs, radians per seen feature."""
        return float(self.costs.mean())

    def time_in_b(self, time_a: FloatArray | float) -> FloatArray:
        """The moments of ``b``, s, that match moments of ``a``; before and after the path: its ends."""
        return _follow(self.times_a, self.times_b, time_a)

    def time_in_a(self, time_b: FloatArray | float) -> FloatArray:
        """The moments of ``a``, s, that match moments of ``b``; before and after the path: its ends."""
        return _follow(self.times_b, self.times_a, time_b)


def align(
    a: Reference,
    b: Reference,
    *,
    window: float | None = None,
    open_ends: float | tuple[float, float] = 0.0,
    step: float | None = None,
) -> Alignment:
    """Warp two sequences onto each other, both known from beginning to end.

    Args:
        a: one sequence.
        b: the other.
        window: s; how far a matched pair may lie off the diagonal, beyond what the two durations differ by.
            None: no limit.
        open_ends: s; how much of either sequence may stay unmatched at the beginning and at the end; one
            number for both, or (beginning, end). Together at most half of the shorter sequence: beyond that,
            skipping everything would be the cheapest path.
        step: s of the common time grid; by default the shorter of the two mean sampling intervals. A matrix
            of more than ``MAX_CELLS`` gets a coarser grid, which is logged.

    Raises:
        InvalidDataError: no feature was seen in both, or a limit is out of range.
    """
    begin, end = _open_ends(open_ends, min(a.duration, b.duration))
    if window is not None and not window > 0:
        raise InvalidDataError(
            f"window is {window} s, expected more than 0: give seconds, or None for no limit"
        )
    if step is not None and not step > 0:
        raise InvalidDataError(f"step is {step} s, expected more than 0: give seconds, or None to choose it")
    grid_step = _step(a, b, step)
    grid_a, grid_b = _grid(a, grid_step), _grid(b, grid_step)
    values_a, values_b = series(a, b, grid_a, grid_b)
    path, costs = _open_warp(
        values_a,
        values_b,
        round(begin / grid_step),
        round(end / grid_step),
        None if window is None else max(1, round(window / grid_step)) + 1,
    )
    return Alignment(grid_a[path[:, 0]], grid_b[path[:, 1]], costs)


def warping_path(
    a: Reference,
    b: Reference,
    *,
    window: float | None = None,
    open_ends: float | tuple[float, float] = 0.0,
) -> tuple[IndexArray, IndexArray]:
    """Like :func:`align`, as sample indices: ``a`` at ``i[k]`` matches ``b`` at ``j[k]``.

    Returns:
        i, j: (K,) each, never falling; no pair comes twice.

    Raises:
        InvalidDataError: no feature was seen in both, or a limit is out of range.
    """
    found = align(a, b, window=window, open_ends=open_ends)
    pairs = np.column_stack([_nearest(a.times, found.times_a), _nearest(b.times, found.times_b)])
    new = np.ones(len(pairs), bool)
    new[1:] = (np.diff(pairs, axis=0) != 0).any(axis=1)
    return pairs[new, 0], pairs[new, 1]


def series(
    a: Reference, b: Reference, grid_a: FloatArray, grid_b: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Both sequences as plain vectors on their time grids, weights folded in.

    Angles are in radians, so that they and the directions (whose chord is nearly the angle) have one unit.

    Returns:
        (N, D) and (M, D) float64; their Euclidean distance is the weighted root mean square difference.

    Raises:
        InvalidDataError: no feature was seen in both.
    """
    weight = np.sqrt(a.features.weights.mean(axis=0) * b.features.weights.mean(axis=0), dtype=np.float64)
    if not weight.sum() > 0:
        raise InvalidDataError(
            "the two sequences have no joint or limb that was seen in both, expected at least one: "
            "use videos in which the same part of the body is visible"
        )
    scale = np.sqrt(weight / weight.sum())
    return _resample(a.features, a.times, grid_a) * scale, _resample(b.features, b.times, grid_b) * scale


def _resample(features: Features, times: FloatArray, grid: FloatArray) -> FloatArray:
    """(N, D) values on ``grid``; what was not seen comes from the nearest times at which it was."""
    values = features.values.astype(np.float64)
    values[:, :NUM_JOINTS] = np.radians(values[:, :NUM_JOINTS])
    weights = features.weights
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


def _warp(a: FloatArray, b: FloatArray, window: int | None) -> tuple[IndexArray, FloatArray]:
    """Warping path (K, 2), closed at both ends, and the accumulated costs (N + 1, M + 1), by dtaidistance.

    Euclidean, not squared: on four cameras around one performer that cut the p95 error from 167 to 100 ms.
    dtaidistance's own C path finder ignores that choice (2.5.1), so the path is read off the cost matrix.
    """
    from dtaidistance import dtw, dtw_ndim

    _, costs = dtw_ndim.warping_paths(
        np.ascontiguousarray(a),
        np.ascontiguousarray(b),
        window=window,
        inner_dist="euclidean",
        use_c=has_c_library(),
        keep_int_repr=True,
        psi_neg=False,
    )
    return np.asarray(dtw.best_path(costs), np.intp).reshape(-1, 2), costs


def _keep(a: FloatArray, b: FloatArray, limit: int, window: int | None) -> tuple[int, int]:
    """Lengths of ``a`` and ``b`` that match when up to ``limit`` samples at the end of one may be skipped."""
    if limit == 0:
        return len(a), len(b)
    path, costs = _warp(a, b, window)
    skip = SKIP_COST * float(np.median(_distances(a, b, path)))
    end_a = np.arange(max(1, len(a) - limit), len(a) + 1)
    end_b = np.arange(max(1, len(b) - limit), len(b) + 1)
    shorter_a = costs[end_a, -1] + skip * (len(a) - end_a)
    shorter_b = costs[-1, end_b] + skip * (len(b) - end_b)
    if shorter_a.min() < shorter_b.min():
        return int(end_a[shorter_a.argmin()]), len(b)
    return len(a), int(end_b[shorter_b.argmin()])


def _open_warp(
    a: FloatArray, b: FloatArray, begin: int, end: int, window: int | None
) -> tuple[IndexArray, FloatArray]:
    """Warping path (K, 2) and the distance of each pair, up to ``begin`` and ``end`` samples left unmatched.

    dtaidistance's psi-relaxation skips for nothing: on two views of one movement it shifts the whole path by
    as much as it may. Here each end is chosen on its own, the other closed, and skipping has its price.
    """
    last_a, last_b = _keep(a, b, end, window)
    a, b = a[:last_a], b[:last_b]
    kept_a, kept_b = _keep(a[::-1], b[::-1], begin, window)
    first = np.array([len(a) - kept_a, len(b) - kept_b])
    path = _warp(a[first[0] :], b[first[1] :], window)[0] + first
    return path, _distances(a, b, path)


def _distances(a: FloatArray, b: FloatArray, path: IndexArray) -> FloatArray:
    distances: FloatArray = np.linalg.norm(a[path[:, 0]] - b[path[:, 1]], axis=1)
    return distances


def has_c_library() -> bool:
    """Whether dtaidistance was installed with its compiled library; without it alignments are coarser."""
    from dtaidistance import dtw

    return dtw.dtw_cc is not None


def _step(a: Reference, b: Reference, step: float | None) -> float:
    """Seconds between grid samples, such that the cost matrix stays within its limit."""
    intervals = [r.duration / (len(r) - 1) for r in (a, b) if len(r) > 1]
    chosen = step or min(intervals, default=1.0)
    compiled = has_c_library()
    limit = MAX_CELLS if compiled else MAX_CELLS_PYTHON
    coarse = math.sqrt(a.duration * b.duration / limit)
    if coarse <= chosen:
        return chosen
    log.warning(
        "aligning at %.1f samples a second instead of %.1f: %s",
        1 / coarse,
        1 / chosen,
        "the sequences are long" if compiled else "dtaidistance lacks its compiled library, reinstall it",
    )
    return coarse


def _grid(reference: Reference, step: float) -> FloatArray:
    """(N,) s, uniform, from the first sample to the last."""
    count = max(1, round(reference.duration / step) + 1)
    return np.linspace(reference.times[0], reference.times[-1], count)


def _open_ends(open_ends: float | tuple[float, float], shorter: float) -> tuple[float, float]:
    begin, end = open_ends if isinstance(open_ends, tuple) else (open_ends, open_ends)
    if not (begin >= 0 and end >= 0 and begin + end <= shorter / 2 + 1e-9):
        raise InvalidDataError(
            f"open ends are {begin} s and {end} s, expected 0 or more and together at most {shorter / 2:g} s "
            "(half of the shorter sequence): give less"
        )
    return float(begin), float(end)


def _follow(times_from: FloatArray, times_to: FloatArray, time: FloatArray | float) -> FloatArray:
    """The path as a function: pairs with one time are averaged, between them it is linear."""
    known, group = np.unique(times_from, return_inverse=True)
    mean = np.bincount(group, times_to) / np.bincount(group)
    return np.asarray(np.interp(time, known, mean))


def _nearest(times: FloatArray, wanted: FloatArray) -> IndexArray:
    """Index of the sample nearest to each wanted time."""
    if len(times) == 1:
        return np.zeros(len(wanted), np.intp)
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    return np.asarray(after - (wanted - times[after - 1] <= times[after] - wanted), np.intp)
