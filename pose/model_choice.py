"""Which files the settings ask for: the pose network's and the detector's."""

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

#: The detector unless another is named.
DETECTOR_MODEL: Final = "yolov5n"


def pose_file(settings: PoseSettings, *, download: bool = True) -> Path:
    """The file of the pose network that the settings ask for.

    Raises:
        ModelError: it is not on this machine.
    """
    if settings.pose_model:
        return own_model(settings.pose_model)
    return find_model(POSE_MODELS[settings.pose], download=download)


def detector_file(settings: PoseSettings, *, download: bool = True) -> Path | None:
    """The file of the detector that the settings ask for; None for ``keypoints``, which needs none.

    With ``auto``, a YOLOv5n that cannot be had is None and a warning; a file that is named must be there.

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
    """The one line about ``auto`` having found no detector."""
    logger.warning("%s. Going on with detector keypoints: the performer should be near the middle", error)


def fetch_models(settings: PoseSettings) -> None:
    """See that the files of the models are there, fetching what can be fetched.

    Raises:
        ModelError: one is missing that cannot be done without.
    """
    pose_file(settings)
    detector_file(settings)


def model_digests(settings: PoseSettings) -> dict[str, str | None]:
    """sha256 of the pose network and of the detector: what a cached result depends on; nothing is fetched.

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
