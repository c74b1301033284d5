"""Reads video files with PyAV: true presentation times, memory that stays flat."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from .decoding import MAX_AREA, decoded_frames, frame_rate, limit_pictures, main_stream
from .errors import SourceError
from .file_length import FileLength
from .frame_source import FrameSource, Pacer, SourceInfo
from .opening import open_media
from .pictures import Pictures
from .timeline import Timeline
from .types import Frame, Image

log = logging.getLogger(__name__)

_MISSING_TAIL = 0.25  # s: containers round their duration; a smaller difference is not a break


class VideoFile(FrameSource):
    """Frames of one video file, in presentation order.

    A truncated file is used up to its end: :attr:`warning` then says how far it went. The first frame is
    decoded when the file is opened, so that an unusable file is known at once.

    Attributes:
        start: s on the file's own clock at which the first picture is shown: the source's 0.
    """

    def __init__(self, path: str | Path, *, paced: bool = False, max_height: int | None = None) -> None:
        """Open ``path``.

        Args:
            path: a video file in any format that FFmpeg reads; the stream flagged default is used,
                or else the first.
            paced: hold back each frame until it is due, as a camera would; otherwise frames come as fast as
                read.
            max_height: px; higher images are scaled down while they are converted.

        Raises:
            SourceError: no such file, not a video, no video stream, or not one frame could be decoded.
        """
        self._path = Path(path)
        self._pacer = Pacer() if paced else None
        self._container = _open(self._path)
        self._ended = False
        self._decoded: Iterator[Any] = iter(())
        self._index = 0
        self.start = 0.0
        try:
            stream = main_stream(self._container, "video")
            if stream is None:
                raise SourceError(f"{self._path} has no video stream: give a video file, not sound alone")
            limit_pictures(stream)
            stream.thread_type = "AUTO"  # slice and frame threads: measured fastest on 2 cores
            self._stream = stream
            stated = stream.codec_context.width, stream.codec_context.height
            self._fps = frame_rate(stream)
            self._timeline = Timeline(self._fps)
            self._length = FileLength.of(self._container, stream)
            self._pictures = Pictures(stream, max_height)
            passing = self._length.see if self._length.is_shared else None
            self._decoded = decoded_frames(self._container, stream, self._path.name, passing)
            self._pending = self._next_frame()
            if self._pending is None:
                raise SourceError(self._why_no_frame(*stated))
        except BaseException:
            self.close()
            raise
        self.info = self._describe(self._pending.image)
        self._check_end()

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end, also of a truncated file."""
        frame = self._pending
        self._pending = None
        if frame is None and not self._ended:
            frame = self._next_frame()
            self._check_end()
        if frame is not None and self._pacer is not None:
            self._pacer.wait(frame.time)
        return frame

    def close(self) -> None:
        """Close the file."""
        self._ended = True
        self._pending = None
        self._decoded = iter(())
        self._container.close()

    def _next_frame(self) -> Frame | None:
        for decoded in self._decoded:
            if (image := self._pictures.make(decoded)) is not None:
                if self._index == 0:
                    self.start = float(decoded.time or 0.0)
                frame = Frame(image, self._timeline.add(decoded.time), self._index)
                self._index += 1
                return frame
        self._ended = True
        return None

    def _why_no_frame(self, width: int, height: int) -> str:
        if width * height > MAX_AREA:
            return (
                f"{self._path} is {width} × {height} px, expected 8K (7680 × 4320) at most: make it smaller"
            )
        return (
            f"{self._path} has no frame that can be decoded: "
            "check that it plays elsewhere, or export it again as MP4 (H.264)"
        )

    def _describe(self, image: Image) -> SourceInfo:
        return SourceInfo(
            name=self._path.name,
            kind="file",
            width=image.shape[1],
            height=image.shape[0],
            fps=self._fps,
            duration=self._length.promised,
            frames=self._stream.frames or None,
        )

    def _check_end(self) -> None:
        """Compare the frames delivered with what the container promised, at the end."""
        if not self._ended or self.warning is not None:
            return
        reached = (self._timeline.last or 0.0) + self._timeline.interval
        missing, promised = self._length.missing(reached), self._length.promised
        if promised is not None and missing > max(_MISSING_TAIL, 2 * self._timeline.interval):
            self.warning = (
                f"{self._path.name} breaks off at {reached:.1f} s of {promised:.1f} s: "
                "it is used up to there; copy or export it again for the rest"
            )
            log.warning("%s", self.warning)


def _open(path: Path) -> Any:
    """Open a file for reading; its errors say what to do."""
    if not path.exists():
        raise SourceError(f"{path} does not exist: check the path, or give a camera number such as 0")
    if path.is_dir():
        raise SourceError(f"{path} is a folder: give a video file")
    if not path.is_file():
        raise SourceError(f"{path} is not a regular file but a pipe or a device: give a video file")
    if not os.access(path, os.R_OK):
        raise SourceError(f"no permission to read {path}: change its permissions")
    try:
        return open_media(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(
            f"{path} is not a video that can be read ({_reason(path, error)}): "
            "give a complete video file such as MP4, MOV, MKV or WebM"
        ) from error


def _reason(path: Path, error: Exception) -> str:
    """Return why FFmpeg refused the file, in words that help."""
    if path.stat().st_size == 0:
        return "the file is empty"
    if _is_mp4_without_index(path):
        return "its index is missing, the recording was cut off"
    return getattr(error, "strerror", None) or type(error).__name__


def _is_mp4_without_index(path: Path) -> bool:
    """Return whether a file is an MP4 or MOV without its ``moov`` box, which cameras write last."""
    with path.open("rb") as file:
        first, start, size = True, 0, path.stat().st_size
        while start + 8 <= size:
            file.seek(start)
            header = file.read(16)
            kind, length = header[4:8], int.from_bytes(header[:4], "big")
            if (first and kind != b"ftyp") or kind == b"moov":
                return False
            if length == 1:  # ISO/IEC 14496-12, 4.2: the length follows, 64 bits long
                length = int.from_bytes(header[8:16], "big")
            if length < 8:  # 0 means up to the end of the file
                break
            first, start = False, start + length
    return not first
