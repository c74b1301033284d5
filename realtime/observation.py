"""What one live frame says: the pose, and how it has moved in the last quarter of a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from posesync.pose.embedding import (
    EMBEDDING_SIZE,
    MIRROR_SIGN,
    MIRROR_SOURCE,
    NUM_DIRECTION_VALUES,
    embed,
)
from posesync.pose.types import FloatArray

from .reference_table import live_row, weighted_slope

_CAPACITY = 64


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """The live side of the two dot products of :mod:`posesync.realtime.reference_table`.

    Attributes:
        pose: (3 D,) float32 row of the pose.
        motion: (3 V,) float32 row of its velocity, 1/s.
        seen: 0..1, the share of the body that is in view.
    """

    pose: FloatArray
    motion: FloatArray
    seen: float

    def mirrored(self) -> Observation:
        """What the same frame says of a performer who does everything with the other side."""
        return Observation(
            self.pose[_POSE_SOURCE] * _POSE_SIGN, self.motion[_MOTION_SOURCE] * _MOTION_SIGN, self.seen
        )


def _mirror_row(size: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """How :func:`live_row` of the first ``size`` entries changes: only its middle part has a sign."""
    source, sign = MIRROR_SOURCE[:size], MIRROR_SIGN[:size]
    one = np.ones(size)
    return (
        np.concatenate([source, source + size, source + 2 * size]),
        np.concatenate([one, sign, one]).astype(np.float32),
    )


_POSE_SOURCE, _POSE_SIGN = _mirror_row(EMBEDDING_SIZE)
_MOTION_SOURCE, _MOTION_SIGN = _mirror_row(NUM_DIRECTION_VALUES)


class PoseHistory:
    """The last poses in a ring of fixed size, and their slope over ``span`` seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._times = np.zeros(_CAPACITY)
        self._values = np.zeros((_CAPACITY, EMBEDDING_SIZE))
        self._weights = np.zeros((_CAPACITY, EMBEDDING_SIZE))
        self.clear()

    def clear(self) -> None:
        """Forget every pose."""
        self._times.fill(-np.inf)
        self._next = 0

    def observe(self, keypoints: FloatArray, time: float) -> Observation:
        """Add a pose (17, 3) seen at ``time`` s and return what it says."""
        values, weights = embed(keypoints)
        slot = self._next % _CAPACITY
        self._next += 1
        self._times[slot], self._values[slot], self._weights[slot] = time, values, weights
        velocity, confidence = self._slope(time)
        return Observation(live_row(values, weights), live_row(velocity, confidence), float(weights.mean()))

    def _slope(self, now: float) -> tuple[FloatArray, FloatArray]:
        age = self._times - now
        recent = np.flatnonzero(age >= -self._span - 1e-6)
        t = age[recent]
        powers = np.array([np.ones_like(t), t, t * t])
        w = self._weights[recent, :NUM_DIRECTION_VALUES]
        sums = powers @ w
        products = powers[:2] @ (w * self._values[recent, :NUM_DIRECTION_VALUES])
        full = max(len(recent), 2) * self._span**2 / 12.0
        return weighted_slope(sums, products, full)
