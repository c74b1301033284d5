"""MediaPipe's PoseLandmarker (Google, BlazePose, 2020) in place of MoveNet; an extra, imported on demand.

It runs on each crop separately (image mode): as with MoveNet the caller decides where to look, so that the
lock on one performer, not MediaPipe's own tracking, decides who is followed.
"""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from .errors import ModelError
from .landmarks import NUM_LANDMARKS, Landmarks
from .letterbox import Letterbox, seen_in, square
from .settings import POSE_DEFAULTS
from .types import Box, FloatArray, Image

logger = logging.getLogger(__name__)

INSTALL_HINT: Final = 'pip install "posesync[mediapipe]" and then pip install --no-deps mediapipe'
#: Side of the input picture, px: the person's part of it is then as large as the network's input.
INPUT_SIZE: Final = 384
#: People it may find in one crop; the one nearest the centre is used.
MOST_PEOPLE: Final = 2
#: The discard port.
NOWHERE: Final = "http://127.0.0.1:9"
#: As low as MoveNet's own: confidences decide later what counts as seen, not an empty answer.
_LEAST: Final = 0.3
_HIPS: Final = (23, 24)


def _keep_to_ourselves() -> None:
    """Redirect MediaPipe's usage reports to a local port on which nothing listens.

    Since 0.10.3x its wheels send usage data to play.googleapis.com, with no way to turn it off (their issue
    6291). They use curl, which obeys these variables. Other https transfers of this process, which are only
    Python's downloads of models, must come before.
    """
    os.environ["https_proxy"] = NOWHERE
    os.environ["no_proxy"] = "localhost,127.0.0.1"  # the user's own value could exempt that host


def _import_mediapipe() -> Any:
    """Return the mediapipe module, with its start-up notices on standard error suppressed where possible.

    Raises:
        ModelError: it is not installed, or it cannot be imported.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    _keep_to_ourselves()
    try:
        module = import_module("mediapipe")
        import_module("mediapipe.tasks.python.vision")
    except ImportError as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"MediaPipe cannot be imported ({reason}): {INSTALL_HINT}") from None
    return module


def _let_go(landmarker: weakref.ref[Any]) -> None:
    """Skip closing at exit: it would need a thread that Python has ended by then, and print a traceback."""
    alive = landmarker()
    if alive is not None:
        alive._handle = None


class MediaPipePose:
    """MediaPipe's PoseLandmarker, lite, full or heavy.

    Args:
        path: the ``.task`` file.
        provider: only the CPU is used; asking for another by name gives a warning.
        threads: MediaPipe decides for itself.

    Raises:
        ModelError: the package mediapipe is missing, or the file is not a pose landmarker.
    """

    #: In ONNX Runtime's terms.
    providers = ("CPUExecutionProvider",)

    def __init__(
        self,
        path: Path | str,
        *,
        provider: str = POSE_DEFAULTS.provider,
        threads: int = POSE_DEFAULTS.threads,  # noqa: ARG002
    ) -> None:
        self.path = Path(path)
        self.size = INPUT_SIZE
        if not self.path.is_file():
            raise ModelError(f"model {path} does not exist: run `posesync models` to see what is available")
        self._mediapipe = _import_mediapipe()
        if provider not in ("auto", "cpu"):
            logger.warning("MediaPipe runs on the cpu here, not on %s: use pose thunder for a GPU", provider)
        vision = self._mediapipe.tasks.vision
        try:
            options = vision.PoseLandmarkerOptions(
                base_options=self._mediapipe.tasks.BaseOptions(model_asset_path=str(self.path)),
                running_mode=vision.RunningMode.IMAGE,
                num_poses=MOST_PEOPLE,
                min_pose_detection_confidence=_LEAST,
                min_pose_presence_confidence=_LEAST,
            )
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        except Exception as error:  # ValueError, RuntimeError or one of its own, by version
            reason = " ".join(str(error).split())[:160]
            raise ModelError(
                f"model {path} is not a MediaPipe pose landmarker ({reason}): give a pose_landmarker_*.task"
            ) from None
        atexit.register(_let_go, weakref.ref(self._landmarker))
        self.infer(np.zeros((self.size, self.size, 3), np.uint8))  # the first inference is slow

    def infer(self, image: Image) -> list[FloatArray]:
        """Run the landmarker on one picture.

        Args:
            image: (size, size, 3) uint8 **RGB**.

        Returns:
            For each person (33, 3): x and y in units of the input's side, confidence 0..1.

        Raises:
            ModelError: MediaPipe fails.
        """
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=image)
        try:
            people = self._landmarker.detect(picture).pose_landmarks
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(
                f"model {self.path} failed ({reason}): give another .task, or use pose lightning"
            ) from None
        # Visibility covers hidden landmarks, presence those outside the picture; a landmark must pass both.
        return [
            np.array([(mark.x, mark.y, min(mark.visibility, mark.presence)) for mark in person], np.float32)
            for person in people
        ]

    def estimate(self, image: Image, crop: Box) -> Landmarks:
        """Return the keypoints of the person nearest the centre of a crop; all confidences 0 for nobody.

        A point that the network puts outside the frame cannot have been seen: its confidence is 0.

        Args:
            image: (H, W, 3) uint8 BGR.
            crop: frame px, square (else the square around it); it may reach outside the frame.

        Returns:
            Keypoints in full-frame px.

        Raises:
            ModelError: MediaPipe fails.
        """
        half = max(crop.width, crop.height, 1.0) / 2
        letterbox = Letterbox.fit(square(crop.center, half), self.size, self.size)
        people = self.infer(np.asarray(cv2.cvtColor(letterbox.apply(image), cv2.COLOR_BGR2RGB), np.uint8))
        if not people:
            return Landmarks.from_landmarks(np.zeros((NUM_LANDMARKS, 3)))
        found = min(people, key=lambda marks: float(np.abs(marks[list(_HIPS), :2].mean(axis=0) - 0.5).max()))
        found = np.nan_to_num(found)
        xy = letterbox.to_frame(found[:, :2] * self.size)
        return Landmarks.from_landmarks(np.column_stack([xy, seen_in(image, xy, found[:, 2])]))

    def close(self) -> None:
        """Free MediaPipe's threads."""
        self._landmarker.close()
