"""Maps a region of a frame to a network's input and back: one scale for both axes, centred and padded.

Coordinates are continuous: pixel i covers [i, i + 1), so a region (0, 0, W, H) is the whole frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .types import Box, FloatArray, Image


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The map from a frame to a network input of ``width`` × ``height``: input = scale · frame + offset.

    Attributes:
        scale: input pixels per frame pixel.
        offset_x, offset_y: position of the frame's (0, 0) in the input, px.
        width, height: size of the input, px.
    """

    scale: float
    offset_x: float
    offset_y: float
    width: int
    height: int

    @classmethod
    def fit(cls, region: Box, width: int, height: int) -> Letterbox:
        """Return the map of ``region`` (frame px, may exceed the frame) centred in width × height px."""
        scale = min(width / max(region.width, 1.0), height / max(region.height, 1.0))
        x, y = region.center
        return cls(scale, width / 2 - scale * x, height / 2 - scale * y, width, height)

    def apply(self, image: Image, fill: int = 0) -> Image:
        """Return the input image, (height, width, 3) uint8, with ``fill``, 0..255, outside the frame."""
        scale, offset_x, offset_y = self.scale, self.offset_x, self.offset_y
        while scale <= 0.5:
            # Halving first (each pixel the mean of four) keeps thin limbs from falling between samples.
            image, offset_x, offset_y = self._halve(image, scale, offset_x, offset_y)
            scale *= 2
        # Half a pixel: warpAffine maps pixel centres, this class the continuous plane.
        matrix = np.array(
            [
                [scale, 0.0, offset_x + 0.5 * scale - 0.5],
                [0.0, scale, offset_y + 0.5 * scale - 0.5],
            ]
        )
        warped = cv2.warpAffine(
            image,
            matrix,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(fill, fill, fill),
        )
        return np.asarray(warped, dtype=np.uint8)

    def _halve(
        self, image: Image, scale: float, offset_x: float, offset_y: float
    ) -> tuple[Image, float, float]:
        """Return the visible part at half size, and the offsets that match it at twice the scale."""
        height, width = image.shape[:2]
        left = max(0, int(-offset_x / scale) - 8) & ~1
        top = max(0, int(-offset_y / scale) - 8) & ~1
        right = min(width, int((self.width - offset_x) / scale) + 9)
        bottom = min(height, int((self.height - offset_y) / scale) + 9)
        right, bottom = left + max((right - left) // 2 * 2, 0), top + max((bottom - top) // 2 * 2, 0)
        part = image[top:bottom, left:right]
        if part.size == 0:
            return np.zeros((1, 1, 3), np.uint8), -1e6, -1e6
        half = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(half, dtype=np.uint8), offset_x + scale * left, offset_y + scale * top

    def to_frame(self, xy: FloatArray) -> FloatArray:
        """Return (..., 2) input px as frame px."""
        result: FloatArray = (xy - np.array([self.offset_x, self.offset_y])) / self.scale
        return result


def seen_in(image: Image, xy: FloatArray, confidence: FloatArray) -> FloatArray:
    """(N,) confidences clipped to 0..1, and 0 for points (N, 2) px that lie outside the frame."""
    height, width = image.shape[:2]
    inside = ((xy >= 0) & (xy <= (width, height))).all(axis=1)
    return np.where(inside, np.clip(confidence, 0.0, 1.0), 0.0)


def whole(image: Image) -> Box:
    """Return the whole frame as a region."""
    height, width = image.shape[:2]
    return Box(0.0, 0.0, float(width), float(height))


def square(center: tuple[float, float], half: float) -> Box:
    """Return the square with this centre and half-size, px."""
    x, y = center
    return Box(x - half, y - half, x + half, y + half)


def grow(box: Box, margin: float, image: Image | None = None) -> Box:
    """Return a box with ``margin`` px added on every side, clipped to the frame of ``image`` if given."""
    grown = Box(box.left - margin, box.top - margin, box.right + margin, box.bottom + margin, box.score)
    return grown if image is None else clip(grown, image)


def clip(box: Box, image: Image) -> Box:
    """Return the part of a box that lies in the frame."""
    height, width = image.shape[:2]
    left, right = (min(max(edge, 0.0), float(width)) for edge in (box.left, box.right))
    top, bottom = (min(max(edge, 0.0), float(height)) for edge in (box.top, box.bottom))
    return Box(left, top, right, bottom, box.score)


def stretched_size(region: Box, longest: int, stride: int = 32) -> tuple[int, int]:
    """Return the input's width and height, multiples of ``stride``, that show ``region`` at ``longest`` px.

    A 16:9 frame at 320 gives 320 × 192.
    """
    scale = longest / max(region.width, region.height, 1.0)

    def up(length: float) -> int:
        return max(stride, int(np.ceil(round(length * scale, 3) / stride)) * stride)

    return up(region.width), up(region.height)
