"""Peers on the same clip: MediaPipe in a separate Python, and the stages of the original PoseSync."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from posesync.pose.detector import PersonDetector
from posesync.pose.letterbox import square
from posesync.pose.model_files import find_model
from posesync.pose.movenet import MoveNet
from posesync.pose.types import FloatArray, Frame

CHILD: Final = Path(__file__).with_name("_mediapipe_child.py")
_ANGLES: Final = (
    (5, 7, 9),
    (6, 8, 10),
    (11, 5, 7),
    (12, 6, 8),
    (5, 11, 13),
    (6, 12, 14),
    (11, 13, 15),
    (12, 14, 16),
)


def mediapipe(python: Path, model: Path, clip: Path, passes: int) -> dict[str, Any]:
    """PoseLandmarker (full, video mode) through ``python``, which has mediapipe and av."""
    done = subprocess.run(
        [str(python), str(CHILD), str(clip), str(model), str(passes)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"MediaPipe failed: {done.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def original_stages(frames: list[Frame]) -> dict[str, Any]:
    """The original PoseSync (Infocusp, 2023), stage by stage, as described in our design notes.

    Its code is not run: these are its steps re-implemented with our weights. It held whole videos in memory,
    ran YOLOv5 at 640 px on every frame, cropped to the first box, ran MoveNet on the crop, measured angles
    from 0 to 360°, and compared all frames with all in a Python loop once both videos were over. Lightning,
    the cheaper MoveNet, is in its favour.
    """
    detector, movenet = PersonDetector(find_model("yolov5n")), MoveNet(find_model("movenet_lightning"))
    spent = {"detect": 0.0, "crop + pose": 0.0, "angles": 0.0}
    poses: list[FloatArray] = []
    angles = []
    for frame in frames:
        start = time.thread_time()
        boxes = detector.detect(frame.image, None, 640)
        found = time.thread_time()
        box = boxes[0] if boxes else square((frame.image.shape[1] / 2, frame.image.shape[0] / 2), 200.0)
        part = frame.image[int(box.top) : int(box.bottom) + 1, int(box.left) : int(box.right) + 1]
        small = np.asarray(cv2.resize(part, (movenet.size, movenet.size)), np.uint8)
        poses.append(movenet.infer(small[..., ::-1]))
        posed = time.thread_time()
        angles.append(_angles(poses[-1]))
        for name, moment in zip(
            spent, (found - start, posed - found, time.thread_time() - posed), strict=True
        ):
            spent[name] += moment
    start = time.thread_time()
    _python_dtw(angles, angles)
    dtw = time.thread_time() - start
    per_frame = {name: value * 1e3 / len(frames) for name, value in spent.items()}
    return {
        "cpu_ms": per_frame,
        "cpu_ms_sum": sum(per_frame.values()) + dtw * 1e3 / len(frames),
        "dtw_s": dtw,
        "frames": len(frames),
        "images_mb": sum(frame.image.nbytes for frame in frames) / 1e6,
    }


def _angles(pose: FloatArray) -> list[float]:
    """Eight joint angles, degrees 0..360."""
    found = []
    for a, b, c in _ANGLES:
        (ay, ax), (by, bx), (cy, cx) = (pose[k, :2].tolist() for k in (a, b, c))
        angle = np.degrees(np.arctan2(cy - by, cx - bx) - np.arctan2(ay - by, ax - bx))
        found.append(float(angle + 360 if angle < 0 else angle))
    return found


def _python_dtw(a: list[list[float]], b: list[list[float]]) -> float:
    """Dynamic time warping of two sequences, cell by cell."""
    table = [[float("inf")] * (len(b) + 1) for _ in range(len(a) + 1)]
    table[0][0] = 0.0
    for i, first in enumerate(a, start=1):
        for j, second in enumerate(b, start=1):
            cost = sum(abs(x - y) for x, y in zip(first, second, strict=True)) / len(first)
            table[i][j] = cost + min(table[i - 1][j], table[i][j - 1], table[i - 1][j - 1])
    return table[-1][-1]
