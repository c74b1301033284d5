"""Session logs with known content, written line by line as in a session."""

from __future__ import annotations

import base64
import json
import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from posesync.pose.skeleton import JOINT_NAMES

HEADER = {
    "posesync": "0.1.0",
    "schema": 1,
    "reference": {"file": "piece.mp4", "sha256": "ab" * 32, "duration": 60.0, "samples": 1800},
    "camera": {"name": "camera 0", "kind": "camera", "width": 1280, "height": 720, "fps": 30.0},
    "models": {"detector": "yolov5n.onnx", "pose": "movenet_lightning.onnx"},
}


def frame_line(
    k: int, *, fps: float = 30.0, piece: float = 60.0, bad: tuple[float, float] = (20.0, 23.0)
) -> dict[str, Any]:
    """Frame ``k`` of somebody who does the piece over and over at 0.9 of its pace, with a bent left elbow
    (−40°) and a score of 30 between the ``bad`` seconds of it, else 5° and 95."""
    time = k / fps
    position = (0.9 * time) % piece
    passes, before = (int(0.9 * moment / piece) for moment in (time, max(0, k - 1) / fps))
    off = bad[0] <= position < bad[1]
    joints = {name: round(5.0 * math.sin(k / 7 + i), 2) for i, name in enumerate(JOINT_NAMES)}
    joints["left_elbow"] = -40.0 if off else 5.0
    return {
        "t": round(time, 6),
        "position": round(position, 4),
        "speed": 0.9,
        "state": "following",
        "confidence": 0.95,
        "score": 30.0 if off else 95.0,
        "timing": 80.0,
        "joints": joints,
        "repetition": passes,
        **({"wrapped": True} if passes > before else {}),
        **({"cue": "straighten your left elbow"} if bad[0] <= position < bad[0] + 0.9 / fps else {}),
    }


def picture(shade: int = 128, side: int = 120) -> str:
    """A small JPEG in base64."""
    done, data = cv2.imencode(".jpg", np.full((side, side // 2, 3), shade, np.uint8))
    assert done
    return base64.b64encode(data.tobytes()).decode()


def write_log(
    path: Path,
    frames: int = 900,
    *,
    header: dict[str, Any] | None = None,
    summary: dict[str, Any] | None = None,
    at: float | None = None,
    **how: Any,
) -> Path:
    """A complete log; ``at`` is when it was written, s since 1970."""
    lines = [HEADER if header is None else header, *(frame_line(k, **how) for k in range(frames))]
    lines.append({"summary": {"ended": "quit", **(summary or {})}})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    if at is not None:
        os.utime(path, (at, at))
    return path
