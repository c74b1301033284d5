"""A pose as one vector whose Euclidean distance is what alignment minimises.

Unit limb directions have one fault: a limb that points at the camera is short in the picture and its
direction is noise. Here a limb of length l on a body of scale b becomes
``limb / sqrt(l² + (SOFTNESS · b)²)``: nearly the unit vector when it is seen from the side, nearly zero
when it is foreshortened. The scale is the weighted root mean square of all its limbs in the same frame,
so the vector stays invariant to place and size.

Interior angles are added in radians with a smaller gain: they repeat part of the directions, but survive a
change of viewpoint or a leaning camera better.
"""

from __future__ import annotations

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

#: Length, as a share of the body's scale, at which a limb's direction counts half of its square.
SOFTNESS: Final = 0.35
#: Gain of an interior angle (rad) relative to a limb direction, whose change in rad is its distance.
ANGLE_GAIN: Final = 0.5

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


def _joint_segments() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    """For each joint the two segments that meet there and the sign that makes both point away from it."""
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
    """Where each entry of the mirrored pose comes from, and its sign."""
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
#: How many leading entries are segment directions.
NUM_DIRECTION_VALUES: Final = 2 * _NUM_SEGMENTS


def embed(keypoints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pose vectors and the weight of each entry.

    Args:
        keypoints: (..., 17, 3) x px, y px, confidence 0..1; all finite.

    Returns:
        values (..., 36) and weights (..., 36) in 0..1; 0 where a keypoint behind the entry was not seen.
    """
    seen = keypoint_weights(keypoints[..., 2])
    # A segment as a complex number: its square length, its direction and, of two, the angle between them are
    # one operation each.
    points = np.ascontiguousarray(keypoints[..., :2], np.float64).view(np.complex128)[..., 0]
    segment = points.take(_TO, axis=-1) - points.take(_FROM, axis=-1)
    weight = seen.take(_FROM, axis=-1) * seen.take(_TO, axis=-1)
    square = segment.real**2 + segment.imag**2
    scale = (weight * square).sum(axis=-1, keepdims=True)
    scale /= np.maximum(weight.sum(axis=-1, keepdims=True), 1e-9)
    soft = square + (SOFTNESS**2 * scale + 1e-12)
    values = np.empty((*square.shape[:-1], EMBEDDING_SIZE))
    weights = np.empty_like(values)
    direction = segment * ((weight > 0) / np.sqrt(soft))
    values[..., :NUM_DIRECTION_VALUES] = direction.view(np.float64)
    weights[..., :NUM_DIRECTION_VALUES] = weight.repeat(2, axis=-1)

    # 1 seen from the side, 0 end on: how far a segment's direction, and so an angle at it, can be trusted.
    trusted = weight * (square / soft)
    joint = trusted.take(_JOINT_A, axis=-1) * trusted.take(_JOINT_B, axis=-1)
    turn = segment.take(_JOINT_A, axis=-1) * segment.take(_JOINT_B, axis=-1).conj() * _JOINT_SIGN
    weights[..., NUM_DIRECTION_VALUES:] = joint
    values[..., NUM_DIRECTION_VALUES:] = ANGLE_GAIN * np.abs(np.arctan2(turn.imag, turn.real)) * (joint > 0)
    return values, weights
