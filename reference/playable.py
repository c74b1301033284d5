"""Makes a copy of the expert's video that any browser plays and seeks at once, on the reference's clock.

A player's clock is the file's own: here the first picture is at 0 and every picture at the time that the
reference gives it, so ``video.currentTime`` is a position in the reference. The copy is upright, small enough
to be decoded at once, has a key frame every half second, no B-frames, its index first, and the sound in sync.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from posesync.pose.decoding import decoded_frames, main_stream
from posesync.pose.errors import OutputError
from posesync.pose.files import PartFile, make_private_folder, output_error
from posesync.pose.folders import cache_folder
from posesync.pose.h264 import CLOCK, add_video, picture
from posesync.pose.opening import open_media
from posesync.pose.types import Image
from posesync.pose.video_file import VideoFile

from .cache import entry_lock, sweep, use
from .content import VideoContent
from .prepare import reference_cache_dir
from .proxy import proxy_size

log = logging.getLogger(__name__)

#: px²: a phone decodes this without effort, and it is more than half a window shows.
MAX_AREA: Final = 1280 * 720
#: s between two key frames at most: that much must be decoded before a place that was jumped to can be shown.
KEY_EVERY: Final = 0.5
#: Increased when the same video gives a different copy than before.
PLAYABLE_VERSION: Final = 2
#: Pictures per second at most: of a slow-motion camera's, the others are left out.
MAX_RATE: Final = 66.0

#: Called about ten times a second with the share done, 0..1, or None when the video's length is unknown.
Advance = Callable[[float | None], None]

_RATE: Final = 48_000  # samples of sound per second
_BLOCK: Final = 1024  # samples in one AAC frame
_JITTER: Final = 0.05  # s by which sound time stamps may differ from the sample count, as in the window
_BACK: Final = 1.0  # s; a larger step back means that the clock of a joined recording began again
_REPORT_EVERY: Final = 0.1

Samples = npt.NDArray[np.float32]


def playable_cache_dir() -> Path:
    """Return the folder that playable copies are kept in by default."""
    return cache_folder() / "playable"


def playable_file(
    video: str | Path, *, cache_dir: str | Path | None = None, progress: Advance | None = None
) -> Path:
    """Return the playable copy of a video, made now or taken from the cache, where content identifies it.

    Args:
        video: the file.
        cache_dir: where copies are kept; by default :func:`playable_cache_dir`.
        progress: see :func:`make_playable`.

    Raises:
        SourceError: no such file, or not a video.
        OutputError: the disk is full, or the cache folder is not writable.
    """
    cache = Path(cache_dir) if cache_dir is not None else playable_cache_dir()
    memory = reference_cache_dir() if cache_dir is None else cache
    content = VideoContent.of(Path(video), memory)
    target = cache / f"{content.sha256[:32]}-{PLAYABLE_VERSION}.mp4"
    if not target.is_file():
        try:
            make_private_folder(cache)
        except OSError as error:
            raise output_error(error, cache) from error
        with entry_lock(target) as waited:
            if not (waited and target.is_file()):  # whoever was waited for may have done the work
                sweep(cache)
                make_playable(video, target, progress=progress)
    use(target)
    content.remember(memory)
    return target


def make_playable(video: str | Path, target: Path, *, progress: Advance | None = None) -> None:
    """Write the playable copy of a video: H.264 and AAC in MP4, whatever the source format.

    Memory stays flat however long the video is. Any interruption, including an exception from ``progress``
    (that is how to cancel), leaves nothing half-written.

    Args:
        video: the file.
        target: the copy; replaced only when the new one is complete.
        progress: called about ten times a second, and once at the end.

    Raises:
        SourceError: no such file, or not a video.
        OutputError: the disk is full, the folder missing or not writable, or PyAV lacks the encoder.
    """
    with VideoFile(video) as look:
        info = look.info
    width, height = proxy_size(info.width, info.height, MAX_AREA)
    with (
        VideoFile(video, max_height=max(height, 2)) as source,
        _Copy(target, (width, height), min(info.fps or 30.0, MAX_RATE)) as copy,
        _Sound(Path(video), source.start, copy) as sound,
    ):
        reported = time.monotonic()
        for frame in source:
            copy.write(frame.image, frame.time)
            sound.until(frame.time)
            if progress is not None and time.monotonic() - reported >= _REPORT_EVERY:
                reported = time.monotonic()
                progress(min(1.0, frame.time / info.duration) if info.duration else None)
        sound.until(copy.duration)
        sound.finish()
    if progress is not None:
        progress(1.0)


class _Copy:
    """The file being written, under a temporary name until it is complete."""

    def __init__(self, target: Path, size: tuple[int, int], fps: float) -> None:
        self._target, self._size = target, size
        try:
            self._part = PartFile(target)
        except OSError as error:
            raise output_error(error, target) from error
        self._interval = 1.0 / fps
        self._frames = 0
        self._last = self._key = 0.0
        try:
            self.container: Any = av.open(
                f"file:{self._part.path.absolute()}", "w", format="mp4", options={"movflags": "faststart"}
            )
            self._stream = add_video(
                self.container,
                size,
                Fraction(fps).limit_denominator(1001),
                {"preset": "veryfast", "crf": "23", "bf": "0", "forced-idr": "1"},
                threads=2,  # practice sessions run at the same time
            )
            self._stream.time_base = Fraction(1, CLOCK)
        except (av.FFmpegError, OSError) as error:
            self._part.discard()
            raise output_error(error, target) from error
        except OutputError:
            self._part.discard()
            raise

    @property
    def duration(self) -> float:
        """Seconds to the end of the last picture."""
        return self._last + self._interval

    def write(self, image: Image, moment: float) -> None:
        """Add a picture at ``moment`` s, unless it follows the last one too closely."""
        if self._frames and moment - self._last < 1 / MAX_RATE:
            return
        width, height = self._size
        pts = round(moment * CLOCK)
        frame = picture(image, pts, width=width, height=height, interpolation="AREA")
        frame.duration = round(self._interval * CLOCK)
        # The next picture would come too late for a key frame; its time is extrapolated from this one's.
        if self._frames and moment + (moment - self._last) - self._key > KEY_EVERY + 1e-4:
            frame.pict_type = av.video.frame.PictureType.I
            self._key = moment
        self.mux(self._stream.encode, frame)
        self._last = moment
        self._frames += 1

    def mux(self, encode: Callable[[Any], Any], frame: Any) -> None:
        """Encode a frame and write the resulting packets; None flushes the encoder.

        Raises:
            OutputError: the disk is full.
        """
        try:
            self.container.mux(encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise output_error(error, self._target) from error

    def __enter__(self) -> _Copy:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._abort()
            return
        try:
            self.mux(self._stream.encode, None)
            self.container.close()
            # FFmpeg does not report a disk that fills up while its last buffer is flushed.
            if not _is_whole(self._part.path, self._frames):
                raise OSError(28, "No space left on device")
            self._part.take_place()
        except (av.FFmpegError, OSError) as error:
            raise output_error(error, self._target) from error
        finally:
            self._abort()

    def _abort(self) -> None:
        """Leave nothing; delete before closing, or FFmpeg would first move the index of a long file."""
        for _ in range(2):  # an open file cannot be deleted on Windows
            self._part.discard()
            with suppress(av.FFmpegError, OSError, ValueError):
                self.container.close()


class _Sound:
    """Writes the sound that players take as AAC on the pictures' clock; nothing for a video without sound.

    The file is opened a second time and read no further than the pictures are, so nothing piles up when
    pictures and sound lie far apart in the video.
    """

    def __init__(self, video: Path, origin: float, copy: _Copy) -> None:
        self._copy = copy
        self._source: Any = open_media(video)
        self._origin = origin  # s on the file's clock: the first picture, the reference's 0
        track = main_stream(self._source, "audio")
        self._stream: Any = None
        self._frames: Iterator[Any] = iter(())
        self._blocks = np.zeros((1, 0), np.float32)
        self._next = 0  # number of the sample that is written next
        self._heard: int | None = None  # number of the sample that is decoded next
        self._held: tuple[int, Samples] | None = None
        self._resampler: Any = None
        if track is not None and track.codec_context.sample_rate:
            self._frames = self._decode(track, video.name)
            self._layout = "mono" if track.codec_context.layout.nb_channels == 1 else "stereo"
            self._blocks = np.zeros((1 if self._layout == "mono" else 2, 0), np.float32)
            self._stream = copy.container.add_stream("aac", rate=_RATE)  # 128 kbit/s
            self._stream.codec_context.layout = self._layout

    def until(self, moment: float) -> None:
        """Write the sound up to ``moment`` s, silence in gaps, and nothing after its end."""
        end = round(moment * _RATE)
        while self._stream is not None and self._next < end:
            if self._held is None:
                self._held = next(self._frames, None)
            if self._held is None:
                return
            at, samples = self._held
            if at > self._next:
                silence = min(at - self._next, end - self._next, _RATE)
                self._write(np.zeros((len(samples), silence), np.float32))
                continue
            part = samples[:, self._next - at :][:, : end - self._next]
            self._write(part)
            if self._next >= at + samples.shape[1]:
                self._held = None

    def finish(self) -> None:
        """Write the rest of the last block."""
        if self._stream is None:
            return
        if self._blocks.shape[1]:
            self._encode(self._blocks)
        self._copy.mux(self._stream.encode, None)

    def _write(self, samples: Samples) -> None:
        self._next += samples.shape[1]
        self._blocks = np.hstack([self._blocks, samples])
        while self._blocks.shape[1] >= _BLOCK:
            self._encode(self._blocks[:, :_BLOCK])
            self._blocks = self._blocks[:, _BLOCK:]

    def _encode(self, samples: Samples) -> None:
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        begin = self._next - self._blocks.shape[1]
        block.sample_rate, block.pts, block.time_base = _RATE, begin, Fraction(1, _RATE)
        self._copy.mux(self._stream.encode, block)

    def _decode(self, stream: Any, name: str) -> Iterator[tuple[int, Samples]]:
        """Yield (number of the first sample, samples (channels, N)) in order."""
        for frame in decoded_frames(self._source, stream, name):
            try:
                self._resampler = self._resampler or av.AudioResampler("fltp", self._layout, _RATE)
                parts = [
                    part.to_ndarray().reshape(-1, part.samples) for part in self._resampler.resample(frame)
                ]
            except (av.FFmpegError, ValueError, OverflowError) as error:
                # The format changes here: a new resampler starts with the next frame.
                log.debug("%s: %s", name, error)
                self._resampler = None
                continue
            self._place(frame.time)
            for part in parts:
                at = self._heard or 0
                self._heard = at + part.shape[1]
                yield at, part.astype(np.float32, copy=False)

    def _place(self, raw: float | None) -> None:
        """Set where the last decoded frame begins: the sample count, unless its time differs clearly."""
        if raw is None:
            self._heard = self._heard or 0
            return
        at = round((raw - self._origin) * _RATE)
        if self._heard is None:
            self._heard = at
        elif at < self._heard - _BACK * _RATE:
            self._origin = raw - self._heard / _RATE
        elif abs(at - self._heard) > _JITTER * _RATE:
            self._heard = at

    def __enter__(self) -> _Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self._frames = iter(())
        self._source.close()


def _is_whole(path: Path, frames: int) -> bool:
    """Return whether the file holds everything that was written to it."""
    with open_media(path) as container:
        entries = container.streams.video[0].index_entries
        end = max((entry.pos + entry.size for entry in entries), default=0)
        return len(entries) == frames and end <= path.stat().st_size
