"""Bridges short gaps in a sequence of keypoints, with low weight; long ones stay empty."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import CONFIDENCE_FLOOR, CONFIDENCE_FULL, check_keypoints
from posesync.pose.types import FloatArray

#: s: a limb that swings twice a second stays near the straight line between two sightings this far apart.
MAX_GAP: Final = 0.3
#: Confidence of an interpolated keypoint: a quarter up the weight's ramp, so it never outvotes a seen one.
FILLED_CONFIDENCE: Final = CONFIDENCE_FLOOR + 0.25 * (CONFIDENCE_FULL - CONFIDENCE_FLOOR)


def fill_gaps(keypoints: FloatArray, times: FloatArray, max_gap: float = MAX_GAP) -> FloatArray:
    """Interpolate each keypoint linearly over gaps of at most ``max_gap`` seconds.

    A keypoint is seen in a sample when its confidence is above ``CONFIDENCE_FLOOR``. A gap is bounded by two
    sightings and as long as the time between them; before the first and after the last nothing is filled.
    Seen samples, and gaps that stay, are returned unchanged.

    Args:
        keypoints: (T, 17, 3) x px, y px, confidence 0..1.
        times: (T,) s, strictly increasing.
        max_gap: s; 0 fills nothing.

    Returns:
        (T, 17, 3) float32, a copy; filled keypoints have the confidence ``FILLED_CONFIDENCE``, or that of the
        weaker neighbour where it is lower.

    Raises:
        InvalidDataError: shapes or lengths that do not fit, or a negative gap.
    """
    points = check_keypoints(keypoints)
    stamps = np.asarray(times, np.float64)
    if points.ndim != 3 or stamps.shape != (len(points),):
        raise InvalidDataError(
            f"keypoints have shape {points.shape} and times {stamps.shape}, expected (T, 17, 3) and (T,): "
            "pass one time per frame"
        )
    if not max_gap >= 0:
        raise InvalidDataError(f"max_gap is {max_gap} s, expected 0 or more: give a length in seconds")
    filled = points.astype(np.float32)
    seen = np.isfinite(points).all(axis=-1) & (points[..., 2] > CONFIDENCE_FLOOR)
    for keypoint in range(points.shape[1]):
        known = np.flatnonzero(seen[:, keypoint])
        _fill_one(filled[:, keypoint], stamps, known, max_gap)
    return filled


def _fill_one(track: FloatArray, times: FloatArray, known: npt.NDArray[np.intp], max_gap: float) -> None:
    """Fill the gaps of one keypoint's (T, 3) track between the samples ``known``, in place."""
    for before, after in pairwise(known.tolist()):
        if after - before == 1 or times[after] - times[before] > max_gap:
            continue
        inside = slice(before + 1, after)
        share = ((times[inside] - times[before]) / (times[after] - times[before]))[:, None]
        track[inside, :2] = (1 - share) * track[before, :2] + share * track[after, :2]
        track[inside, 2] = min(FILLED_CONFIDENCE, track[before, 2], track[after, 2])
