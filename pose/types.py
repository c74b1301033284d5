"""Data that rooms exchange: frozen, validated, with every unit stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InvalidDataError
from .skeleton import NUM_KEYPOINTS

FloatArray = npt.NDArray[np.floating[Any]]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of a source.

    Attributes:
        image: (H, W, 3) uint8, BGR, upright (rotation metadata already applied).
        time: seconds since the source's first frame; strictly increasing within a source.
        index: running number, from 0, of the frames that the source delivered.
    """

    image: Image
    time: float
    index: int


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in full-frame pixels, with the detector's score 0..1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0

    @property
    def center(self) -> tuple[float, float]:
        """The middle (x, y), px."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Width, px, never negative."""
        return max(0.0, self.right - self.left)

    @property
    def height(self) -> float:
        """Height, px, never negative."""
        return max(0.0, self.bottom - self.top)

    @property
    def area(self) -> float:
        """Area, px²."""
        return self.width * self.height

    def iou(self, other: Box) -> float:
        """Return the intersection over union with another box, 0..1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True)
class Keypoints:
    """One person's keypoints in one frame, COCO order (:data:`posesync.pose.skeleton.KEYPOINT_NAMES`).

    Attributes:
        xy: (17, 2) float, px in the full frame; x to the right, y down.
        confidence: (17,) float, 0..1; 0 means not seen.

    Raises:
        InvalidDataError: shapes differ from the above or a value is not finite.
    """

    xy: FloatArray
    confidence: FloatArray

    def __post_init__(self) -> None:
        """Refuse values that would corrupt every later stage."""
        if self.xy.shape != (NUM_KEYPOINTS, 2) or self.confidence.shape != (NUM_KEYPOINTS,):
            raise InvalidDataError(
                f"keypoints have shapes xy {self.xy.shape} and confidence {self.confidence.shape}, "
                "expected (17, 2) and (17,): pass the 17 COCO keypoints"
            )
        if not (np.isfinite(self.xy).all() and np.isfinite(self.confidence).all()):
            raise InvalidDataError(
                "keypoints hold NaN or infinity, expected finite pixels: give unseen keypoints confidence 0"
            )

    @classmethod
    def empty(cls) -> Keypoints:
        """Return keypoints without a person: every confidence 0."""
        return cls(np.zeros((NUM_KEYPOINTS, 2), np.float32), np.zeros(NUM_KEYPOINTS, np.float32))

    @classmethod
    def from_array(cls, array: FloatArray) -> Keypoints:
        """Return keypoints from (17, 3): x px, y px, confidence."""
        return cls(array[:, :2], array[:, 2])

    def to_array(self) -> FloatArray:
        """Return (17, 3) float32: x px, y px, confidence."""
        return np.column_stack([self.xy, self.confidence]).astype(np.float32)
