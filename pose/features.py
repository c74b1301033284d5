"""Features of keypoints: descriptions of a pose that do not depend on its place and size in the frame.

Every function takes one pose (17, 3) or a sequence (T, 17, 3), columns x px, y px, confidence 0..1, and is
invariant to translation and to uniform scale. Interior angles show how a limb is folded; limb directions show
where it points, which angles alone cannot (a straight arm reads 180° at the elbow, raised or lowered).

Angle-MAE is the measure of the original PoseSync (Infocusp, 2023); this one compares interior angles, which
need no wrapping, and weights each joint by how well it was seen in both poses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED

from .errors import InvalidDataError
from .skeleton import JOINTS, LIMBS, NUM_KEYPOINTS, SWAP_LEFT_RIGHT
from .types import FloatArray

NUM_JOINTS: Final = len(JOINTS)
NUM_LIMBS: Final = len(LIMBS)

#: Confidence up to which a keypoint does not count as seen, and from which it counts fully.
CONFIDENCE_FLOOR: Final = SHARED.limits.keypoint_floor
CONFIDENCE_FULL: Final = 0.45

_JOINT_INDEX = np.array(list(JOINTS.values()))
_LIMB_FROM, _LIMB_TO = np.array(list(LIMBS.values())).T


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one pose, or of a sequence with a leading axis T.

    Attributes:
        values: (..., 28): 8 interior joint angles, degrees 0..180, in the order of ``JOINTS``; then 10 limb
            directions as unit vectors (x, y), in the order of ``LIMBS``. 0 where the weight is 0.
        weights: (..., 28), 0..1: how well the keypoints behind each value were seen.
    """

    values: FloatArray
    weights: FloatArray

    @property
    def angles(self) -> FloatArray:
        """(..., 8) interior joint angles, degrees."""
        return self.values[..., :NUM_JOINTS]

    @property
    def angle_weights(self) -> FloatArray:
        """(..., 8) weights of the angles, 0..1."""
        return self.weights[..., :NUM_JOINTS]

    @property
    def directions(self) -> FloatArray:
        """(..., 10, 2) unit vectors."""
        return self.values[..., NUM_JOINTS:].reshape(*self.values.shape[:-1], NUM_LIMBS, 2)

    @property
    def direction_weights(self) -> FloatArray:
        """(..., 10) weights of the directions, 0..1."""
        return self.weights[..., NUM_JOINTS::2]


def keypoint_weights(confidence: FloatArray) -> FloatArray:
    """Return keypoint weights 0..1, a ramp of the confidence from CONFIDENCE_FLOOR to CONFIDENCE_FULL."""
    # Not np.clip: for an array as small as a pose it takes five times as long.
    share = (confidence - CONFIDENCE_FLOOR) / (CONFIDENCE_FULL - CONFIDENCE_FLOOR)
    weights: FloatArray = np.minimum(np.maximum(share, 0.0), 1.0)
    return weights


def check_keypoints(keypoints: FloatArray, name: str = "keypoints") -> FloatArray:
    """Return ``keypoints`` as a float array of shape (..., 17, 3).

    Raises:
        InvalidDataError: another shape, or not numbers.
    """
    try:
        array = np.asarray(keypoints, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidDataError(f"{name} are not numbers ({error}): pass an array (..., 17, 3)") from None
    if array.ndim < 2 or array.shape[-2:] != (NUM_KEYPOINTS, 3):
        raise InvalidDataError(
            f"{name} have shape {array.shape}, expected (..., 17, 3): "
            "pass x px, y px, confidence of the 17 COCO keypoints"
        )
    return array


def extract_features(keypoints: FloatArray) -> Features:
    """Return interior angles and limb directions, each weighted by the confidence of its keypoints.

    The angle at a vertex is atan2(|u × v|, u · v): exact for straight and folded limbs, unlike arccos.
    A keypoint that is NaN or infinite counts as not seen.

    Args:
        keypoints: (..., 17, 3) x px, y px, confidence 0..1.

    Raises:
        InvalidDataError: another shape.
    """
    array = check_keypoints(keypoints)
    finite = np.isfinite(array).all(axis=-1, keepdims=True)
    array = np.where(finite, array, 0.0)
    # Axis by axis: NumPy sums over an axis of two ten times as slowly as it adds two arrays.
    x, y, seen = array[..., 0], array[..., 1], keypoint_weights(array[..., 2])

    limb_x = x.take(_LIMB_TO, axis=-1) - x.take(_LIMB_FROM, axis=-1)
    limb_y = y.take(_LIMB_TO, axis=-1) - y.take(_LIMB_FROM, axis=-1)
    length = np.sqrt(limb_x * limb_x + limb_y * limb_y)
    limb_weight = np.minimum(seen.take(_LIMB_FROM, axis=-1), seen.take(_LIMB_TO, axis=-1)) * (length > 0)
    shown, divisor = limb_weight > 0, np.where(length > 0, length, 1.0)
    direction = np.stack([limb_x / divisor * shown, limb_y / divisor * shown], axis=-1)

    start, vertex, end = _JOINT_INDEX.T
    x_vertex, y_vertex = x.take(vertex, axis=-1), y.take(vertex, axis=-1)
    ux, uy = x.take(start, axis=-1) - x_vertex, y.take(start, axis=-1) - y_vertex
    vx, vy = x.take(end, axis=-1) - x_vertex, y.take(end, axis=-1) - y_vertex
    cross, dot = np.abs(ux * vy - uy * vx), ux * vx + uy * vy
    there = ((ux != 0) | (uy != 0)) & ((vx != 0) | (vy != 0))
    joint_weight = seen.take(_JOINT_INDEX, axis=-1).min(axis=-1) * there
    angle = np.degrees(np.arctan2(cross, dot)) * (joint_weight > 0)

    flat = direction.reshape(*direction.shape[:-2], 2 * NUM_LIMBS)
    values = np.concatenate([angle, flat], axis=-1)
    weights = np.concatenate([joint_weight, np.repeat(limb_weight, 2, axis=-1)], axis=-1)
    return Features(values.astype(np.float32), weights.astype(np.float32))


def angle_mae(a: Features, b: Features) -> FloatArray:
    """Return Angle-MAE: the weighted mean absolute difference of interior joint angles, degrees 0..180.

    Each joint has the lower of its two weights; NaN where no joint is seen in both poses.
    Leading axes broadcast, so a pose can be compared with a whole sequence.
    """
    weight = np.minimum(a.angle_weights, b.angle_weights)
    total = weight.sum(axis=-1)
    error = (weight * np.abs(a.angles - b.angles)).sum(axis=-1)
    return np.where(total > 0, error / np.where(total > 0, total, 1.0), np.nan)


def swap_left_right(keypoints: FloatArray, *, flip_x: bool = True) -> FloatArray:
    """Mirror a performer: left and right keypoints exchanged and, by default, x negated.

    Args:
        keypoints: (..., 17, 3).
        flip_x: also mirror the picture; without it only the names are exchanged.

    Raises:
        InvalidDataError: another shape.
    """
    swapped = check_keypoints(keypoints)[..., SWAP_LEFT_RIGHT, :]
    if flip_x:
        swapped = swapped * np.array([-1.0, 1.0, 1.0])
    return swapped
