"""A drawn dancer for the tracker's tests: keypoints (N, 17, 3) at any moment, without video or models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from posesync.reference import Reference

Array = npt.NDArray[np.float64]

_POSE = np.array([
    (0, -95), (-4, -99), (4, -99), (-9, -96), (9, -96),
    (18, -75), (-18, -75), (24, -45), (-24, -45), (26, -18), (-26, -18),
    (12, -15), (-12, -15), (13, 30), (-13, 30), (14, 75), (-14, 75),
], dtype=float)  # fmt: skip
#: moving keypoints, pivot, swing in rad, turns per s: no two rates share a period, so each moment is its own.
_SWINGS = (
    ((7, 9), 5, 1.1, 0.31), ((8, 10), 6, 1.2, 0.43), ((9,), 7, 0.9, 0.57), ((10,), 8, 0.8, 0.37),
    ((13, 15), 11, 0.4, 0.29), ((14, 16), 12, 0.5, 0.41),
)  # fmt: skip


def dance(moments: Array, *, still_after: float = np.inf) -> Array:
    """(N,) s → (N, 17, 3) px and confidence; stands from ``still_after`` s on."""
    clock = np.minimum(np.asarray(moments, float), still_after)
    out = np.zeros((len(clock), 17, 3))
    out[..., :2] = _POSE * 2 + (400, 300)
    out[..., 2] = 0.9
    for number, (moving, pivot, size, rate) in enumerate(_SWINGS):
        angle = size * np.sin(2 * np.pi * rate * clock + number + 0.04 * clock**2 * (number % 2))
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        for keypoint in moving:
            away = out[:, keypoint, :2] - out[:, pivot, :2]
            turned = np.hstack([cos * away[:, :1] - sin * away[:, 1:], sin * away[:, :1] + cos * away[:, 1:]])
            out[:, keypoint, :2] = out[:, pivot, :2] + turned
    return out


def expert(seconds: float = 20.0, *, rate: float = 30.0) -> Reference:
    """The dancer as a reference."""
    times = np.arange(0.0, seconds, 1 / rate)
    return Reference.from_keypoints(dance(times), times)
