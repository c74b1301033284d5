"""Dynamic time warping on index grids: the cheapest path, open ends, and long sequences in limited memory.

A cost matrix of two ten-minute videos at 30 fps has 324 million cells, 2.6 GB. So a long pair is first warped
on every f-th sample, then at full rate piece by piece along that path, each piece as small as the path's own
neighbourhood. Each piece is an exact warping, and memory grows with the sequences, not with their square.

Müller, *Information Retrieval for Music and Motion*, 2007, ch. 4 (DTW; 4.3: multi-scale); Silva, Batista,
Keogh, *Prefix and suffix invariant dynamic time warping*, 2016 (open ends).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from posesync.pose.types import FloatArray

#: Cells of a cost matrix at most, 8 bytes each: 96 MB. Two videos of under two minutes at 30 fps have fewer.
MAX_CELLS: Final = 12_000_000
#: Cost of a sample left unmatched at an open end, as a share of the median distance of matched pairs. Below
#: 1, because a sample that is skipped here still has to be matched by the other sequence.
SKIP_COST: Final = 0.6

#: Samples of either sequence between two cuts of a coarse path, and around a cut, where its place is refined.
_PIECE: Final = 600
_AROUND: Final = 300
_BLOCK: Final = 1 << 20  # cells for which angle differences are held at once

IndexArray = npt.NDArray[np.intp]
Self = TypeVar("Self", bound="Pair")  # typing.Self came with Python 3.11


class Pair(ABC):
    """Two sequences and a distance between their samples.

    Attributes:
        penalty: ≥ 0, cost of a step in one sequence alone, beyond the distance it leads to.
    """

    penalty: float

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Lengths (N, M)."""

    @abstractmethod
    def part(self: Self, a: slice, b: slice) -> Self:
        """Return parts of both sequences; a negative step reverses them."""

    @abstractmethod
    def distances(self, path: IndexArray) -> FloatArray:
        """Return the distances (K,) ≥ 0 of the pairs (K, 2)."""

    @abstractmethod
    def matrix(self) -> FloatArray:
        """Return the distances (N, M) ≥ 0 of all pairs."""

    @abstractmethod
    def accumulate(self, window: int | None) -> FloatArray:
        """Return (N + 1, M + 1), the cost of the cheapest path to each cell, after one extra row and column.

        Args:
            window: pairs further from the diagonal than this, beyond the difference of N and M, are
                forbidden.
        """


class Vectors(Pair):
    """Euclidean distance of vectors (N, D) and (M, D), by dtaidistance's C library where available."""

    def __init__(self, a: FloatArray, b: FloatArray, penalty: float = 0.0) -> None:
        self.a, self.b, self.penalty = a, b, penalty

    @property
    def shape(self) -> tuple[int, int]:
        """See :class:`Pair`."""
        return len(self.a), len(self.b)

    def part(self, a: slice, b: slice) -> Vectors:
        """See :class:`Pair`."""
        return Vectors(self.a[a], self.b[b], self.penalty)

    def distances(self, path: IndexArray) -> FloatArray:
        """See :class:`Pair`."""
        distances: FloatArray = np.linalg.norm(self.a[path[:, 0]] - self.b[path[:, 1]], axis=1)
        return distances

    def matrix(self) -> FloatArray:
        """See :class:`Pair`."""
        squares = (self.a**2).sum(axis=1)[:, None] + (self.b**2).sum(axis=1) - 2 * self.a @ self.b.T
        distances: FloatArray = np.sqrt(np.maximum(squares, 0.0))
        return distances

    def accumulate(self, window: int | None) -> FloatArray:
        """See :class:`Pair`.

        Euclidean, not squared: on four cameras around one performer this cut the p95 error from 167 to
        100 ms. dtaidistance's own C path finder ignores this choice (2.5.1), so the path is traced back in
        the matrix.
        """
        if not has_c_library():
            return _accumulate(self.matrix(), window, self.penalty)
        from dtaidistance import dtw_ndim

        costs: FloatArray = dtw_ndim.warping_paths(
            np.ascontiguousarray(self.a),
            np.ascontiguousarray(self.b),
            window=window,
            penalty=self.penalty,
            inner_dist="euclidean",
            use_c=True,
            keep_int_repr=True,
            psi_neg=False,
        )[1]
        return costs


class Angles(Pair):
    """Angle-MAE: the mean absolute difference of angles, with separate weights for each pair of samples.

    dtaidistance has neither this distance nor weights, so the matrix is filled here, diagonal by diagonal.

    Args:
        a: (N, J) any unit, and the weights (N, J) 0..1.
        b: (M, J) and (M, J).
        unseen: the distance of two samples without a joint that was seen in both.
        penalty: see :class:`Pair`.
    """

    def __init__(
        self,
        a: tuple[FloatArray, FloatArray],
        b: tuple[FloatArray, FloatArray],
        unseen: float,
        penalty: float = 0.0,
    ) -> None:
        self.a, self.b, self.unseen, self.penalty = a, b, unseen, penalty

    @property
    def shape(self) -> tuple[int, int]:
        """See :class:`Pair`."""
        return len(self.a[0]), len(self.b[0])

    def part(self, a: slice, b: slice) -> Angles:
        """See :class:`Pair`."""
        a_part, b_part = (self.a[0][a], self.a[1][a]), (self.b[0][b], self.b[1][b])
        return Angles(a_part, b_part, self.unseen, self.penalty)

    def distances(self, path: IndexArray) -> FloatArray:
        """See :class:`Pair`."""
        i, j = path[:, 0], path[:, 1]
        return self._mean(self.a[0][i] - self.b[0][j], np.minimum(self.a[1][i], self.b[1][j]))

    def matrix(self) -> FloatArray:
        """See :class:`Pair`."""
        (a, seen_a), (b, seen_b) = self.a, self.b
        local = np.empty(self.shape)
        rows = max(1, _BLOCK // max(len(b), 1))
        for row in range(0, len(a), rows):
            block = slice(row, row + rows)
            seen = np.minimum(seen_a[block, None], seen_b[None])
            local[block] = self._mean(a[block, None] - b[None], seen)
        return local

    def accumulate(self, window: int | None) -> FloatArray:
        """See :class:`Pair`."""
        return _accumulate(self.matrix(), window, self.penalty)

    def _mean(self, difference: FloatArray, weight: FloatArray) -> FloatArray:
        total = weight.sum(axis=-1)
        mean = (weight * np.abs(difference)).sum(axis=-1) / np.where(total > 0, total, 1.0)
        return np.where(total > 0, mean, self.unseen)


def has_c_library() -> bool:
    """Return whether dtaidistance was installed with its compiled library."""
    from dtaidistance import dtw

    return dtw.dtw_cc is not None


def warp(
    pair: Pair, begin: tuple[int, int] = (0, 0), end: tuple[int, int] = (0, 0), window: int | None = None
) -> IndexArray:
    """Return the cheapest path (K, 2), never falling, each step at most one sample of either sequence.

    Args:
        pair: the two sequences.
        begin: how many samples of the first and of the second sequence may stay unmatched at their beginning.
        end: the same at their end.
        window: see :meth:`Pair.accumulate`.
    """
    n, m = pair.shape
    factor = math.ceil(math.sqrt((n + 1) * (m + 1) / MAX_CELLS))
    if factor <= 1:
        return _open_warp(pair, begin, end, window)
    every = slice(None, None, factor)
    coarse = _open_warp(
        pair.part(every, every),
        (begin[0] // factor, begin[1] // factor),
        (end[0] // factor, end[1] // factor),
        None if window is None else max(2, round(window / factor)),
    )
    fine = _refine(pair, _to_the_end(coarse * factor, (n, m), factor))
    return fine if window is None else _within(fine, n - m, window)


def _open_warp(pair: Pair, begin: tuple[int, int], end: tuple[int, int], window: int | None) -> IndexArray:
    """Return the path with open ends: each end is chosen while the other is closed, and skipping has a cost.

    The psi-relaxation of dtaidistance skips at no cost: it shifts a whole path as far as it may. Here an end
    stays closed unless opening it pays sample by sample: the sum over a path alone prefers short paths, and
    would leave out one of several repetitions.
    """
    whole = _closed(pair, window)
    if not any(begin + end):
        return whole
    n, m = pair.shape
    least = (min(n, m) + 1) // 2  # samples that stay, whatever the limits allow together
    price = float(np.median(pair.distances(whole)))
    found = {(0, 0, n, m): whole}
    for last in {(n, m), _keep(pair, end, window)}:
        kept = pair.part(slice(last[0]), slice(last[1]))
        limits = max(0, min(begin[0], last[0] - least)), max(0, min(begin[1], last[1] - least))
        turned = slice(None, None, -1)
        length = _keep(kept.part(turned, turned), limits, window)
        for first in {(0, 0), (last[0] - length[0], last[1] - length[1])}:
            if (ends := first + last) not in found:
                part = kept.part(slice(first[0], None), slice(first[1], None))
                found[ends] = np.array(first) + _closed(part, window)
    return min(found.values(), key=lambda path: _price(pair, path, price))


def _price(pair: Pair, path: IndexArray, skip: float) -> float:
    """Return the cost of a path when each sample of either sequence counts once, skipped ones ``skip``."""
    weights = np.concatenate([[2], np.diff(path, axis=0).sum(axis=1)])
    return float(weights @ pair.distances(path) + skip * (sum(pair.shape) - weights.sum()))


def _keep(pair: Pair, limits: tuple[int, int], window: int | None) -> tuple[int, int]:
    """Return the lengths that match when up to ``limits`` samples at the end of either may be skipped."""
    n, m = pair.shape
    if not any(limits):
        return n, m
    costs = pair.accumulate(window)
    skip = SKIP_COST * float(np.median(pair.distances(_read(costs, pair.penalty))))
    end_a = np.arange(max(1, n - limits[0]), n + 1)
    end_b = np.arange(max(1, m - limits[1]), m + 1)
    shorter_a = costs[end_a, -1] + skip * (n - end_a)
    shorter_b = costs[-1, end_b] + skip * (m - end_b)
    if shorter_a.min() < shorter_b.min():
        return int(end_a[shorter_a.argmin()]), m
    return n, int(end_b[shorter_b.argmin()])


def _closed(pair: Pair, window: int | None = None) -> IndexArray:
    return _read(pair.accumulate(window), pair.penalty)


def _read(costs: FloatArray, penalty: float) -> IndexArray:
    """Return the path to the last cell of accumulated costs."""
    from dtaidistance import dtw

    return np.asarray(dtw.best_path(costs, penalty=penalty), np.intp).reshape(-1, 2)


def _accumulate(local: FloatArray, window: int | None, penalty: float) -> FloatArray:
    """Return costs accumulated from local ones: an antidiagonal's cells depend only on the two before it."""
    n, m = local.shape
    costs = np.full((n + 1, m + 1), np.inf)
    costs[1:, 1:] = local
    if window is not None:
        far = np.subtract.outer(np.arange(n), np.arange(m))
        reach = window - 1
        costs[1:, 1:][(far > reach + max(n - m, 0)) | (far < -reach - max(m - n, 0))] = np.inf
    costs[0, 0] = 0.0
    flat = costs.reshape(-1)
    for diagonal in range(2, n + m + 1):
        first, last = max(1, diagonal - m), min(n, diagonal - 1)
        # Row i, column diagonal - i is at index diagonal + i · m.
        start, stop = diagonal + first * m, diagonal + last * m + 1
        best = np.minimum(flat[start - 1 : stop - 1 : m], flat[start - m - 1 : stop - m - 1 : m])
        best += penalty
        np.minimum(best, flat[start - m - 2 : stop - m - 2 : m], out=best)
        flat[start:stop:m] += best
    return costs


# -- long sequences ------------------------------------------------------------------------------------------


def _to_the_end(path: IndexArray, shape: tuple[int, int], factor: int) -> IndexArray:
    """Extend a coarse path that reached the last coarse sample to the last sample."""
    last = np.array(shape) - 1
    path = path.copy()
    path[-1] = np.where(path[-1] + factor > last, last, path[-1])
    return path


def _refine(pair: Pair, path: IndexArray) -> IndexArray:
    """Return the warping at full rate along a path (K, 2) whose neighbours are some samples apart."""
    way = path.sum(axis=1)
    cuts = np.searchsorted(way, np.arange(way[0] + _PIECE, way[-1] - _PIECE / 2, _PIECE))
    corners = [path[0]]
    for cut in np.unique(cuts).tolist():
        low, high = np.searchsorted(way, (way[cut] - _AROUND, way[cut] + _AROUND)).tolist()
        first, last = path[low], path[min(high, len(path) - 1)]
        near = first + _closed(pair.part(*_spans(first, last)))
        middle = near[np.abs(near.sum(axis=1) - way[cut]).argmin()]
        corners.append(np.maximum(middle, corners[-1]))
    corners.append(np.maximum(path[-1], corners[-1]))
    pieces = [path[:1]]
    for first, last in pairwise(corners):
        piece = first + _closed(pair.part(*_spans(first, last)))
        pieces.append(piece[1:])  # its first pair is the end of the previous piece
    return np.concatenate(pieces)


def _spans(first: IndexArray, last: IndexArray) -> tuple[slice, slice]:
    return slice(int(first[0]), int(last[0]) + 1), slice(int(first[1]), int(last[1]) + 1)


def _within(path: IndexArray, longer: int, window: int) -> IndexArray:
    """Return the path clipped to the window, whose bounds rise with it, so that it never falls."""
    reach = window - 1
    low = path[:, 0] - reach - max(longer, 0)
    high = path[:, 0] + reach + max(-longer, 0)
    held = np.clip(path[:, 1], low, high)
    held = np.clip(held, path[0, 1], path[-1, 1])
    return np.column_stack([path[:, 0], held])
