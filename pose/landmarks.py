"""Converts MediaPipe's 33 body landmarks to the 17 COCO keypoints, plus the heels and toes COCO lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .errors import InvalidDataError
from .types import FloatArray, Keypoints

NUM_LANDMARKS: Final = 33
#: The landmark of each COCO keypoint; of the eyes the middle, not the corners.
COCO_LANDMARKS: Final = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)

FOOT_NAMES: Final = ("left_heel", "right_heel", "left_toe", "right_toe")
#: The landmark of each of them; a toe is MediaPipe's "foot index", the tip of the big toe.
FOOT_LANDMARKS: Final = (29, 30, 31, 32)


def _no_feet() -> FloatArray:
    return np.zeros((len(FOOT_NAMES), 3), np.float32)


@dataclass(frozen=True, slots=True)
class Landmarks(Keypoints):
    """Keypoints with feet: usable wherever keypoints are.

    Attributes:
        feet: (4, 3) float, x px, y px in the full frame, confidence 0..1, in the order of :data:`FOOT_NAMES`.

    Raises:
        InvalidDataError: as :class:`Keypoints`, and for feet of another shape or not finite.
    """

    feet: FloatArray = field(default_factory=_no_feet)

    def __post_init__(self) -> None:
        """Refuse values that would corrupt every later stage."""
        Keypoints.__post_init__(self)  # super() does not find its class in a slotted dataclass
        if self.feet.shape != (len(FOOT_NAMES), 3) or not np.isfinite(self.feet).all():
            raise InvalidDataError(
                f"feet have shape {self.feet.shape} or are not finite, expected (4, 3): pass heels and toes"
            )

    @classmethod
    def from_landmarks(cls, landmarks: FloatArray) -> Landmarks:
        """Return the keypoints of MediaPipe's 33 landmarks.

        Args:
            landmarks: (33, 3) x px, y px in the full frame, confidence 0..1.

        Raises:
            InvalidDataError: another shape, or a value is not finite.
        """
        if landmarks.shape != (NUM_LANDMARKS, 3):
            raise InvalidDataError(
                f"landmarks have shape {landmarks.shape}, expected (33, 3): pass x, y and confidence of each"
            )
        body = landmarks[list(COCO_LANDMARKS)].astype(np.float32)
        return cls(body[:, :2], body[:, 2], landmarks[list(FOOT_LANDMARKS)].astype(np.float32))
