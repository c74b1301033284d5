"""Writes video that a browser plays: H.264 in MP4, playable even when the session is cut short."""

from __future__ import annotations

import errno
import logging
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2

from .errors import InvalidDataError, OutputError
from .files import PartFile, output_error, reason_of
from .h264 import CLOCK, add_video, picture
from .remux import count_pictures, format_for, put_index_first, repair_fragments
from .types import Image
from .unfinished import Entry

log = logging.getLogger(__name__)

_KEYFRAMES = 2.0  # s between two: the granularity of seeking


class VideoWriter:
    """Encodes images into an MP4 file (H.264, yuv420p, index first).

    While recording, it writes a hidden file beside the target, made of fragments, so that it plays up to the
    last one whatever happens. :meth:`close` turns it into an ordinary MP4 under its real name. As a context
    manager it does so also when the block ends by Ctrl-C or, with ``keep_partial``, by an error.

    Attributes:
        path: path of the finished file.
        frames: number of images written.
        duration: s, length of the video written so far.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: Fraction | float,
        *,
        audio_from: str | Path | None = None,
        preset: str = "veryfast",
        crf: int = 23,
        threads: int = 0,
        keep_partial: bool = True,
        prompt: bool = False,
        entry: Entry | None = None,
    ) -> None:
        """Begin a file.

        Args:
            path: ends in ``.mp4``, ``.m4v`` or ``.mov``; replaced only when the new file is complete.
            width: width of the images, px; an odd one is padded by repeating the last column.
            height: height of the images, px; likewise.
            fps: images per second, for those written without a time.
            audio_from: a file whose sound (AAC or MP3) is added to the video from its beginning.
            preset: x264's preset, from ``ultrafast`` to ``veryslow``.
            crf: constant rate factor of x264, 0..51; lower is better and larger.
            threads: number of encoder threads; 0 lets it choose.
            keep_partial: complete the file when the block ends by an error; False deletes it.
            prompt: have every picture in the hidden file with the next one, for :func:`.remux.recover`: only
                complete fragments survive a kill.
            entry: who recovers the file after a kill; None: nobody, the next start removes it.

        Raises:
            OutputError: the folder is missing or not writable, the name has another suffix, or PyAV was built
                without libx264.
            InvalidDataError: a size or the rate is not positive.
        """
        if width < 1 or height < 1 or not fps > 0:
            raise InvalidDataError(
                f"a video of {width} × {height} at {fps} fps cannot be written: expected positive numbers"
            )
        self.path = Path(path)
        self.width, self.height = width, height
        self.frames = 0
        self._audio_from = Path(audio_from) if audio_from is not None else None
        self._keep_partial = keep_partial
        self._interval = max(1, round(CLOCK / fps))
        self._first: float | None = None
        self._pts = -self._interval
        self._done = False
        self._format = format_for(self.path)
        self._file = _begin(self.path, entry)
        self._part = self._file.path
        self._container: Any = av.open(
            f"file:{self._part.absolute()}",
            "w",
            format=self._format,
            # Flushed, so that everything written is with the system when the process is killed.
            options={
                "movflags": f"frag_{'every_frame' if prompt else 'keyframe'}+empty_moov+default_base_moof",
                "flush_packets": "1",
            },
        )
        try:
            self._stream = self._add_video(fps, preset, crf, threads, prompt)
        except OutputError:
            self.abort()
            raise

    @property
    def duration(self) -> float:
        """Length of the video written so far, s."""
        return (self._pts + self._interval) / CLOCK if self.frames else 0.0

    def write(self, image: Image, time: float | None = None) -> None:
        """Append one image.

        Args:
            image: (height, width, 3) uint8 BGR.
            time: s, on any clock; the first one is the beginning of the video. None: one interval after the
                last.

        Raises:
            InvalidDataError: the image has another shape, or the writer is closed.
            OutputError: the disk is full; the part written so far is kept and plays.
        """
        if self._done:
            raise InvalidDataError(f"{self.path} is closed already: open a new writer")
        if image.shape != (self.height, self.width, 3) or image.dtype != "uint8":
            raise InvalidDataError(
                f"the image is {image.shape} {image.dtype}, expected ({self.height}, {self.width}, 3) uint8: "
                "scale it first"
            )
        right, bottom = self.width % 2, self.height % 2
        if right or bottom:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
        pts = self._next_pts(time)
        frame = picture(image, pts)
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._broken(error) from error
        self._pts = pts
        self.frames += 1

    @property
    def written_to(self) -> Path:
        """Return the hidden file that is being written."""
        return self._part

    def give_up(self, error: Exception) -> None:
        """Keep what was written under the real name, after a failure elsewhere.

        Raises:
            OutputError: always; it says what is kept.
        """
        if self._done:
            raise error
        raise self._broken(error) from error

    def close(self) -> None:
        """Complete the file under its real name; without any image no file is made. May be called twice.

        Raises:
            OutputError: the disk is full; the part written so far is kept and plays.
        """
        if self._done:
            return
        if not self.frames:
            log.warning("nothing was recorded: %s is not written", self.path)
            self.abort()
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            # FFmpeg does not report a disk that fills up while its last buffer is flushed.
            if count_pictures(self._part) < self.frames:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except (av.FFmpegError, OSError) as error:
            raise self._broken(error) from error
        self._done = True
        self._finish()

    def abort(self) -> None:
        """Delete the recording; a file that was at the path before stays."""
        self._done = True
        self._close_quietly()
        self._file.discard()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt) or self._keep_partial:
            self.close()
        else:
            self.abort()

    def _add_video(self, fps: Fraction | float, preset: str, crf: int, threads: int, prompt: bool) -> Any:
        rate = Fraction(fps).limit_denominator(1001)
        options = {"preset": preset, "crf": str(crf)}
        if prompt:
            options["bf"] = "0"
        if self._audio_from is not None:
            options["bf"] = "0"  # B-frames would put the first picture two frames after the sound
        size = self.width + self.width % 2, self.height + self.height % 2
        stream = add_video(self._container, size, rate, options, threads=threads)
        if prompt:
            # Threads that share a picture: others hold one back each, as B-frames do, lost with the process.
            stream.codec_context.thread_type = "SLICE"
        stream.codec_context.gop_size = max(1, round(_KEYFRAMES * float(rate)))
        return stream

    def _next_pts(self, time: float | None) -> int:
        if time is None:
            return self._pts + self._interval
        if self._first is None:
            # Earlier images may have been written without a time: the clock is set so that this one follows
            # them.
            self._first = time - (self._pts + self._interval) / CLOCK
        return max(self._pts + 1, round((time - self._first) * CLOCK))

    def _finish(self) -> None:
        """Turn the fragments into an MP4 with the index first; if that fails, they become the file."""
        try:
            put_index_first(self._part, self._format, self._audio_from, self.duration)
        finally:
            try:
                self._file.take_place()
            except OSError as error:
                self._file.discard()
                raise output_error(error, self.path) from error

    def _broken(self, error: Exception) -> OutputError:
        """Keep the part that was written, and return the error that says so."""
        self._done = True
        self._close_quietly()
        try:
            kept = repair_fragments(self._part)
            if kept > 0:
                self._file.take_place()
        except OSError as problem:
            log.debug("%s: %s", self._part, problem)
            kept = 0.0
        if kept > 0:
            result = f"about the first {kept:.1f} s are kept and play"
        else:
            self._file.discard()
            result = "nothing is kept"
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else reason_of(error)
        return OutputError(
            f"{self.path} cannot be written further ({reason}), {result}: free space or choose another "
            "folder",
            reason=reason,
        )

    def _close_quietly(self) -> None:
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            log.debug("%s: closing: %s", self._part, error)


def _begin(path: Path, entry: Entry | None) -> PartFile:
    """Make the hidden file now: that the folder cannot be written to must not show after the session."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist: create it, or choose another")
    try:
        return PartFile(path, entry=entry, kind="video")
    except OSError as error:
        raise OutputError(
            f"{path.parent} cannot be written to ({reason_of(error)}): choose another folder",
            reason=reason_of(error),
        ) from error
