"""MoveNet's keypoints of the real clips, estimated once and cached in ``.cache/benchmarks``.

Each clip is estimated twice: as it is, and from a darker, smaller, shifted picture. The two differ as two
recordings of one movement do, so one is the expert's and the other the performer's.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from _fetched import CLIPS, ROOT
from _motions import Array, MotionClip
from posesync.pose.estimator import PoseEstimator
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.types import Frame, Image

CACHE: Final = ROOT / ".cache" / "benchmarks"
CAMERAS: Final = ("cam01", "cam02", "cam03", "cam04")
_SCALE: Final = 0.8
_SHIFT: Final = (23.0, 11.0)


@lru_cache(maxsize=1)
def clips() -> dict[str, MotionClip]:
    """Return the clips by name (walk, cam01 … cam04) as movements; empty if they have not been fetched."""
    os.environ.setdefault("POSESYNC_OFFLINE", "1")
    models = ROOT.parent / "shared" / "models"
    if models.is_dir():
        os.environ.setdefault("POSESYNC_MODEL_DIR", str(models))
    found = {}
    for name in ("walk", *CAMERAS):
        path = CLIPS / f"{name}.mp4"
        if path.is_file():
            times, first, second = _cached(path)
            found[name] = MotionClip(name, times, first, second)
    return found


def _cached(path: Path) -> tuple[Array, Array, Array]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    target = CACHE / f"{path.stem}-{digest}.npz"
    if not target.is_file():
        sys.stderr.write(f"estimating keypoints of {path.name}, once …\n")
        times, first = _estimate(path, altered=False)
        _, second = _estimate(path, altered=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        # The name keeps its ending: np.savez would add one otherwise.
        part = target.with_name(f"{os.getpid()}-{target.name}")
        np.savez_compressed(part, times=times, first=first, second=second)
        part.replace(target)
    with np.load(target, allow_pickle=False) as data:
        return data["times"], data["first"], data["second"]


def _estimate(path: Path, *, altered: bool) -> tuple[Array, Array]:
    estimator, times, keypoints = PoseEstimator(PoseSettings()), [], []
    with open_source(path) as source:
        for frame in source:
            image = _alter(frame.image) if altered else frame.image
            found = estimator.update(Frame(image, frame.time, frame.index)).keypoints.to_array()
            if altered:
                found[:, :2] = (found[:, :2] - _SHIFT) / _SCALE
            times.append(frame.time)
            keypoints.append(found)
    return np.array(times, float), np.array(keypoints, float)


def _alter(image: Image) -> Image:
    """Return a darker picture of four fifths the size, slightly shifted."""
    height, width = image.shape[:2]
    matrix = np.array([[_SCALE, 0.0, _SHIFT[0]], [0.0, _SCALE, _SHIFT[1]]])
    size = (int(width * _SCALE) + 48, int(height * _SCALE) + 24)
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    darken = (255 * (np.arange(256) / 255) ** 1.3).astype(np.uint8)
    return np.asarray(darken[moved], np.uint8)
