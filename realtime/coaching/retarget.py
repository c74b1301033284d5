"""Retargets the expert's pose to the performer's own body: the shape that the performer has to fill.

The expert's limbs keep their directions and take the performer's lengths; the figure stands where the
performer stands. A limb that points at the camera looks short, so lengths are remembered for a few seconds,
and the expert's own foreshortening is carried over.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Final

import numpy as np
from posesync.pose.features import CONFIDENCE_FLOOR, CONFIDENCE_FULL, check_keypoints, swap_left_right
from posesync.pose.skeleton import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NUM_KEYPOINTS,
    RIGHT_ANKLE,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
)
from posesync.pose.types import FloatArray
from posesync.realtime.tracking.position import Position, State

#: Points between keypoints, after the 17: middle of the hips, of the shoulders, of the head.
MID_HIP, MID_SHOULDER, HEAD = range(NUM_KEYPOINTS, NUM_KEYPOINTS + 3)
_MIDDLES: Final = {
    MID_HIP: [LEFT_HIP, RIGHT_HIP],
    MID_SHOULDER: [LEFT_SHOULDER, RIGHT_SHOULDER],
    HEAD: [0, 1, 2, 3, 4],
}
_TREE: Final = (
    (MID_HIP, MID_SHOULDER),
    (MID_SHOULDER, LEFT_SHOULDER), (MID_SHOULDER, RIGHT_SHOULDER),
    (MID_HIP, LEFT_HIP), (MID_HIP, RIGHT_HIP),
    (LEFT_SHOULDER, LEFT_ELBOW), (RIGHT_SHOULDER, RIGHT_ELBOW),
    (LEFT_ELBOW, LEFT_WRIST), (RIGHT_ELBOW, RIGHT_WRIST),
    (LEFT_HIP, LEFT_KNEE), (RIGHT_HIP, RIGHT_KNEE),
    (LEFT_KNEE, LEFT_ANKLE), (RIGHT_KNEE, RIGHT_ANKLE),
    (MID_SHOULDER, HEAD),
)  # fmt: skip
_PARENT, _CHILD = np.array(_TREE).T
#: The same bone on the other side; for trunk and neck, the bone itself.
_PARTNER: Final = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 13])
_ANKLES: Final = [LEFT_ANKLE, RIGHT_ANKLE]

#: Lengths grow to the seen ones within the first time and shrink to them within the second, s.
GROW_SECONDS: Final = 0.4
SHRINK_SECONDS: Final = 3.0
#: Time in which the figure's height over the ground comes to rest, s.
SETTLE_SECONDS: Final = 0.25
#: px; coordinates farther out than this are not measurements.
_FAR: Final = 1e6
#: A bone never looks shorter than this share of its length.
_LEAST_REACH: Final = 0.15


class GhostBody:
    """The expert's pose with the performer's limb lengths, where the performer is, kept steady.

    The figure stands on the performer's ground: where both show an ankle, the lowest of each are level, so
    that the figure of a squat does not hover. Sideways it is on the performer's hips. Both bodies' limb
    lengths are remembered, and its height comes to rest rather than jump.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, for another performer or another camera."""
        self._ours: FloatArray = np.full(len(_TREE), np.nan)
        self._theirs: FloatArray = np.full(len(_TREE), np.nan)
        self._rise: float | None = None
        self._time: float | None = None

    def follow(
        self, time: float, expert: FloatArray, performer: FloatArray, position: Position
    ) -> FloatArray | None:
        """Return :meth:`update`, mirrored like the performer; None while they are lost and have no place."""
        ghost = self.update(time, swap_left_right(expert) if position.mirrored else expert, performer)
        return None if position.time is None and position.state is not State.WAITING else ghost

    def update(self, time: float, expert: FloatArray, performer: FloatArray) -> FloatArray:
        """The ghost at ``time``.

        Args:
            time: s, any clock; when it goes back, everything is forgotten as by :meth:`reset`.
            expert: (17, 3) px in any frame, confidence 0..1; of a mirrored performer, mirrored already.
            performer: (17, 3) px, confidence 0..1.

        Returns:
            (17, 3) px in the performer's frame. The confidence is the expert's, and 0 for what cannot be
            placed; all 0 when either shows neither hips nor shoulders.

        Raises:
            InvalidDataError: another shape.
        """
        passed = 1e9 if self._time is None else time - self._time
        if passed < 0:
            self.reset()
            passed = 1e9
        self._time = time
        theirs, ours = _with_middles(expert), _with_middles(performer)
        apparent = _lengths(theirs)
        self._ours = _remember(self._ours, _lengths(ours), passed)
        self._theirs = _remember(self._theirs, apparent, passed)
        reach = apparent / np.where(self._theirs > 0, self._theirs, np.inf)
        full = np.where(np.isnan(self._ours), self._ours[_PARTNER], self._ours)
        ghost, rise = _placed(theirs, ours, full * np.clip(reach, _LEAST_REACH, 1.0), apparent)
        # One uncertain ankle must not make the figure jump.
        if self._rise is None:
            self._rise = rise
        self._rise += (rise - self._rise) * -math.expm1(-passed / SETTLE_SECONDS)
        ghost[:, 1] += self._rise - rise
        return ghost


def _with_middles(keypoints: FloatArray) -> FloatArray:
    """Return (20, 3): the keypoints and the middles of the seen ones, third column 0..1, 0 for unseen."""
    points, weights = [], []
    # Plain Python numbers: on so few, NumPy would take several times as long.
    for x, y, confidence in check_keypoints(keypoints).tolist():
        known = abs(x) < _FAR and abs(y) < _FAR and confidence > CONFIDENCE_FLOOR  # false for NaN
        points.append((x, y, min(confidence, 1.0)) if known else (0.0, 0.0, 0.0))
        share = (confidence - CONFIDENCE_FLOOR) / (CONFIDENCE_FULL - CONFIDENCE_FLOOR)
        weights.append(min(share, 1.0) if known else 0.0)
    for of in _MIDDLES.values():
        total = sum(weights[k] for k in of)
        x, y = (sum(weights[k] * points[k][axis] for k in of) / (total or 1.0) for axis in (0, 1))
        points.append((x, y, max(points[k][2] for k in of)))
    return np.array(points)


def _lengths(points: FloatArray) -> FloatArray:
    vectors = points[_CHILD, :2] - points[_PARENT, :2]
    seen = np.minimum(points[_CHILD, 2], points[_PARENT, 2]) > 0
    found: FloatArray = np.where(seen, np.hypot(*vectors.T), np.nan)
    return found


def _placed(
    theirs: FloatArray, ours: FloatArray, own: FloatArray, apparent: FloatArray
) -> tuple[FloatArray, float]:
    """Return the ghost (17, 3), and how far it was moved from the performer's height to their ground, px.

    Args:
        theirs: the expert, with middles.
        ours: the performer, with middles.
        own: (14,) px, lengths of the performer's bones; NaN where unknown.
        apparent: (14,) px, apparent lengths of the expert's bones.
    """
    anchor = next((k for k in (MID_HIP, MID_SHOULDER) if min(theirs[k, 2], ours[k, 2]) > 0), None)
    scales = _scales(own, apparent)
    if anchor is None or scales is None:
        return np.zeros((NUM_KEYPOINTS, 3)), 0.0
    x, y, seen = (list(column) for column in np.zeros((3, len(theirs))))
    # Plain Python numbers: on so few, NumPy would take five times as long.
    source, factors = theirs.tolist(), scales.tolist()
    seen[MID_HIP] = source[anchor][2]
    for (parent, child), factor in zip(_TREE, factors, strict=True):
        x[child] = x[parent] + factor * (source[child][0] - source[parent][0])
        y[child] = y[parent] + factor * (source[child][1] - source[parent][1])
        seen[child] = source[child][2] if seen[parent] > 0 else 0.0
    size = median(factors)
    for k in _MIDDLES[HEAD]:  # in the expert's arrangement and the performer's size
        x[k] = x[HEAD] + size * (source[k][0] - source[HEAD][0])
        y[k] = y[HEAD] + size * (source[k][1] - source[HEAD][1])
        seen[k] = source[k][2] if seen[HEAD] > 0 else 0.0
    placed = np.array([x, y, seen]).T
    placed[:, :2] += ours[anchor, :2] - placed[anchor, :2]
    rise = _ground(ours) - _ground(placed) if _stands(ours) and _stands(placed) else 0.0
    placed[:, 1] += rise
    return placed[:NUM_KEYPOINTS], rise


def _scales(own: FloatArray, apparent: FloatArray) -> FloatArray | None:
    """Return the scale factor of each of the expert's bones; None when nothing of the performer is known.

    An unknown length is taken from the other side, or from the expert's proportions.
    """
    own = np.where(np.isnan(own), own[_PARTNER], own)
    ratios = own / np.where(apparent > 0, apparent, np.nan)
    known = np.isfinite(ratios)
    if not known.any():
        return None
    found: FloatArray = np.where(known, ratios, median(ratios[known].tolist()))
    return found


def _stands(points: FloatArray) -> bool:
    return bool(points[_ANKLES, 2].min() > 0)


def _ground(points: FloatArray) -> float:
    return float(points[_ANKLES, 1].max())


def _remember(lengths: FloatArray, seen: FloatArray, passed: float) -> FloatArray:
    """Return lengths that grow quickly to the seen ones and shrink slowly; unseen ones stay."""
    known = np.where(np.isnan(lengths), seen, lengths)
    grow, shrink = (-math.expm1(-passed / seconds) for seconds in (GROW_SECONDS, SHRINK_SECONDS))
    share = np.where(seen > known, grow, shrink)
    return np.where(np.isnan(seen), known, known + share * (seen - known))
