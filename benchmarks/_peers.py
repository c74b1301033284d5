"""The methods to beat, on the same features as our tracker, one answer per live frame.

Fairness: the same confidence-weighted angles and limb directions, the same local cost, and frames brought to the
reference's rate for the methods that count frames instead of seconds (only ours reads timestamps). Dixon's and
Arzt's methods are re-implemented here for the benchmark: PyPI's ``pymatchmaker`` 0.3 carries both, but wants
NumPy 1, a synthesizer, librosa and a musical score. Its settings are kept where they are not about music.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from _motions import Array
from posesync.pose.features import Features, extract_features
from posesync.realtime.position import Position, State

_RADIANS: Final = np.pi / 180.0
_ANGLES: Final = 8


class ReferenceLike(Protocol):
    """What a method may know of the expert: the public face of ``posesync.reference.Reference``."""

    @property
    def times(self) -> Array: ...  # noqa: D102
    @property
    def keypoints(self) -> Array: ...  # noqa: D102
    @property
    def features(self) -> Features: ...  # noqa: D102


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
        self._values = self._scaled(np.asarray(features.values, np.float32))
        self._weights = np.asarray(features.weights, np.float32)

    @staticmethod
    def _scaled(values: Array) -> Array:
        scale = np.ones(values.shape[-1], np.float32)
        scale[:_ANGLES] = _RADIANS
        scaled: Array = values * scale
        return scaled

    def __call__(self, keypoints: Array, low: int = 0, high: int | None = None) -> Array:
        """(T,) or, from frame ``low`` to before ``high``, a part of it. Nothing seen in both → 1."""
        live = extract_features(keypoints)
        weight = np.minimum(self._weights[low:high], live.weights)
        total = weight.sum(axis=1)
        difference = (weight * np.abs(self._values[low:high] - self._scaled(live.values))).sum(axis=1)
        return np.where(total > 0.5, difference / np.maximum(total, 0.5), 1.0)


def folded(features: Features) -> Array:
    """(T, 28) for a plain Euclidean DTW, weights folded in: an unseen feature is 0, as far from all as it can be."""
    values = Costs._scaled(np.asarray(features.values, np.float64))
    values[:, :_ANGLES] -= 2.0
    return values * np.sqrt(features.weights)


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

    Tormene et al., "Matching incomplete time series with dynamic time warping", 2009; step of Sakoe & Chiba, 1978.
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

    Arzt, Widmer & Dixon, "Automatic page turning for musicians via real-time machine listening", 2008: a row per
    frame within a window around the position, ended at the least cost per length, and a position that goes on by
    at most ``reach`` frames and never back.
    """

    def __init__(self, reference: ReferenceLike, window: float = 5.0, reach: int = 5) -> None:
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
