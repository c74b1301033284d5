"""Signs that a performer gives: how much they move, and a raised hand."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from posesync.pose.features import check_keypoints, keypoint_weights
from posesync.pose.skeleton import LEFT_HIP, LEFT_SHOULDER, LEFT_WRIST, RIGHT_HIP, RIGHT_SHOULDER, RIGHT_WRIST
from posesync.pose.types import FloatArray

#: Weight, 0..1, from which a keypoint counts as seen.
SEEN: Final = 0.35


def hand_raised(keypoints: FloatArray) -> bool:
    """Return whether exactly one hand is clearly above the head, in the (17, 3) keypoints of one pose.

    Both arms up is a movement of many pieces; one hand held up is a sign.
    """
    points = check_keypoints(keypoints)
    seen = keypoint_weights(points[:, 2]) >= SEEN
    shoulders, wrists, head = [LEFT_SHOULDER, RIGHT_SHOULDER], [LEFT_WRIST, RIGHT_WRIST], [0, 1, 2, 3, 4]
    torso = _torso(points, seen)
    if torso is None or not seen[shoulders].all():
        return False
    top = float(points[head, 1][seen[head]].min()) if seen[head].any() else None
    level = float(points[shoulders, 1].min()) - 0.45 * torso  # y points down
    line = level if top is None else min(level, top)
    up = [bool(seen[wrist] and points[wrist, 1] < line) for wrist in wrists]
    return up[0] != up[1]


class MotionMeter:
    """Measures how much somebody moves, torso lengths per s, at any distance from the camera.

    Each keypoint is smoothed (MoveNet's jitter is not movement) and compared over :attr:`SPAN` s; the four
    that move most count, so one arm is enough. Keypoints that went out of sight meanwhile are left out.
    """

    #: s over which a displacement is measured.
    SPAN: Final = 0.3
    #: s, time constant of the smoothing.
    SMOOTHING: Final = 0.12

    def __init__(self) -> None:
        self._smooth: FloatArray | None = None
        self._seen = np.zeros(17, dtype=bool)
        self._time = -math.inf
        self._past: list[tuple[float, FloatArray, FloatArray]] = []

    def update(self, time: float, keypoints: FloatArray) -> float:
        """Return the movement, given the (17, 3) keypoints at ``time`` s; 0 while too little is known.

        Raises:
            InvalidDataError: another shape.
        """
        points = check_keypoints(keypoints)
        seen = keypoint_weights(points[:, 2]) >= SEEN
        torso = _torso(points, seen)
        if torso is None or time - self._time > 1.0 or time <= self._time:
            self._past.clear()
            self._smooth, self._seen, self._time = points[:, :2].copy(), seen, time
            return 0.0
        share = 1.0 - math.exp((self._time - time) / self.SMOOTHING)
        assert self._smooth is not None  # implied by self._time
        fresh = seen & ~self._seen  # a keypoint that comes into sight has no displacement yet
        self._smooth[fresh] = points[fresh, :2]
        self._smooth[seen] += share * (points[seen, :2] - self._smooth[seen])
        self._seen, self._time = seen, time
        steady = (seen & ~fresh).astype(np.float64)
        self._past.append((time, self._smooth.copy(), steady))
        while len(self._past) > 1 and time - self._past[1][0] >= self.SPAN:
            self._past.pop(0)
        return self._speed(torso)

    def _speed(self, torso: float) -> float:
        (begin, first, _), (end, last, _) = self._past[0], self._past[-1]
        if end - begin < 0.6 * self.SPAN:
            return 0.0
        steady = np.min([kept for _, _, kept in self._past], axis=0) > 0
        ways = np.linalg.norm(last - first, axis=1)[steady] / torso / (end - begin)
        return float(np.sort(ways)[-4:].mean()) if len(ways) >= 4 else 0.0


def _torso(points: FloatArray, seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float | None:
    """Return the trunk's length, px, at least as the shoulders' width suggests; None without shoulders."""
    left, right = points[LEFT_SHOULDER, :2], points[RIGHT_SHOULDER, :2]
    if not (seen[LEFT_SHOULDER] and seen[RIGHT_SHOULDER]):
        return None
    width = float(np.linalg.norm(left - right))
    length = 0.0
    if seen[LEFT_HIP] or seen[RIGHT_HIP]:
        hips = [hip for hip in (LEFT_HIP, RIGHT_HIP) if seen[hip]]
        length = float(np.linalg.norm(points[hips, :2].mean(axis=0) - (left + right) / 2))
    return max(length, 1.3 * width, 1.0)
