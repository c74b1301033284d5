"""Chooses a thumbnail for an expert: the person well visible, and not blurred by a quick move."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from posesync.pose.features import CONFIDENCE_FLOOR
from posesync.pose.files import atomic_file
from posesync.pose.types import FloatArray, Image
from posesync.reference import Reference
from posesync.reference.proxy import ProxyVideo

#: px, width of the picture; a narrower video keeps its own.
WIDTH: Final = 480
#: JPEG quality 0..100.
QUALITY: Final = 82
#: Moments that are compared, from the quarter with the best visibility.
CANDIDATES: Final = 24
_BEST: Final = 0.75  # quantile of visibility
_BODY: Final = slice(5, 17)


def write_thumbnail(reference: Reference, proxy: ProxyVideo, target: Path) -> None:
    """Write the picture as JPEG.

    Args:
        reference: the reference of the video.
        proxy: its pictures.
        target: the file, replaced when complete; its folder is created.

    Raises:
        ReferenceFileError: a picture is corrupt.
        OutputError: the disk is full, or the folder is not writable.
    """
    image = proxy.frame_at(best_moment(reference, proxy))
    height, width = image.shape[:2]
    if width > WIDTH:
        image = cv2.resize(
            image, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA
        )  # type: ignore[assignment]
    encoded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1]
    with atomic_file(target) as file:
        file.write(encoded.tobytes())


def best_moment(reference: Reference, proxy: ProxyVideo) -> float:
    """Return the sharpest moment, s, among those at which the expert is best visible."""
    visible = reference.keypoints[:, _BODY, 2].mean(axis=1)
    good = np.flatnonzero(visible >= np.quantile(visible, _BEST))
    chosen = good[np.unique(np.linspace(0, len(good) - 1, CANDIDATES).round().astype(int))]
    scale = proxy.width / (reference.origin.width or proxy.width)
    sharp = [
        _sharpness(proxy.frame_at(float(reference.times[i])), reference.keypoints[i] * (scale, scale, 1.0))
        for i in chosen
    ]
    return float(reference.times[chosen[int(np.argmax(sharp))]])


def _sharpness(image: Image, pose: FloatArray) -> float:
    """Return how much detail there is around the pose (17, 3), px of ``image``."""
    seen = pose[pose[:, 2] > CONFIDENCE_FLOOR, :2]
    if len(seen) >= 2:
        (left, top), (right, bottom) = np.floor(seen.min(axis=0)), np.ceil(seen.max(axis=0))
        part = image[max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))]
        image = part if part.shape[0] > 8 and part.shape[1] > 8 else image
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var())
