"""A pose as one vector; alignment minimises the Euclidean distance of these vectors.

Each limb enters as the camera sees it, divided by the body's scale: its direction *and* its apparent length.
In a lunge towards the camera, or a squat seen from the front, the thighs hardly rotate in the image; they get
shorter. A unit direction is blind to that. The scale is not that of a single frame, which shrinks with the
same thighs, but the body's over the last seconds (:class:`BodyScale`), so the vector is invariant to place
and size without hiding a movement. Legs count more than arms: people who do the same movement agree more in
their legs than in how they hold their hands.

Interior angles are added in radians with a smaller gain: they repeat part of the limbs, but are more robust
to a change of viewpoint, other proportions or a tilted camera.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from .features import keypoint_weights
from .skeleton import (
    JOINTS,
    LEFT_HIP,
    LEFT_SHOULDER,
    LIMBS,
    NOSE,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    SWAP_LEFT_RIGHT,
)
from .types import FloatArray

#: Length, in body scales, at which a limb counts half of its square: no limb is that long, but a misplaced
#: keypoint makes one.
SOFTNESS: Final = 6.0
#: Gain of thighs and shins relative to the other segments.
LEG_GAIN: Final = 1.8
#: Gain of an interior angle (rad) relative to a segment (body scales).
ANGLE_GAIN: Final = 0.5
#: Length, in body scales, at which the direction of a segment, and so an angle at it, gets half its weight.
FORESHORTENED: Final = 0.35
#: s in which the body's scale follows a body that grows in the picture, and one that shrinks: coming closer
#: is followed soon, while a performer who crouches is still as large.
SCALE_RISE: Final = 0.7
SCALE_FALL: Final = 8.0
#: s of a sequence from which its first scale is taken.
_SCALE_START: Final = 2.0

_SEGMENTS = np.array(
    [
        *LIMBS.values(),
        (RIGHT_SHOULDER, LEFT_SHOULDER),
        (RIGHT_HIP, LEFT_HIP),
        (LEFT_SHOULDER, NOSE),
        (RIGHT_SHOULDER, NOSE),
    ]
)
_FROM, _TO = _SEGMENTS[:, 0], _SEGMENTS[:, 1]
_LIMB_ROWS = {pair: row for row, pair in enumerate(LIMBS.values())}
_NUM_SEGMENTS = len(_SEGMENTS)
_LEGS = [row for row, name in enumerate(LIMBS) if name.endswith(("_thigh", "_shin"))]
_GAINS = np.ones(_NUM_SEGMENTS)
_GAINS[_LEGS] = LEG_GAIN


def _joint_segments() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    """Return for each joint the two segments that meet there and the signs that point both away from it."""
    rows, signs = [], []
    for a, vertex, c in JOINTS.values():
        for end in (a, c):
            if (vertex, end) in _LIMB_ROWS:
                rows.append(_LIMB_ROWS[vertex, end])
                signs.append(1.0)
            else:
                rows.append(_LIMB_ROWS[end, vertex])
                signs.append(-1.0)
    return np.array(rows[::2]), np.array(rows[1::2]), np.array(signs[::2]) * np.array(signs[1::2])


_JOINT_A, _JOINT_B, _JOINT_SIGN = _joint_segments()


def _mirror() -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return the source index of each entry of the mirrored pose, and its sign."""
    swapped = [tuple(int(SWAP_LEFT_RIGHT[end]) for end in pair) for pair in _SEGMENTS]
    pairs = [tuple(int(end) for end in pair) for pair in _SEGMENTS]
    source, sign = [], []
    for a, b in swapped:
        backwards = (a, b) not in pairs
        row = pairs.index((b, a) if backwards else (a, b))
        source += [2 * row, 2 * row + 1]
        sign += [1.0, -1.0] if backwards else [-1.0, 1.0]
    names = list(JOINTS)
    for name in names:
        side, joint = name.split("_")
        source.append(2 * len(pairs) + names.index(f"{'right' if side == 'left' else 'left'}_{joint}"))
        sign.append(1.0)
    return np.array(source), np.array(sign)


#: The pose vector of a mirrored performer is ``values[MIRROR_SOURCE] * MIRROR_SIGN``.
MIRROR_SOURCE, MIRROR_SIGN = _mirror()

#: Length of the vector: 14 segments as (x, y), then 8 angles.
EMBEDDING_SIZE: Final = 2 * _NUM_SEGMENTS + len(JOINTS)
#: How many leading entries are segments.
NUM_SEGMENT_VALUES: Final = 2 * _NUM_SEGMENTS


def frame_scale(keypoints: FloatArray) -> FloatArray:
    """Return the mean square length of the segments seen in each frame, px²; 0 where none is.

    Args:
        keypoints: (..., 17, 3) x px, y px, confidence 0..1; all finite.

    Returns:
        (...,) px².
    """
    segment, weight = _segments(keypoints)
    return _mean(segment.real**2 + segment.imag**2, weight)


class BodyScale:
    """The squared size of one body in the picture, px², smoothed over seconds."""

    def __init__(self) -> None:
        self._square = 0.0

    def update(self, square: float, dt: float) -> float:
        """Return the body's scale, given a frame's (:func:`frame_scale`, px²) ``dt`` s after the last one."""
        if square <= 0.0:
            return self._square
        if self._square <= 0.0:
            self._square = square
        else:
            within = SCALE_RISE if square > self._square else SCALE_FALL
            self._square *= (square / self._square) ** -math.expm1(-dt / within)
        return self._square


def running_scale(keypoints: FloatArray, times: FloatArray) -> FloatArray:
    """Return the body's scale at each moment of a sequence, px².

    Args:
        keypoints: (T, 17, 3) x px, y px, confidence 0..1; all finite.
        times: (T,) s, rising.

    Returns:
        (T,) px²; frames of the first seconds determine the scale at their beginning as well.
    """
    body, squares, steps = BodyScale(), frame_scale(keypoints), np.diff(times, prepend=times[:1])
    seen = np.flatnonzero(squares > 0)
    first = times[seen[0]] if len(seen) else 0.0
    for k in seen[times[seen] <= first + _SCALE_START]:
        body.update(float(squares[k]), float(steps[k]))
    return np.array([body.update(float(s), float(dt)) for s, dt in zip(squares, steps, strict=True)])


def embed(keypoints: FloatArray, scale: FloatArray | float | None = None) -> tuple[FloatArray, FloatArray]:
    """Return pose vectors and the weight of each entry.

    Args:
        keypoints: (..., 17, 3) x px, y px, confidence 0..1; all finite.
        scale: (...,) px², the body's (:class:`BodyScale`); by default that of each frame alone.

    Returns:
        values (..., 36) and weights (..., 36) in 0..1; 0 where a keypoint behind the entry was not seen.
    """
    segment, weight = _segments(keypoints)
    square = segment.real**2 + segment.imag**2
    if scale is None:
        scale = _mean(square, weight)
    body = np.asarray(scale)[..., None] + 1e-12
    values = np.empty((*square.shape[:-1], EMBEDDING_SIZE))
    weights = np.empty_like(values)
    shown = segment * ((weight > 0) * _GAINS / np.sqrt(body + square / SOFTNESS**2))
    values[..., :NUM_SEGMENT_VALUES] = shown.view(np.float64)
    weights[..., :NUM_SEGMENT_VALUES] = weight.repeat(2, axis=-1)

    # 1 parallel to the image plane, 0 end on: how reliable a segment's direction is, and so an angle at it.
    trusted = weight * (square / (square + FORESHORTENED**2 * body))
    joint = trusted.take(_JOINT_A, axis=-1) * trusted.take(_JOINT_B, axis=-1)
    turn = segment.take(_JOINT_A, axis=-1) * segment.take(_JOINT_B, axis=-1).conj() * _JOINT_SIGN
    weights[..., NUM_SEGMENT_VALUES:] = joint
    values[..., NUM_SEGMENT_VALUES:] = ANGLE_GAIN * np.abs(np.arctan2(turn.imag, turn.real)) * (joint > 0)
    return values, weights


def _mean(square: FloatArray, weight: FloatArray) -> FloatArray:
    """Return (...,), the weighted mean over the segments; 0 where none is seen."""
    mean: FloatArray = (weight * square).sum(axis=-1) / np.maximum(weight.sum(axis=-1), 1e-9)
    return mean


def _segments(keypoints: FloatArray) -> tuple[npt.NDArray[np.complex128], FloatArray]:
    """Return (..., 14) segments as complex numbers, px, and how well both ends were seen, 0..1.

    With complex numbers the square length, the direction and the angle between two are one operation each.
    """
    seen = keypoint_weights(keypoints[..., 2])
    points = np.ascontiguousarray(keypoints[..., :2], np.float64).view(np.complex128)[..., 0]
    segment = points.take(_TO, axis=-1) - points.take(_FROM, axis=-1)
    return segment, seen.take(_FROM, axis=-1) * seen.take(_TO, axis=-1)
