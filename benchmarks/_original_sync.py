"""The original PoseSync's way from keypoints to a video in sync, step by step as it was published.

Written anew after infocusp/posesync (2023; arXiv 2308.12600) for comparison; its code is neither copied nor
run. What is kept on purpose: angles from 0 to 360 whose differences do not wrap, 0 for a limb that is exactly
straight, no confidence, frames without a box left out (and every later crop taken from the frame that many
places earlier), of several boxes the first one, whose "area" is that of a two-point contour, cell by cell in
Python, costs looked up one row and one column off, frame numbers instead of times, five pictures a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: End, vertex, end of its nine "joints", as keypoint numbers.
JOINTS: Final = np.array([
    (11, 5, 7), (12, 6, 8), (6, 8, 10), (5, 7, 9), (11, 12, 14), (12, 11, 13), (12, 14, 16), (11, 13, 15),
    (5, 11, 13),
])  # fmt: skip
FPS: Final = 5.0


def angles(xy: Array) -> Array:
    """(9,) degrees 0..360 of one pose (17, 2): atan2 of both limbs, the sign by their cross product."""
    u, v = xy[JOINTS[:, 1]] - xy[JOINTS[:, 0]], xy[JOINTS[:, 1]] - xy[JOINTS[:, 2]]
    turned = np.degrees(np.arctan2(u[:, 1], u[:, 0]) - np.arctan2(v[:, 1], v[:, 0]))
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    found: Array = (turned * (cross < 0) + (360.0 + turned) * (cross > 0)) % 360.0
    return found


def pose_cost(a: Array, b: Array) -> float:
    """Its Angle-MAE of two poses (17, 2), degrees; the angles are computed anew for every pair."""
    return float(np.abs(angles(a) - angles(b)).sum() / len(JOINTS))


def correspond(a: Sequence[Array], b: Sequence[Array]) -> tuple[list[int], list[int], list[float]]:
    """Warp two sequences of poses: for each frame of ``a`` one of ``b``, and the cost it says it has."""
    total: dict[tuple[int, int], float] = {(0, 0): 0.0}
    came: dict[tuple[int, int], tuple[int, int]] = {}
    local: dict[tuple[int, int], float] = {(0, 0): 0.0}
    far = float("inf")
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = pose_cost(a[i - 1], b[j - 1])
            ways = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
            best = min(ways, key=lambda cell: total.get(cell, far))
            total[i, j], came[i, j], local[i, j] = total.get(best, far) + cost, best, cost
    cell, path = (len(a), len(b)), []
    while cell != (0, 0):
        before = cell[0] - 1, cell[1] - 1
        path.append((*before, local.get(before, far)))  # one off: the cost of (i, j) is at (i + 1, j + 1)
        cell = came[cell]
    chosen: dict[int, list[tuple[float, int]]] = {}
    for i, j, cost in reversed(path):
        chosen.setdefault(i, []).append((cost, j))
    best_of = {i: min(pairs, key=lambda pair: pair[0]) for i, pairs in chosen.items()}
    return list(best_of), [j for _, j in best_of.values()], [cost for cost, _ in best_of.values()]


def kept_frames(boxes: Sequence[Sequence[object]]) -> list[int]:
    """The frame that is cropped for each box: a frame without boxes gives none, so the later ones slip."""
    return list(range(sum(bool(found) for found in boxes)))


def chosen_box(boxes: Sequence[Sequence[float]]) -> int:
    """Which of several boxes (left, top, right, bottom) it takes for the largest."""
    corners = [np.array([[box[:2]], [box[2:]]], np.float32) for box in boxes]
    return int(np.argmax([cv2.contourArea(two) for two in corners]))


def played_times(frames: Sequence[int]) -> Array:
    """When, s, each matched frame is shown in its output."""
    return np.arange(len(frames)) / FPS


def time_in_b(keypoints_a: Array, times_a: Array, keypoints_b: Array, times_b: Array) -> Array:
    """(T,) s: the moment of ``b`` it shows beside each frame of ``a``; every frame is there, to be kind."""
    found = correspond(list(keypoints_a[..., :2]), list(keypoints_b[..., :2]))
    shown = np.interp(np.arange(len(times_a)), found[0], found[1])
    return np.asarray(times_b[np.clip(shown.round().astype(int), 0, len(times_b) - 1)], float)
