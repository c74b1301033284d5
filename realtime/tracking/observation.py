"""Observation of one live frame: the pose, and how it moved over the last fraction of a second."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from posesync.pose.embedding import (
    EMBEDDING_SIZE,
    MIRROR_SIGN,
    MIRROR_SOURCE,
    NUM_SEGMENT_VALUES,
    BodyScale,
    embed,
    frame_scale,
)
from posesync.pose.errors import InvalidDataError
from posesync.pose.skeleton import NUM_KEYPOINTS
from posesync.pose.types import FloatArray, Keypoints

from .reference_table import weighted_slope

_CAPACITY = 64
#: Share of a new frame in the smoothed jitter: about half a second at 30 frames per second.
_JITTER_GAIN = 0.07
#: How many times the median jitter an entry's own jitter may be before the entry counts half.
_LEAPS = 8.0
#: How many times the mean square velocity may be accounted for by jitter, at most.
_OVER = 2.0
_MIRROR_SOURCE_V = MIRROR_SOURCE[:NUM_SEGMENT_VALUES]
_MIRROR_SIGN_V = MIRROR_SIGN[:NUM_SEGMENT_VALUES]


@dataclass(frozen=True, eq=False)
class Observation:
    """One live frame, ready to be scored against every cell of a :class:`~.reference_table.ReferenceTable`.

    Attributes:
        pose: (D,) the pose vector z.
        pose_weights: (D,) 0..1, w.
        velocity: (V,) its change, 1/s, v.
        velocity_weights: (V,) 0..1, u.
        jitter: standard deviation, 1/s, that the keypoints' jitter alone gives a velocity.
    """

    pose: FloatArray
    pose_weights: FloatArray
    velocity: FloatArray
    velocity_weights: FloatArray
    jitter: float = 0.0

    @property
    def seen(self) -> float:
        """Share of the body that is in view, 0..1."""
        return float(self.pose_weights.sum()) / EMBEDDING_SIZE

    @cached_property
    def speed(self) -> float:
        """Root mean square velocity, 1/s."""
        mass = float(self.velocity_weights.sum())
        if mass <= 0.0:
            return 0.0
        return math.sqrt(float(self.velocity_weights @ (self.velocity * self.velocity)) / mass)

    @cached_property
    def pose_columns(self) -> FloatArray:
        """(3 D, 2) float32; a pose row times it gives the difference Σ w W (z − Z)² and its weight Σ w W."""
        size, weighted = EMBEDDING_SIZE, self.pose_weights * self.pose
        columns = np.zeros((3 * size, 2), np.float32)
        columns[:size, 0] = columns[2 * size :, 1] = self.pose_weights
        columns[size : 2 * size, 0] = -2.0 * weighted
        columns[2 * size :, 0] = weighted * self.pose
        return columns

    @cached_property
    def motion_columns(self) -> FloatArray:
        """(3 V, 4) float32; a motion row times it gives Σ u W V², Σ u W V v, Σ u W v² and Σ u W."""
        size, weighted = NUM_SEGMENT_VALUES, self.velocity_weights * self.velocity
        columns = np.zeros((3 * size, 4), np.float32)
        columns[:size, 0] = columns[2 * size :, 3] = self.velocity_weights
        columns[size : 2 * size, 1] = weighted
        columns[2 * size :, 2] = weighted * self.velocity
        return columns

    def mirrored(self) -> Observation:
        """Return the same observation with left and right exchanged."""
        return Observation(
            self.pose[MIRROR_SOURCE] * MIRROR_SIGN,
            self.pose_weights[MIRROR_SOURCE],
            self.velocity[_MIRROR_SOURCE_V] * _MIRROR_SIGN_V,
            self.velocity_weights[_MIRROR_SOURCE_V],
            self.jitter,
        )


class PoseHistory:
    """Keeps the last poses in a ring buffer of fixed size, and their slope over ``span`` seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._times = np.full(_CAPACITY, -np.inf)
        #: weights, weights × values and weights × values² of the direction entries
        self._sums = np.zeros((_CAPACITY, 3 * NUM_SEGMENT_VALUES))
        self._powers = np.ones((3, _CAPACITY))
        self._next = 0
        self._variance = np.zeros(NUM_SEGMENT_VALUES)  # of each entry from frame to frame, smoothed
        self._body = BodyScale()
        self._last: float | None = None

    def clear(self) -> None:
        """Forget every pose."""
        self._times.fill(-np.inf)
        self._variance = np.zeros(NUM_SEGMENT_VALUES)
        self._body = BodyScale()
        self._last = None

    def observe(self, keypoints: FloatArray, time: float) -> Observation:
        """Add a pose (17, 3) seen at ``time`` s and return its observation."""
        since = 0.0 if self._last is None else time - self._last
        self._last = time
        values, weights = embed(keypoints, self._body.update(float(frame_scale(keypoints)), since))
        slot = self._next % _CAPACITY
        self._next += 1
        self._times[slot] = time
        row, size = self._sums[slot], NUM_SEGMENT_VALUES
        row[:size] = weights[:size]
        np.multiply(weights[:size], values[:size], out=row[size : 2 * size])
        np.multiply(row[size : 2 * size], values[:size], out=row[2 * size :])
        return Observation(values, weights, *self._slope(time))

    def _slope(self, now: float) -> tuple[FloatArray, FloatArray, float]:
        """Return the velocity, its weight, and the standard deviation that jitter gives it."""
        age = self._times - now
        recent = age >= -self._span - 1e-6
        one, t, square = self._powers
        one[:] = recent
        np.multiply(recent, np.where(recent, age, 0.0), out=t)
        np.multiply(t, t, out=square)
        sums = self._powers @ self._sums
        size, count = NUM_SEGMENT_VALUES, int(recent.sum())
        spread = max(2, count) * self._span**2 / 12.0
        weight, product = sums[:, :size], sums[:2, size : 2 * size]
        velocity, confidence = weighted_slope(weight, product, spread)
        if count > 2:
            # The residual around the straight line through the last poses is jitter, estimated per entry.
            mass = np.maximum(weight[0], 1e-9)
            rest = sums[0, 2 * size :] - product[0] ** 2 / mass - velocity**2 * (spread * confidence)
            rest *= count / (count - 2) / mass
            seen = weight[0] > 0.1
            self._variance += np.where(seen, np.maximum(rest, 0.0) - self._variance, 0.0) * _JITTER_GAIN
        # A keypoint that leaps about more than the others (exchanged ankles, a hand before the face) is less
        # reliable.
        limit = _LEAPS * float(np.median(self._variance)) + 1e-9
        confidence = confidence * (limit / (limit + self._variance))
        total = float(confidence.sum())
        if total <= 0.0:
            return velocity, confidence, 0.0
        variance = float(confidence @ self._variance) / total / spread
        # Jitter is smoothed over half a second, so it outlasts itself. A body that moves less than the jitter
        # alone would move it jitters no more: without this limit a stop after a lively passage would go
        # unnoticed for as long.
        speed = float(confidence @ (velocity * velocity)) / total
        return velocity, confidence, math.sqrt(min(variance, _OVER * speed))


def checked_pose(keypoints: FloatArray | Keypoints) -> FloatArray:
    """Return a pose as (17, 3) float64; keypoints that are not finite count as not seen.

    Raises:
        InvalidDataError: another shape, or no numbers.
    """
    array = keypoints.to_array() if isinstance(keypoints, Keypoints) else keypoints
    try:
        pose = np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidDataError(f"keypoints are not numbers ({error}): pass an array (17, 3)") from None
    if pose.shape != (NUM_KEYPOINTS, 3):
        raise InvalidDataError(
            f"keypoints have shape {pose.shape}, expected (17, 3): pass x px, y px, confidence of one person"
        )
    finite = np.isfinite(pose)
    if not finite.all():
        pose[~finite.all(axis=1)] = 0.0
    return pose
