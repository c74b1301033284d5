"""Measures the speed of a session on this machine: the real loop on a clip in memory for a few seconds."""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Final

import cv2
import numpy as np
from posesync.pose.environment import environment_variable
from posesync.pose.estimator import PoseEstimator
from posesync.pose.frame_source import FrameSource, SourceInfo
from posesync.pose.sources import open_source
from posesync.pose.types import Frame, Image
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.display.loop import run_session
from posesync.realtime.session.config import Config
from posesync.realtime.session.options import SessionOptions, pose_settings
from posesync.reference import Reference

#: Frames of the clip, played forwards and backwards so that the movement continues without a jump.
_FRAMES: Final = 24
_SIZE: Final = (1280, 720)
#: Frames per second of the simulated camera: more than any machine is asked to process.
_CAMERA_FPS: Final = 120.0
_CLIP_FPS: Final = 30.0
_DRIVER: Final = "SDL_VIDEODRIVER"


@dataclass(frozen=True, slots=True)
class Speed:
    """The measured speed.

    Attributes:
        fps: processed frames per second, while drawing.
        latency_ms: median from capture to result, ms.
        processed: number of frames.
        detector: the detector in use.
        providers: the providers that ran the models, in ONNX Runtime's names.
    """

    fps: float
    latency_ms: float
    processed: int
    detector: str
    providers: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "fps": round(self.fps, 1), "latency_ms": round(self.latency_ms, 1)}


class Playing(FrameSource):
    """A simulated camera: plays pictures forwards and backwards for a number of seconds of wall clock."""

    def __init__(self, pictures: list[Image], seconds: float) -> None:
        height, width = pictures[0].shape[:2]
        self.info = SourceInfo("speed test", "camera", width, height, _CAMERA_FPS)
        self.is_live = True
        self._turn = [*pictures, *pictures[-2:0:-1]]
        self._count = round(seconds * _CAMERA_FPS)
        self._index = 0
        self._start = time.monotonic()

    def read(self) -> Frame | None:
        """Return the next picture when it is due; None when the time is up."""
        if self._index >= self._count:
            self.is_live = False  # the end, not a lost camera
            return None
        if not self._index:
            self._start = time.monotonic()
        moment = self._index / _CAMERA_FPS
        time.sleep(max(0.0, self._start + moment - time.monotonic()))
        self._index += 1
        picture = self._turn[int(moment * _CLIP_FPS) % len(self._turn)]  # at real speed
        return Frame(picture, moment, self._index - 1)

    def close(self) -> None:
        """Do nothing: there is no device."""


def measure(config: Config, *, seconds: float = 3.0) -> Speed:
    """Run a session for ``seconds`` s and return its speed.

    Raises:
        ModelError: a model is missing or cannot be run.
    """
    pictures = _pictures()
    settings = pose_settings(config)
    estimator = PoseEstimator(settings)
    poses = [
        estimator.update(Frame(image, number / _CLIP_FPS, number)).keypoints.to_array()
        for number, image in enumerate(pictures)
    ]
    expert = Expert(Reference.from_keypoints(np.array(poses), np.arange(len(poses)) / _CLIP_FPS))
    with environment_variable(_DRIVER, "dummy"):  # costs what a window costs but is not seen
        result = run_session(SessionOptions("speed test"), expert, config, source=Playing(pictures, seconds))
    latency = result.timing["latency_ms"] or {"p50": 0.0}
    return Speed(
        fps=float(result.timing["fps"] or 0.0),
        latency_ms=float(latency["p50"]),
        processed=int(result.summary["processed"]),
        detector="keypoints" if estimator.detector is None else "YOLOv5",
        providers=list(estimator.movenet.providers),
    )


def _pictures() -> list[Image]:
    """Return the beginning of the bundled clip, upright in the middle of a 720p camera picture."""
    clip = resources.files("posesync.realtime") / "media" / "demo_expert.mp4"
    pictures = []
    with resources.as_file(clip) as path, open_source(path) as source:
        for frame in itertools.islice(source, _FRAMES):
            height, width = frame.image.shape[:2]
            scale = _SIZE[1] / height
            shrunk = cv2.resize(frame.image, (round(width * scale), _SIZE[1]))
            left = (_SIZE[0] - shrunk.shape[1]) // 2
            right = _SIZE[0] - shrunk.shape[1] - left
            pictures.append(cv2.copyMakeBorder(shrunk, 0, 0, left, right, cv2.BORDER_REPLICATE))
    return pictures  # type: ignore[return-value]
