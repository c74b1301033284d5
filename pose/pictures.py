"""The one place where a decoded frame becomes a picture: upright, with square pixels, in SDR colours, BGR.

Every reader of video goes through :class:`Pictures`: preparing, live sources, syncing, display copies,
inspection of uploads.
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from .color import is_standard, to_standard
from .decoding import MAX_AREA
from .types import Image

#: Pixels more oblong than this are an error in the file (anamorphic film has 2, video discs 1.5).
_MOST_OBLONG: Final = 8
_SQUARE: Final = Fraction(1)
#: Planar formats of more than 8 bits → the same of 8.
_DEEP: Final = re.compile(r"(yuv4\d\dp)\d\d?[lb]e")


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a stored image upright.

    Attributes:
        transposed: rows become columns; this comes first.
        mirrored: then left and right are exchanged …
        flipped: … and top and bottom.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    @classmethod
    def of(cls, frame: Any) -> Orientation:
        """Return the orientation that a decoded PyAV frame asks for; a slanted matrix means the nearest one.

        ``frame.rotation`` does not do: its angle cannot say that an image is mirrored.
        """
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return UPRIGHT
        # FFmpeg's order: x' = a x + c y, y' = b x + d y, all of them 16.16 fixed point.
        a, b, _, c, d = struct.unpack("=5i", bytes(matrix)[:20])
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    def apply(self, image: Image) -> Image:
        """Return a stored image upright; itself when there is nothing to do."""
        upright: Any = cv2.transpose(image) if self.transposed else image
        if self.mirrored or self.flipped:
            upright = cv2.flip(upright, -1 if self.mirrored and self.flipped else int(self.mirrored))
        return upright  # type: ignore[no-any-return]


UPRIGHT: Final = Orientation()


@dataclass(frozen=True, slots=True)
class _Plan:
    """How frames of one shape become pictures.

    Attributes:
        stored: (width, height) px to convert to, before the image is laid upright.
        orientation: how it is laid upright.
        corner: (x, y) px of the upright image in the picture.
    """

    stored: tuple[int, int]
    orientation: Orientation
    corner: tuple[int, int] = (0, 0)


class Pictures:
    """Makes pictures from the decoded frames of one stream, all of the first one's size; one thread.

    A video may change its size, shape or orientation midway (a call that grows, a joined recording). Whatever
    follows is then scaled to fit into the first picture's size, in its middle, so that pixels mean the same
    place throughout.

    Attributes:
        size: (width, height) px of the pictures; None before the first.
    """

    def __init__(
        self, stream: Any, max_height: int | None = None, size: tuple[int, int] | None = None
    ) -> None:
        """Start.

        Args:
            stream: a PyAV video stream.
            max_height: px; higher pictures are scaled down.
            size: (width, height) px of the pictures, where it is known from before.
        """
        self._stream = stream
        self._max_height = max_height
        self._reformatter, self._reducer = VideoReformatter(), VideoReformatter()
        self.size = size
        self._shape: tuple[int, int, int, Fraction] | None = None
        self._plan = _Plan((0, 0), UPRIGHT)
        self._said = _sane(stream.sample_aspect_ratio)
        self._stated = stream.codec_context.sample_aspect_ratio
        self._coded = _sane(self._stated)

    def make(self, frame: Any) -> Image | None:
        """Return a decoded PyAV frame as an (H, W, 3) uint8 BGR picture.

        Conversion and scaling are one pass of swscale; the image is then laid upright.

        Returns:
            The picture; None for a frame that cannot be converted, or is larger than ``MAX_AREA``.
        """
        width, height = frame.width, frame.height
        if not 0 < width * height <= MAX_AREA:
            return None
        aspect = self._pixel_aspect()
        # A frame whose side data have been read refers to itself and stays until Python's next collection,
        # so they are read when something changes, not for each frame.
        shape = width, height, frame.rotation, aspect
        if shape != self._shape:
            self._plan, self._shape = self._planned(width, height, aspect, Orientation.of(frame)), shape
        standard = is_standard(frame)
        image = self._convert(frame, self._plan.stored, "bgr24" if standard else "bgr48le")
        if image is None:
            return None
        if not standard:
            image = to_standard(image, frame)
        return self._placed(self._plan.orientation.apply(image))

    def _pixel_aspect(self) -> Fraction:
        """Return the width of a pixel over its height.

        The container's word counts, as for players. Only where it merely repeats what the codec said first
        (broadcasts) does a later change inside the stream count.
        """
        stated = self._stream.codec_context.sample_aspect_ratio
        if stated != self._stated:
            self._stated, coded = stated, _sane(stated)
            if self._said == self._coded:
                self._said = coded
            self._coded = coded
        return self._said

    def _planned(self, width: int, height: int, aspect: Fraction, orientation: Orientation) -> _Plan:
        """Return the plan for a shape; the first one's decides the size of all pictures."""
        # No line or column is lost: the shorter side of a pixel is stretched.
        square = (width * float(aspect), float(height)) if aspect >= 1 else (width, height / float(aspect))
        shown = square[::-1] if orientation.transposed else square
        if self.size is None:
            scale = min(
                1.0, (self._max_height or shown[1]) / shown[1], (MAX_AREA / (shown[0] * shown[1])) ** 0.5
            )
            self.size = _rounded(shown, scale)
            target, corner = self.size, (0, 0)
        else:
            whole = self.size
            scale = min(whole[0] / shown[0], whole[1] / shown[1])
            # Rounded sizes of one shape differ by a pixel: that is no reason for a black line.
            target = tuple(
                w if abs(w - p) <= 1 else p for w, p in zip(whole, _rounded(shown, scale), strict=True)
            )  # type: ignore[assignment]
            corner = (whole[0] - target[0]) // 2, (whole[1] - target[1]) // 2
        return _Plan(target[::-1] if orientation.transposed else target, orientation, corner)

    def _eight_bits(self, frame: Any, size: tuple[int, int]) -> Any:
        """Return an SDR frame of more bits with 8, where that costs nothing.

        Swscale has no fast way from more bits to BGR: over 8 bits it is quicker, and gives the very pixels
        that the same video has in 8 bits. Where it scales anyway, one pass is quicker.
        """
        deep = _DEEP.fullmatch(frame.format.name) if size == (frame.width, frame.height) else None
        return frame if deep is None else self._reducer.reformat(frame, format=deep[1], threads=1)

    def _convert(self, frame: Any, size: tuple[int, int], pixels: str) -> Any:
        for colorspace in (None, Colorspace.ITU709):  # swscale refuses a matrix it does not know
            with suppress(av.FFmpegError, ValueError, OSError):
                source = self._eight_bits(frame, size) if pixels == "bgr24" else frame
                return self._reformatter.reformat(
                    source, *size, pixels, src_colorspace=colorspace, threads=1
                ).to_ndarray()
        return None

    def _placed(self, image: Image) -> Image:
        """Return the upright image inside a picture of the source's size."""
        if self.size is None or image.shape[1::-1] == self.size:
            return image
        picture = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        left, top = self._plan.corner
        picture[top : top + image.shape[0], left : left + image.shape[1]] = image
        return picture


def _sane(stated: Fraction | None) -> Fraction:
    """Return the pixel aspect that a stream or a codec states, 1 when it states none or nonsense."""
    ratio = stated or _SQUARE
    return ratio if 1 / _MOST_OBLONG <= ratio <= _MOST_OBLONG else _SQUARE


def _rounded(size: tuple[float, float], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
