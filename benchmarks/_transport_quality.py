"""How well the server sees the performer: what the way did to the picture, and to MoveNet's torso."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
from _transport_clip import SIZE, Image, original
from posesync.pose.estimator import PoseEstimator
from posesync.pose.movenet import crop_around
from posesync.pose.settings import PoseSettings
from posesync.pose.types import Box, Frame

_TORSO: Final = [5, 6, 11, 12]


@lru_cache(maxsize=1)
def _estimator() -> PoseEstimator:
    return PoseEstimator(PoseSettings())


def quality(received: Mapping[int, Image]) -> dict[str, Any]:
    """What pictures by number lost on their way.

    Args:
        received: (H, W, 3) uint8 BGR by number painted in them.

    Returns:
        ``psnr_db`` of the luma against the original shrunk without loss (median); ``shift_px`` of the torso's
        four keypoints against those in the original, in px of 1280 × 720 (``p50``, ``p95``), and the same of
        the original shrunk without loss, which no way can go below; ``pictures``; ``unseen``: pictures whose
        original shows no performer, left out of the shifts.
    """
    ratios: list[float] = []
    shifts: dict[str, list[float]] = {"received": [], "lossless": []}
    unseen = 0
    for code, image in received.items():
        true = original(code)
        small = cv2.resize(true, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_AREA)
        ratios.append(cv2.PSNR(_luma(image), _luma(np.asarray(small, np.uint8))))
        estimator = _estimator()
        estimator.reset()
        crop = crop_around(estimator.update(Frame(true, 0.0, 0)).keypoints)
        if crop is None:
            unseen += 1
            continue
        expected = estimator.movenet.estimate(true, crop).xy[_TORSO]
        scale = image.shape[1] / SIZE[0]
        for name, picture in (("received", image), ("lossless", np.asarray(small, np.uint8))):
            found = estimator.movenet.estimate(picture, _scaled(crop, scale)).xy[_TORSO] / scale
            shifts[name].extend(np.hypot(*(found - expected).T).tolist())
    return {
        "pictures": len(received),
        "unseen": unseen,
        "psnr_db": float(np.median(ratios)) if ratios else None,
        "shift_px": _percentiles(shifts["received"]),
        "lossless_shift_px": _percentiles(shifts["lossless"]),
    }


def _scaled(box: Box, scale: float) -> Box:
    edges = {name: getattr(box, name) * scale for name in ("left", "top", "right", "bottom")}
    return replace(box, **edges)


def _luma(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _percentiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None}
    return {"p50": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}
