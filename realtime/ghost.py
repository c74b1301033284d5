"""The expert's pose on the performer's own body: the shape that the performer has to fill.

The expert's limbs keep their directions and take the performer's lengths; the figure stands where the
performer stands. A limb that points at the camera looks short, so lengths are remembered for a few seconds,
and the expert's own foreshortening is carried over.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from posesync.pose.features import check_keypoints, keypoint_weights
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

#: Points between keypoints, behind the 17: middle of the hips, of the shoulders, of the head.
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
#: The same bone of the other side; of the trunk and the neck, itself.
_PARTNER: Final = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 13])
_ANKLES: Final = [LEFT_ANKLE, RIGHT_ANKLE]

#: Lengths grow to what is seen within the first time and shrink within the second, s.
GROW_SECONDS: Final = 0.4
SHRINK_SECONDS: Final = 3.0
#: Time in which the figure's height over the ground comes to rest, s.
SETTLE_SECONDS: Final = 0.25
#: A bone never looks shorter than this share of its length.
_LEAST_REACH: Final = 0.15


def bone_lengths(keypoints: FloatArray) -> FloatArray:
    """Apparent length of the 14 bones, px; NaN where an end is not seen.

    Trunk, both halves of the shoulders and of the hips, upper arms, forearms, thighs, shins, neck; of a pair
    the left one first.

    Args:
        keypoints: (17, 3) x px, y px, confidence 0..1.

    Raises:
        InvalidDataError: another shape.
    """
    return _lengths(_with_middles(keypoints))


def retarget(expert: FloatArray, performer: FloatArray, *, lengths: FloatArray | None = None) -> FloatArray:
    """The expert's pose with the performer's limb lengths, where the performer is.

    The figure stands on the performer's ground: where both show an ankle, the lowest of each are level, so
    that the figure of a squat does not hover. Sideways it is on the performer's hips.

    Args:
        expert: (17, 3) px in any frame; of a mirrored performer, mirrored already.
        performer: (17, 3) px.
        lengths: (14,) px of the bones as in :func:`bone_lengths`; those of ``performer`` by default. NaN is
            filled from the other side, or from the expert's proportions.

    Returns:
        (17, 3) px in the performer's frame. The confidence is the expert's, and 0 for what cannot be placed;
        all 0 when either shows neither hips nor shoulders.

    Raises:
        InvalidDataError: another shape.
    """
    theirs, ours = _with_middles(expert), _with_middles(performer)
    own = _lengths(ours) if lengths is None else np.asarray(lengths, np.float64)
    vectors = theirs[_CHILD, :2] - theirs[_PARENT, :2]
    reach = np.hypot(*vectors.T)
    seen = _lengths(theirs)
    wanted = _filled(own, np.where(seen > 0, seen, np.nan))
    anchor = next((k for k in (MID_HIP, MID_SHOULDER) if min(theirs[k, 2], ours[k, 2]) > 0), None)
    if anchor is None or wanted is None:
        return np.zeros((NUM_KEYPOINTS, 3))
    vectors *= (wanted / np.where(reach > 0, reach, 1.0))[:, None]
    placed = np.zeros_like(theirs)
    placed[MID_HIP, 2] = placed[anchor, 2] = theirs[anchor, 2]
    for bone, (parent, child) in enumerate(_TREE):
        placed[child, :2] = placed[parent, :2] + vectors[bone]
        if child != anchor:
            placed[child, 2] = theirs[child, 2] if placed[parent, 2] > 0 else 0.0
    _place_face(placed, theirs, wanted, reach)
    placed[:, :2] += ours[anchor, :2] - placed[anchor, :2]
    placed[:, 1] += _ground(ours) - _ground(placed) if _stands(ours) and _stands(placed) else 0.0
    return placed[:NUM_KEYPOINTS]


class GhostBody:
    """Keeps the ghost steady: remembers both bodies' lengths, and lets its height come to rest."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget: another performer, or another camera."""
        self._ours: FloatArray = np.full(len(_TREE), np.nan)
        self._theirs: FloatArray = np.full(len(_TREE), np.nan)
        self._height: float | None = None
        self._time: float | None = None

    def update(self, time: float, expert: FloatArray, performer: FloatArray) -> FloatArray:
        """The ghost at ``time`` s, (17, 3) px in the performer's frame (see :func:`retarget`).

        Raises:
            InvalidDataError: another shape.
        """
        passed = 1e9 if self._time is None else time - self._time
        if passed < 0:
            self.reset()
            passed = 1e9
        self._time = time
        apparent = bone_lengths(expert)
        self._ours = _remember(self._ours, bone_lengths(performer), passed)
        self._theirs = _remember(self._theirs, apparent, passed)
        reach = np.where(self._theirs > 0, apparent / np.where(self._theirs > 0, self._theirs, 1.0), 1.0)
        full = self._ours
        full = np.where(np.isnan(full), full[_PARTNER], full)
        ghost = retarget(expert, performer, lengths=full * np.clip(reach, _LEAST_REACH, 1.0))
        return self._settled(ghost, performer, passed)

    def _settled(self, ghost: FloatArray, performer: FloatArray, passed: float) -> FloatArray:
        """``ghost`` at a smoothed height over the performer's own: one unsure ankle must not make it jump."""
        ours, theirs = _with_middles(performer), _with_middles(ghost)
        anchor = next((k for k in (MID_HIP, MID_SHOULDER) if min(theirs[k, 2], ours[k, 2]) > 0), None)
        if anchor is None:
            return ghost
        height = theirs[anchor, 1] - ours[anchor, 1]
        if self._height is None:
            self._height = height
        self._height += (height - self._height) * -float(np.expm1(-passed / SETTLE_SECONDS))
        ghost[:, 1] += self._height - height
        return ghost


def _with_middles(keypoints: FloatArray) -> FloatArray:
    """(20, 3): the keypoints and the middles of those seen, third column 0..1, 0 for what was not seen."""
    array = check_keypoints(keypoints)
    finite = np.isfinite(array).all(axis=-1, keepdims=True) & (np.abs(array) < 1e6).all(
        axis=-1, keepdims=True
    )
    points = np.zeros((NUM_KEYPOINTS + 3, 3))
    points[:NUM_KEYPOINTS] = np.where(finite, array, 0.0)
    weights = keypoint_weights(points[:NUM_KEYPOINTS, 2])
    points[:NUM_KEYPOINTS, 2] *= weights > 0
    for middle, of in _MIDDLES.items():
        share = weights[of]
        if (total := share.sum()) > 0:
            points[middle, :2] = share @ points[of, :2] / total
            points[middle, 2] = points[of, 2].max()
    return points


def _lengths(points: FloatArray) -> FloatArray:
    vectors = points[_CHILD, :2] - points[_PARENT, :2]
    seen = np.minimum(points[_CHILD, 2], points[_PARENT, 2]) > 0
    found: FloatArray = np.where(seen, np.hypot(*vectors.T), np.nan)
    return found


def _filled(own: FloatArray, theirs: FloatArray) -> FloatArray | None:
    """The performer's lengths; what is unknown from the other side, or in the expert's proportions."""
    own = np.where(np.isnan(own), own[_PARTNER], own)
    ratios = (own / theirs)[np.isfinite(own / theirs)]
    if not len(ratios):
        return None
    return np.where(np.isnan(own), np.median(ratios) * np.nan_to_num(theirs), own)


def _place_face(placed: FloatArray, theirs: FloatArray, wanted: FloatArray, reach: FloatArray) -> None:
    """The five points of the face about the head, in the expert's arrangement and the performer's size."""
    known = reach > 0
    scale = float(np.median(wanted[known] / reach[known])) if known.any() else 1.0
    face = _MIDDLES[HEAD]
    placed[face, :2] = placed[HEAD, :2] + scale * (theirs[face, :2] - theirs[HEAD, :2])
    placed[face, 2] = theirs[face, 2] * (placed[HEAD, 2] > 0)


def _stands(points: FloatArray) -> bool:
    return bool(points[_ANKLES, 2].min() > 0)


def _ground(points: FloatArray) -> float:
    return float(points[_ANKLES, 1].max())


def _remember(lengths: FloatArray, seen: FloatArray, passed: float) -> FloatArray:
    """Lengths that grow quickly to what is seen and shrink slowly; what is unseen stays."""
    known = np.where(np.isnan(lengths), seen, lengths)
    share = np.where(
        seen > known, -np.expm1(-passed / GROW_SECONDS), -np.expm1(-passed / SHRINK_SECONDS)
    )  # fmt: skip
    return np.where(np.isnan(seen), known, known + share * (seen - known))
