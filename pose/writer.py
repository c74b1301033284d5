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

from .decoding import ODD_METADATA
from .errors import InvalidDataError, OutputError
from .fragments import repair
from .h264 import CLOCK, add_video, picture
from .types import Image

log = logging.getLogger(__name__)

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
_COPIED_AUDIO = frozenset({"aac", "mp3"})  # formats that every browser plays inside MP4
_KEYFRAMES = 2.0  # s between two: the granularity of seeking, and the most that a crash can cost


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
        self._format = _format_for(self.path)
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        _check_folder(self.path, self._part)
        self._container: Any = av.open(
            f"file:{self._part.absolute()}",
            "w",
            format=self._format,
            # Flushed, so that everything written is on the disk when the process is killed.
            options={"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"},
        )
        try:
            self._stream = self._add_video(fps, preset, crf, threads)
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
        except (av.FFmpegError, OSError) as error:
            raise self._broken(error) from error
        self._done = True
        self._finish()

    def abort(self) -> None:
        """Delete the recording; a file that was at the path before stays."""
        self._done = True
        self._close_quietly()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt) or self._keep_partial:
            self.close()
        else:
            self.abort()

    def _add_video(self, fps: Fraction | float, preset: str, crf: int, threads: int) -> Any:
        rate = Fraction(fps).limit_denominator(1001)
        options = {"preset": preset, "crf": str(crf)}
        if self._audio_from is not None:
            options["bf"] = "0"  # B-frames would put the first picture two frames after the sound
        size = self.width + self.width % 2, self.height + self.height % 2
        stream = add_video(self._container, size, rate, options, threads=threads)
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
        whole = self._part.with_suffix(".whole")
        try:
            _remux(self._part, whole, self._format, self._audio_from, self.duration)
            whole.replace(self.path)
            self._part.unlink(missing_ok=True)
        except BaseException as error:
            whole.unlink(missing_ok=True)
            self._part.replace(self.path)
            if not isinstance(error, (av.FFmpegError, OSError)):
                raise
            log.warning("%s is kept in fragments (%s): it plays, but seeks slowly", self.path, error)

    def _broken(self, error: Exception) -> OutputError:
        """Keep the part that was written, and return the error that says so."""
        self._done = True
        self._close_quietly()
        try:
            repair(self._part)
        except OSError as problem:
            log.debug("%s: mending: %s", self._part, problem)
        kept = _playable_seconds(self._part)
        number = getattr(error, "errno", None)
        full = number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else str(getattr(error, "strerror", None) or error)
        if kept > 0:
            self._part.replace(self.path)
            result = f"about the first {kept:.1f} s are kept and play"
        else:
            self._part.unlink(missing_ok=True)
            result = "nothing is kept"
        return OutputError(
            f"{self.path} cannot be written further ({reason}), {result}: free space or choose another folder"
        )

    def _close_quietly(self) -> None:
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            log.debug("%s: closing: %s", self._part, error)


def _format_for(path: Path) -> str:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(f"{path} is not a name for a video: use the suffix .mp4") from None


def _check_folder(path: Path, part: Path) -> None:
    """Check now, not after the session, whether the file can be written there."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist: create it, or choose another")
    try:
        with part.open("wb"):
            pass
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise OutputError(f"{path.parent} cannot be written to ({reason}): choose another folder") from error


def _remux(part: Path, whole: Path, container: str, audio_from: Path | None, duration: float) -> None:
    """Copy the packets into a file whose index comes first, with the sound of another file, if any."""
    with (
        av.open(f"file:{part.absolute()}") as source,
        av.open(
            f"file:{whole.absolute()}", "w", format=container, options={"movflags": "faststart"}
        ) as target,
    ):
        video = source.streams.video[0]
        copy: Any = target.add_stream_from_template(video)
        sound = _open_sound(audio_from) if audio_from is not None else None
        try:
            track: Any = (
                target.add_stream_from_template(sound.streams.audio[0]) if sound is not None else None
            )
            for packet in source.demux(video):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
            if sound is not None:
                _copy_sound(sound, target, track, duration)
        finally:
            if sound is not None:
                sound.close()


def _open_sound(path: Path) -> Any | None:
    """Return the opened file at ``path`` if its sound can be copied; otherwise None, with a warning."""
    try:
        source: Any = av.open(
            f"file:{path.absolute()}", options={"protocol_whitelist": "file"}, **ODD_METADATA
        )
    except (av.FFmpegError, OSError) as error:
        log.warning("the video is silent: the sound of %s cannot be read (%s)", path, error)
        return None
    tracks = source.streams.audio
    if not tracks or tracks[0].codec_context.name not in _COPIED_AUDIO:
        kind = tracks[0].codec_context.name if tracks else "none"
        log.warning("the video is silent: %s has sound %s, expected AAC or MP3", path.name, kind)
        source.close()
        return None
    return source


def _copy_sound(source: Any, target: Any, track: Any, duration: float) -> None:
    for packet in source.demux(source.streams.audio[0]):
        if packet.dts is None:
            continue
        if float(packet.dts * packet.time_base) >= duration:
            return
        packet.stream = track
        target.mux(packet)


def _playable_seconds(path: Path) -> float:
    """Return how much of a truncated file can be decoded, s; 0 when nothing."""
    try:
        with av.open(f"file:{path.absolute()}") as container:
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.pts is not None]
            return max((float((p.pts + (p.duration or 0)) * p.time_base) for p in packets), default=0.0)
    except (av.FFmpegError, OSError, IndexError):
        return 0.0
