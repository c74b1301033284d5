"""A folder of numbered images as a source of frames."""

from __future__ import annotations

import re
from pathlib import Path

import av
import cv2
import numpy as np

from .decoding import MAX_AREA, PICTURE_LIMIT
from .errors import SourceError
from .frame_source import FrameSource, Pacer, SourceInfo
from .types import Frame, Image

_OPTIONS = {"protocol_whitelist": "file", **PICTURE_LIMIT}

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


class ImageFolder(FrameSource):
    """The images of one folder in natural order (2 before 10), at a constant rate."""

    def __init__(
        self, folder: str | Path, *, fps: float = 30.0, paced: bool = False, max_height: int | None = None
    ) -> None:
        """Open a folder.

        Args:
            folder: a folder of JPEG, PNG, BMP, WebP or TIFF images of one size; sub-folders are not read.
            fps: images per second.
            paced: hold back each image until it is due.
            max_height: px; higher images are scaled down.

        Raises:
            SourceError: the folder holds no image, or the first cannot be read.
        """
        self._folder = Path(folder)
        self._fps = fps
        self._max_height = max_height
        self._pacer = Pacer() if paced else None
        try:
            files = [f for f in self._folder.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file()]
        except OSError as error:
            raise SourceError(
                f"{folder} cannot be listed ({error.strerror}): give a folder of images"
            ) from error
        if not files:
            raise SourceError(f"{folder} holds no images: put JPEG or PNG files there, or give a video file")
        self._files = sorted(files, key=_natural)
        self._index = 0
        self._first: Image | None = self._load(self._files[0])
        height, width = self._first.shape[:2]
        count = len(self._files)
        self.info = SourceInfo(self._folder.name, "folder", width, height, fps, count / fps, count)

    def read(self) -> Frame | None:
        """Return the next image, or None after the last.

        Raises:
            SourceError: an image cannot be read or has another size than the first.
        """
        if self._index >= len(self._files):
            return None
        file = self._files[self._index]
        image = self._first if self._first is not None else self._load(file)
        self._first = None
        if image.shape[:2] != (self.info.height, self.info.width):
            raise SourceError(
                f"{file} is {image.shape[1]} × {image.shape[0]}, expected {self.info.width} × "
                f"{self.info.height} as the first image: give images of one size"
            )
        frame = Frame(image, self._index / self._fps, self._index)
        self._index += 1
        if self._pacer is not None:
            self._pacer.wait(frame.time)
        return frame

    def close(self) -> None:
        """Stop reading."""
        self._files = []
        self._first = None

    def _load(self, file: Path) -> Image:
        try:
            _check_area(file)
            # cv2.imread fails on Windows for paths beyond ASCII; decoding from memory does not.
            data = np.fromfile(file, np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        except (OSError, cv2.error):
            image = None
        if image is None:
            raise SourceError(f"{file} is not an image that can be read: take it out of the folder")
        height, width = image.shape[:2]
        if self._max_height is not None and height > self._max_height:
            size = (max(1, round(width * self._max_height / height)), self._max_height)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return image.astype(np.uint8, copy=False)


def _check_area(file: Path) -> None:
    """Raise for an image that is too large, before OpenCV decodes it: that would take the memory already.

    FFmpeg's decoders keep the limit; what they refuse has no size.
    """
    try:
        with av.open(f"file:{file.absolute()}", options=_OPTIONS) as container:
            codec = container.streams.video[0].codec_context
            width, height = codec.width, codec.height
    except (av.FFmpegError, OSError, ValueError, IndexError, AttributeError):
        width = height = 0
    if not 0 < width * height <= MAX_AREA:
        raise SourceError(
            f"{file} is not an image that can be read, of 8K (7680 × 4320) at most: "
            "make it smaller, or take it out of the folder"
        )


def _natural(file: Path) -> list[tuple[int, int, str]]:
    """Return a sort key that compares digits as numbers."""
    parts = re.split(r"(\d+)", file.name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
