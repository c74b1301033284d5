"""Draw docs/tracking.png: the tracker's path over the cost matrix of a real clip.

usage: figure.py [OUT.png]

The walk (MoveNet's keypoints of the real clip) against itself at a changing pace. Dark is alike; the white
line is where the tracker was, frame by frame, the dashed one where the performer truly was.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from _fetched import fetched
from _scenarios import make_case
from posesync.pose.embedding import embed
from posesync.realtime.tracking.tracker import Tracker
from posesync.reference.reference import Reference

_SIZE = 720
_MARGIN = (90, 40, 70, 30)  # left, top, bottom, right


def cost_matrix(live: np.ndarray, expert: np.ndarray) -> np.ndarray:
    """(N, T) weighted mean squared difference of every live pose to every expert's."""
    z, w = embed(live)
    y, v = embed(expert)
    total = (w * z * z) @ v.T - 2 * (w * z) @ (v * y).T + w @ (v * y * y).T
    return np.maximum(total, 0) / np.maximum(w @ v.T, 1.0)


def draw() -> np.ndarray:
    """The picture, BGR."""
    case = make_case("tempo", "walk", 0)
    tracker = Tracker(Reference.from_keypoints(case.reference_keypoints, case.reference_times))
    found = [
        tracker.update(pose, float(now)).time for pose, now in zip(case.keypoints, case.times, strict=True)
    ]
    cost = cost_matrix(case.keypoints.astype(float), case.reference_keypoints.astype(float))
    shade = np.clip(np.sqrt(cost.T[::-1]) / np.sqrt(np.quantile(cost, 0.98)), 0, 1)
    picture = cv2.applyColorMap((255 * shade).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    picture = cv2.resize(picture, (_SIZE, _SIZE), interpolation=cv2.INTER_NEAREST)
    end_live, end_expert = float(case.times[-1]), float(case.reference_times[-1])

    def point(now: float, place: float) -> tuple[int, int]:
        return round(now / end_live * _SIZE), round(_SIZE - place / end_expert * _SIZE)

    truth = [point(a, b) for a, b in zip(case.times, case.truth, strict=True)]
    for a, b in list(pairwise(truth))[::4]:
        cv2.line(picture, a, b, (80, 180, 255), 2, cv2.LINE_AA)
    path = [point(a, b) for a, b in zip(case.times, found, strict=True) if b is not None]
    cv2.polylines(picture, [np.array(path)], False, (255, 255, 255), 2, cv2.LINE_AA)

    left, top, bottom, right = _MARGIN
    canvas = np.full((_SIZE + top + bottom, _SIZE + left + right, 3), 255, np.uint8)
    canvas[top : top + _SIZE, left : left + _SIZE] = picture
    font, ink = cv2.FONT_HERSHEY_SIMPLEX, (40, 40, 40)
    for second in range(0, int(end_live) + 1, 2):
        x = left + point(second, 0)[0]
        cv2.putText(canvas, f"{second}", (x - 6, top + _SIZE + 24), font, 0.55, ink, 1, cv2.LINE_AA)
    for second in range(int(end_expert) + 1):
        y = top + point(0, second)[1]
        cv2.putText(canvas, f"{second}", (left - 26, y + 6), font, 0.55, ink, 1, cv2.LINE_AA)
    caption = "performer, s"
    cv2.putText(canvas, caption, (left + _SIZE // 2 - 60, top + _SIZE + 54), font, 0.65, ink, 1, cv2.LINE_AA)
    cv2.putText(canvas, "expert, s", (10, top - 14), font, 0.65, ink, 1, cv2.LINE_AA)
    return canvas


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "docs" / "tracking.png"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    fetched()
    if not cv2.imwrite(str(target), draw()):
        sys.exit(f"{target} cannot be written: name another file")
