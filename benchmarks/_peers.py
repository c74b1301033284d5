"""The methods to beat, on the same features as our tracker, one answer per live frame.

Fairness: the same confidence-weighted angles and limb directions, the same local cost, and frames brought to
the reference's rate for the methods that count frames instead of seconds (only ours reads timestamps).
Dixon's and Arzt's methods are re-implemented here for the benchmark: PyPI's ``pymatchmaker`` 0.3 carries
both and installs, but with NumPy 1, a synthesizer, librosa and 40 more, and takes a musical score. Fed with
the same 450 live frames, distance and settings, ours gave the very same positions as its Dixon, and 98 % of
the same, at most 3 frames off, as its Arzt.

Window, reach, run length and rates were chosen from 21 combinations on tempo, student, yaw 30, mixed and skip
with seeds of their own (10), not those of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from _motions import Array
from posesync.pose.features import Features, extract_features
from posesync.realtime.tracking.position import Position, State

_RADIANS: Final = np.pi / 180.0
_ANGLES: Final = 8


class ReferenceLike(Protocol):
    """What a method may know of the expert: the public face of ``posesync.reference.Reference``."""

    @property
    def times(self) -> Array: ...
    @property
    def keypoints(self) -> Array: ...
    @property
    def features(self) -> Features: ...


class Method(Protocol):
    """Anything that follows a performer."""

    def update(self, keypoints: Array, time: float) -> Position:
        """Take one frame (17, 3) at ``time`` s and say where the performer is."""
        ...


Factory = Callable[[ReferenceLike], Method]


class Costs:
    """The local cost of one live pose to every reference frame: weighted mean absolute difference.

    Angles in radians and components of unit vectors go in as they are: both are of the order of 1.
    """

    def __init__(self, features: Features) -> None:
        """Take the reference's features, (T, 28)."""
        self._values = self.scaled(np.asarray(features.values, np.float32))
        self._weights = np.asarray(features.weights, np.float32)

    @staticmethod
    def scaled(values: Array) -> Array:
        scale = np.ones(values.shape[-1], np.float32)
        scale[:_ANGLES] = _RADIANS
        scaled: Array = values * scale
        return scaled

    def __call__(self, keypoints: Array, low: int = 0, high: int | None = None) -> Array:
        """(T,) or, from frame ``low`` to before ``high``, a part of it. Nothing seen in both → 1."""
        live = extract_features(keypoints)
        weight = np.minimum(self._weights[low:high], live.weights)
        total = weight.sum(axis=1)
        difference = (weight * np.abs(self._values[low:high] - self.scaled(live.values))).sum(axis=1)
        return np.where(total > 0.5, difference / np.maximum(total, 0.5), 1.0)


def folded(live: Features, reference: Features) -> tuple[Array, Array]:
    """Both sequences, (N, 28) and (T, 28), for a plain Euclidean DTW, which knows no weights.

    A feature weighs as much as both saw it on average; where it was not seen, the value before stays.
    """
    weight = np.sqrt(live.weights.mean(axis=0, dtype=float) * reference.weights.mean(axis=0, dtype=float))
    root = np.sqrt(weight)
    return _filled(live) * root, _filled(reference) * root


def _filled(features: Features) -> Array:
    values = Costs.scaled(np.asarray(features.values, np.float64))
    seen = np.where(features.weights > 0, np.arange(len(values))[:, None], 0)
    filled: Array = np.take_along_axis(values, np.maximum.accumulate(seen, axis=0), axis=0)
    return filled


class _Base:
    def __init__(self, reference: ReferenceLike) -> None:
        self.times = np.asarray(reference.times, float)
        self.last = len(self.times) - 1
        self.costs = Costs(reference.features)
        self.step = float(np.median(np.diff(self.times))) if self.last else 1 / 30
        self._position = 0

    def _answer(self, index: int) -> Position:
        state = State.FINISHED if index >= self.last else State.FOLLOWING
        return Position(float(self.times[index]), 1.0, 1.0, state)

    def _ticks(self, time: float) -> int:
        """How many frames at the reference's rate have passed up to ``time``; the first call gives 1."""
        if not hasattr(self, "_start"):
            self._start, self._done = time, 0
        due = int((time - self._start) / self.step + 1e-6) + 1
        passed, self._done = due - self._done, due
        return passed


class ClockLocked(_Base):
    """The video simply plays from the first frame on, as with most live coaches."""

    def update(self, keypoints: Array, time: float) -> Position:
        """See :class:`Method`."""
        del keypoints
        if not hasattr(self, "_start"):
            self._start = time
        now = min(time - self._start, float(self.times[-1]))
        return Position(now, 1.0, 1.0, State.FOLLOWING)


class NearestPose(_Base):
    """The reference frame most like the live one, without memory."""

    def update(self, keypoints: Array, time: float) -> Position:
        """See :class:`Method`."""
        del time
        return self._answer(int(self.costs(keypoints).argmin()))


class OpenEndDTW(_Base):
    """Classic open-end DTW, one row per frame: symmetric step, cost normalised by the lengths (symmetric2).

    Tormene et al., "Matching incomplete time series with dynamic time warping", 2009; step of Sakoe & Chiba,
    1978.
    """

    def __init__(self, reference: ReferenceLike) -> None:
        """Start before the first frame."""
        super().__init__(reference)
        self._row = np.full(self.last + 1, np.inf)
        self._frames = 0

    def update(self, keypoints: Array, time: float) -> Position:
        """See :class:`Method`."""
        for _ in range(self._ticks(time)):
            cost = self.costs(keypoints)
            enter = self._row + cost
            enter[1:] = np.minimum(enter[1:], self._row[:-1] + 2 * cost[1:])
            if self._frames == 0:
                enter[0] = cost[0]
            # Steps along the reference within the row: D[j] = min over k ≤ j of enter[k] + cost[k+1..j].
            along = np.cumsum(cost)
            self._row = np.minimum.accumulate(enter - along) + along
            self._frames += 1
            self._position = int((self._row / (self._frames + np.arange(self.last + 1) + 1)).argmin())
        return self._answer(self._position)


class Arzt(_Base):
    """The forward part of Arzt & Widmer's on-line time warping, as pymatchmaker 0.3 has it.

    Arzt, Widmer & Dixon, "Automatic page turning for musicians via real-time machine listening", 2008: a row
    per frame within a window around the position, ended at the least cost per length, and a position that
    goes on by at most ``reach`` frames and never back.
    """

    def __init__(self, reference: ReferenceLike, window: float = 10.0, reach: int = 10) -> None:
        """Take half the window in s and the greatest step in frames."""
        super().__init__(reference)
        self._window, self._reach = round(window / self.step), reach
        self._row = np.full(self.last + 1, np.inf)
        self._frames = 0

    def update(self, keypoints: Array, time: float) -> Position:
        """See :class:`Method`."""
        for _ in range(self._ticks(time)):
            low = max(0, self._position - self._window)
            high = min(self.last + 1, self._position + self._window)
            cost = self.costs(keypoints, low, high)
            old = self._row[low:high]
            enter = old + cost
            enter[1:] = np.minimum(enter[1:], old[:-1] + cost[1:])
            if low > 0:
                enter[0] = min(enter[0], self._row[low - 1] + cost[0])
            if self._frames == 0:
                enter[0] = cost[0]
            along = np.cumsum(cost)
            row = np.minimum.accumulate(enter - along) + along
            self._row = np.full(self.last + 1, np.inf)
            self._row[low:high] = row
            best = low + int((row / (self._frames + np.arange(low, high) + 1)).argmin())
            self._position = int(np.clip(best, self._position, self._position + self._reach))
            self._frames += 1
        return self._answer(min(self._position, self.last))


class Dixon(_Base):
    """Dixon's on-line time warping, as pymatchmaker 0.3 has it.

    Dixon, "Live tracking of musical performances using on-line time warping", 2005: rows (live) and columns
    (reference) are added by turns, towards the end of the path that costs least per length, and neither more
    than ``max_run`` times in a row.
    """

    def __init__(self, reference: ReferenceLike, window: float = 10.0, max_run: int = 6) -> None:
        """Take the width of the search, s, and the greatest number of rows or columns in a row."""
        super().__init__(reference)
        self._window, self._max_run = round(window / self.step), max_run
        self._local = np.empty((256, self.last + 1), np.float32)
        self._total = np.full((256, self.last + 1), np.inf)
        self._frames = self._columns = 0
        self._rows_run = self._columns_run = 0

    def update(self, keypoints: Array, time: float) -> Position:
        """See :class:`Method`."""
        for _ in range(self._ticks(time)):
            if self._columns > self.last:
                break
            self._accept(keypoints)
        return self._answer(self._position)

    def _accept(self, keypoints: Array) -> None:
        direction = "both"
        while self._frames and self._columns <= self.last:
            direction = self._direction()
            if direction != "reference":
                break
            self._add_column()
            self._columns_run, self._rows_run = self._columns_run + 1, 0
        self._add_row(self.costs(keypoints))
        if direction == "live":
            self._rows_run, self._columns_run = self._rows_run + 1, 0
        else:
            if self._columns <= self.last:
                self._add_column()
            self._columns_run, self._rows_run = 1, 0

    def _direction(self) -> str:
        row, column = self._frames - 1, self._columns - 1
        low_row, low_column = max(0, row + 1 - self._window), max(0, column + 1 - self._window)
        along_row = self._total[row, low_column : column + 1] / (1 + row + np.arange(low_column, column + 1))
        along_column = self._total[low_row : row + 1, column] / (1 + column + np.arange(low_row, row + 1))
        best_in_row, best_in_column = int(along_row.argmin()), int(along_column.argmin())
        ends_in_row = along_row[best_in_row] <= along_column[best_in_column]
        self._position = low_column + best_in_row if ends_in_row else column
        if self._columns_run >= self._max_run:
            return "live"
        if self._rows_run >= self._max_run:
            return "reference"
        if self._position < column:
            return "live"
        return "both" if ends_in_row or low_row + best_in_column == row else "reference"

    def _add_row(self, cost: Array) -> None:
        if self._frames == len(self._total):
            self._local = np.concatenate([self._local, np.empty_like(self._local)])
            self._total = np.concatenate([self._total, np.full_like(self._total, np.inf)])
        row, low, high = self._frames, max(0, self._columns - self._window), self._columns
        self._local[row] = cost
        self._frames += 1
        if row == 0:
            return
        before = self._total[row - 1, low:high]
        self._total[row, low:high] = _line(before, np.asarray(self._local[row, low:high], float))

    def _add_column(self) -> None:
        column, low, high = self._columns, max(0, self._frames - self._window), self._frames
        self._columns += 1
        cost = np.asarray(self._local[low:high, column], float)
        before = self._total[low:high, column - 1] if column else np.full(high - low, np.inf)
        start = float(cost[0]) if column == 0 and low == 0 else None
        self._total[low:high, column] = _line(before, cost, start)


def _line(before: Array, cost: Array, start: float | None = None) -> Array:
    """A row from the row before it, or a column from the column before it: steps 1, 1 and (diagonal) 2."""
    enter = before + cost
    enter[1:] = np.minimum(enter[1:], before[:-1] + 2 * cost[1:])
    if start is not None:
        enter[0] = start
    along = np.cumsum(cost)
    line: Array = np.minimum.accumulate(enter - along) + along
    return line


class RecomputedDTW(_Base):
    """dtaidistance over all that was seen so far, again and again, with an open end.

    To keep it affordable both sequences are brought to 15 per second and it is recomputed four times a
    second; in between the clock runs on from the last answer. Even so its cost grows with the square of the
    time.
    """

    def __init__(self, reference: ReferenceLike, rate: float = 15.0, every: float = 0.25) -> None:
        """Take the samples per second and the s between two computations."""
        super().__init__(reference)
        self._stride = max(1, round(1 / rate / self.step))
        self._reference = _every(reference.features, self._stride)
        self._every, self._gap = every, self._stride * self.step
        self._live: list[Array] = []
        self._next, self._base, self._at = every, 0.0, 0.0

    def update(self, keypoints: Array, time: float) -> Position:
        """See :class:`Method`."""
        if not self._live:
            self._began = self._at = time
        while len(self._live) * self._gap <= time - self._began + 1e-6:
            self._live.append(keypoints)
        if time - self._began >= self._next:
            live, reference = folded(extract_features(np.array(self._live)), self._reference)
            paths = _accumulated(live, reference, slack=len(reference) - 1)
            self._base = int(paths[-1, 1:].argmin()) * self._gap
            self._at = self._began + (len(self._live) - 1) * self._gap
            self._next = time - self._began + self._every
        now = float(np.clip(self._base + time - self._at, 0.0, self.times[-1]))
        return Position(now, 1.0, 1.0, State.FOLLOWING)


def _every(features: Features, stride: int) -> Features:
    return Features(features.values[::stride], features.weights[::stride])


def _accumulated(live: Array, reference: Array, *, slack: int) -> Array:
    """The matrix of accumulated costs (N + 1, T + 1); the reference may end up to ``slack`` frames early."""
    from dtaidistance import dtw_ndim

    psi = (0, 0, 0, slack)
    paths: Array = dtw_ndim.warping_paths_fast(live, reference, psi=psi, psi_neg=False)[1]
    return paths


class OfflineDTW:
    """The oracle: dtaidistance with both performances complete, told where the performer begins and ends.

    It sees the future, so nothing that works live need be as good. Its path is monotonic: it knows no jumps.
    """

    def __init__(self, reference: ReferenceLike) -> None:
        """Take the reference."""
        self._times = np.asarray(reference.times, float)
        self._features = reference.features

    def follow(self, keypoints: Array, truth: Array) -> list[Position]:
        """Align (N, 17, 3): each live frame gets the mean of the reference frames that it is paired with.

        Of ``truth`` (N,) only its extremes are used.
        """
        from dtaidistance import dtw

        part, known = slice(None), truth[np.isfinite(truth)]
        if len(known):
            low, high = np.searchsorted(self._times, [known.min(), known.max()])
            part = slice(max(0, int(low) - 1), int(high) + 1)
        features = Features(self._features.values[part], self._features.weights[part])
        paths = _accumulated(*folded(extract_features(keypoints), features), slack=0)
        path = np.array(dtw.best_path(paths))
        total = np.bincount(path[:, 0], self._times[part][path[:, 1]], minlength=len(keypoints))
        count = np.bincount(path[:, 0], minlength=len(keypoints))
        return [Position(float(t), 1.0, 1.0, State.FOLLOWING) for t in total / np.maximum(count, 1)]
