"""Finds the files of the pose network and of the detector that the settings ask for."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from .errors import ModelError
from .model_files import find_model, own_model, sha256_of
from .settings import POSE_MODELS, PoseSettings

logger = logging.getLogger(__name__)

#: The detector by default.
DETECTOR_MODEL: Final = "yolov5n"


def pose_file(settings: PoseSettings, *, download: bool = True) -> Path:
    """Return the file of the pose network that the settings ask for.

    Raises:
        ModelError: it is not on this machine.
    """
    if settings.pose_model:
        return own_model(settings.pose_model)
    return find_model(POSE_MODELS[settings.pose], download=download)


def detector_file(settings: PoseSettings, *, download: bool = True) -> Path | None:
    """Return the file of the detector that the settings ask for; None for ``keypoints``, which needs none.

    With ``auto``, a missing YOLOv5n gives None and a warning; a file given by name must exist.

    Raises:
        ModelError: it is not on this machine and cannot be fetched.
    """
    if settings.detector == "keypoints":
        return None
    if settings.detector_model:
        return own_model(settings.detector_model)
    try:
        return find_model(DETECTOR_MODEL, download=download)
    except ModelError as error:
        if settings.detector == "yolov5":
            raise
        say_without_detector(error)
        return None


def say_without_detector(error: ModelError) -> None:
    """Warn in one line that ``auto`` found no detector."""
    logger.warning("%s. Continuing with detector keypoints: stay near the middle of the picture", error)


def fetch_models(settings: PoseSettings) -> None:
    """Make sure that the model files are on this machine, fetching missing ones.

    Raises:
        ModelError: a required model is missing.
    """
    pose_file(settings)
    detector_file(settings)


def model_digests(settings: PoseSettings) -> dict[str, str | None]:
    """Return the sha256 of pose network and detector, on which cached results depend; nothing is fetched.

    ``detector`` is ``keypoints`` without one; ``pose`` is None when its file is not on this machine.
    """
    quiet = replace(settings, detector="yolov5") if settings.detector == "auto" else settings
    digests: dict[str, str | None] = {"pose": None, "detector": "keypoints"}
    with suppress(ModelError):
        digests["pose"] = sha256_of(pose_file(settings, download=False))
    with suppress(ModelError):
        detector = detector_file(quiet, download=False)
        digests["detector"] = sha256_of(detector) if detector else "keypoints"
    return digests
