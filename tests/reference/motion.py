"""A drawn person who moves: keypoints with an exactly known time, without video or models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_STANDING = np.array([
    (0, -95), (-4, -99), (4, -99), (-9, -96), (9, -96),
    (18, -75), (-18, -75), (24, -45), (-24, -45), (26, -18), (-26, -18),
    (12, -15), (-12, -15), (13, 30), (-13, 30), (14, 75), (-14, 75),
], dtype=float)  # fmt: skip
_SWINGS = (((7, 9), 5, 0.9), ((8, 10), 6, 1.1), ((13, 15), 11, 0.5), ((14, 16), 12, 0.6))


def perform(moments: Array) -> Array:
    """(N,) s → (N, 17, 3): limbs swing at rates that never repeat together, so each moment is its own."""
    moments = np.asarray(moments, float)
    out = np.zeros((len(moments), 17, 3))
    out[..., :2] = _STANDING * 2 + (400, 300)
    out[..., 2] = 0.9
    for number, (moving, pivot, size) in enumerate(_SWINGS):
        angle = size * np.sin(2 * np.pi * (0.31 + 0.13 * number) * moments + number + 0.05 * moments**2)
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        for keypoint in moving:
            away = (_STANDING[keypoint] - _STANDING[pivot]) * 2
            turned = np.hstack([cos * away[0] - sin * away[1], sin * away[0] + cos * away[1]])
            out[:, keypoint, :2] = out[:, pivot, :2] + turned
    return out
