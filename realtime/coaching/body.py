"""A pose as a body: where its limbs point, which of them lie in the image plane, and which way it faces.

Directions are complex numbers of length 1, y up, so that a rotation is a quotient and an angle its phase.
This is plain Python on a dozen numbers, which is faster than NumPy on arrays this small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from posesync.pose.features import CONFIDENCE_FLOOR, CONFIDENCE_FULL, check_keypoints
from posesync.pose.skeleton import (
    LEFT_EAR,
    LEFT_HIP,
    LEFT_SHOULDER,
    LIMBS,
    NOSE,
    RIGHT_EAR,
    RIGHT_HIP,
    RIGHT_SHOULDER,
)
from posesync.pose.types import FloatArray

#: Lengths as shares of the trunk's (middle of the shoulders to middle of the hips), parallel to the image
#: plane: the lower of the medians of two 3-D performances and of MoveNet's keypoints in five clips.
LENGTHS: Final = {"upper_arm": 0.52, "forearm": 0.44, "thigh": 0.80, "shin": 0.70}
_SHOULDERS: Final = 0.62
_HIPS: Final = 0.36
#: Share of its length that a limb must show for its direction to count: it is then turned out of the image
#: plane by at most 60°.
_SHOWN: Final = 0.5
#: Factor by which the share that a limb shows may differ between two poses that are compared.
_ALIKE: Final = 1.6
#: Widths as shares of full ones: from the first on, a body is seen from the front or back (within 50°); up to
#: the second, from the side (within 25°). In between, "out" and "forward" look alike.
_FRONTAL: Final = 0.64
_SIDEWAYS: Final = 0.42
#: Shares of the trunk by which the nose must be ahead of ears or shoulders for the facing of a body seen from
#: the side to be known.
_AHEAD: Final = 0.06

_SIDES: Final = (LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP)


class Facing(Enum):
    """Which way a body faces, as the camera sees it."""

    CAMERA = "camera"
    AWAY = "away"
    LEFT = "left"
    """To the left of the image, for a body that stands upright."""
    RIGHT = "right"
    UNCLEAR = "unclear"

    def contradicts(self, other: Facing) -> bool:
        """Return whether both are clear and differ: limbs then point elsewhere without being wrong."""
        return Facing.UNCLEAR not in (self, other) and self is not other


@dataclass(frozen=True, slots=True)
class Limb:
    """One limb in the image.

    Attributes:
        direction: of length 1, y up, pointing away from the trunk (the trunk's own: up).
        shown: its length as a share of what a body of this size would show parallel to the image plane.
        weight: 0..1, how well both ends were seen; 0 for a limb that points at the camera.
    """

    direction: complex
    shown: float
    weight: float

    def weight_against(self, other: Limb) -> float:
        """Return the weight 0..1 of comparing this limb in two poses.

        0 where one pose shows much more of its length: the limb is then turned out of the image plane in the
        other, and what looks like another direction may be the same one.
        """
        if not 1 / _ALIKE <= self.shown / max(other.shown, 1e-6) <= _ALIKE:
            return 0.0
        return min(self.weight, other.weight)


_UNSEEN: Final = Limb(1j, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Body:
    """One pose.

    Attributes:
        limbs: the eight limbs of ``LENGTHS`` by name (``left_forearm``), ``trunk``, and ``shoulders`` from
            the right one to the left.
        scale: px, the length of the trunk seen square on; 0 when too little was seen.
        facing: which way the body faces.
        cut: the hips are out of view; half a body is assumed to be upright.
    """

    limbs: dict[str, Limb]
    scale: float
    facing: Facing
    cut: bool

    @property
    def up(self) -> complex:
        """Direction towards the head: along the trunk, or straight up when the trunk was not seen."""
        trunk = self.limbs["trunk"]
        return trunk.direction if trunk.weight > 0.0 else 1j

    @property
    def left(self) -> complex | None:
        """The performer's own left in the image; None unless seen from the front or back."""
        across = -1j * self.up  # to the right of the image for a body that stands upright
        return {Facing.CAMERA: across, Facing.AWAY: -across}.get(self.facing)

    @property
    def forward(self) -> complex | None:
        """The direction in which the performer looks, in the image; None unless seen from the side."""
        across = -1j * self.up
        return {Facing.RIGHT: across, Facing.LEFT: -across}.get(self.facing)

    @classmethod
    def of(cls, keypoints: FloatArray) -> Body:
        """Return the body of a pose (17, 3) x px, y px, confidence 0..1; NaN or infinity means not seen.

        Raises:
            InvalidDataError: another shape.
        """
        rows = check_keypoints(keypoints).tolist()
        seen = [_weight(*row) for row in rows]
        at = [complex(x, -y) if weight > 0.0 else 0j for (x, y, _), weight in zip(rows, seen, strict=True)]
        reach = {name: (at[b] - at[a], min(seen[a], seen[b])) for name, (a, b) in LIMBS.items()}
        trunk = (at[LEFT_SHOULDER] + at[RIGHT_SHOULDER] - at[LEFT_HIP] - at[RIGHT_HIP]) / 2
        held = min(seen[k] for k in _SIDES)
        scale = _scale(reach, abs(trunk) if held > 0.0 else 0.0)
        limbs = {
            name: _limb(vector, weight, scale * length)
            for name, (vector, weight) in reach.items()
            if (length := LENGTHS.get(name.partition("_")[2]))
        }
        limbs["trunk"] = _limb(trunk, held, scale)
        across, both = at[LEFT_SHOULDER] - at[RIGHT_SHOULDER], min(seen[LEFT_SHOULDER], seen[RIGHT_SHOULDER])
        limbs["shoulders"] = _limb(across, both, scale * _SHOULDERS)
        # Proportions differ between bodies: widths are measured against the geometric mean of the full trunk
        # and this body's trunk as it shows.
        facing = _facing(at, seen, limbs["trunk"], math.sqrt(scale * abs(trunk)))
        return cls(limbs, scale, facing, cut=max(seen[LEFT_HIP], seen[RIGHT_HIP]) <= 0.0)


def _weight(x: float, y: float, confidence: float) -> float:
    if not math.isfinite(x + y + confidence):
        return 0.0
    return min(max((confidence - CONFIDENCE_FLOOR) / (CONFIDENCE_FULL - CONFIDENCE_FLOOR), 0.0), 1.0)


def _limb(vector: complex, weight: float, full: float) -> Limb:
    length = abs(vector)
    if weight <= 0.0 or min(length, full) <= 0.0 or length < _SHOWN * full:
        return _UNSEEN
    return Limb(vector / length, length / full, weight)


def _scale(reach: dict[str, tuple[complex, float]], trunk: float) -> float:
    """Return the trunk's full length: as seen or, when bent towards the camera, inferred from the limbs.

    The second longest limb decides: the longest may be a misplaced keypoint. Shins are left out: while the
    ankles are exchanged, both look far too long.
    """
    told = sorted(
        abs(vector) / LENGTHS[part]
        for name, (vector, weight) in reach.items()
        if weight > 0.0 and (part := name.partition("_")[2]) in LENGTHS and part != "shin"
    )
    return max(trunk, told[-2] if len(told) > 1 else 0.0)


def _facing(at: list[complex], seen: list[float], trunk: Limb, scale: float) -> Facing:
    if trunk.weight <= 0.0:
        return Facing.UNCLEAR
    across = -1j * trunk.direction
    shoulders = _along(at[LEFT_SHOULDER] - at[RIGHT_SHOULDER], across) / (_SHOULDERS * scale)
    hips = _along(at[LEFT_HIP] - at[RIGHT_HIP], across) / (_HIPS * scale)
    width = (shoulders + hips) / 2
    if shoulders * hips > 0.0 and abs(width) >= _FRONTAL:
        return Facing.CAMERA if width > 0.0 else Facing.AWAY
    if abs(width) > _SIDEWAYS or seen[NOSE] <= 0.0:
        return Facing.UNCLEAR
    ears = [at[k] for k in (LEFT_EAR, RIGHT_EAR) if seen[k] > 0.0]
    behind = sum(ears) / len(ears) if ears else (at[LEFT_SHOULDER] + at[RIGHT_SHOULDER]) / 2
    ahead = _along(at[NOSE] - behind, across) / scale
    if abs(ahead) < _AHEAD:
        return Facing.UNCLEAR
    return Facing.RIGHT if ahead > 0.0 else Facing.LEFT


def _along(vector: complex, axis: complex) -> float:
    return (vector * axis.conjugate()).real
