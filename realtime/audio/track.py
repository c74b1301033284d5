"""Decodes the expert's sound in pieces from any place: an hour needs no more memory than a second."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from posesync.pose.decoding import decoded_frames, main_stream
from posesync.pose.errors import SourceError
from posesync.pose.opening import first_picture, open_media

logger = logging.getLogger(__name__)

#: (N, 2) float32, left and right, −1..1.
Samples = npt.NDArray[np.float32]

#: Samples per s of everything that is played.
RATE: Final = 44_100
#: s ahead beyond which seeking is faster than decoding on.
_AHEAD: Final = 2.0
#: s by which seeking goes further back: codecs need some packets before they sound right.
_RUN_UP: Final = 0.2
#: s by which a file's time stamps may differ from its sample count before they are used instead.
_JITTER: Final = 0.05

# As in pose.video_file: a playlist in disguise must not make FFmpeg fetch anything else.


class SoundTrack:
    """The sound that players choose of a video, on its pictures' clock: 0 is the first. For one thread.

    Args:
        path: path of the video.

    Raises:
        SourceError: no such file, it cannot be read, or there is no sound in it.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._container: Any = open_media(path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"the sound of {path} cannot be read ({error}): check the file") from None
        self._stream: Any = main_stream(self._container, "audio")
        if self._stream is None:
            self._container.close()
            raise SourceError(f"{path.name} has no sound: the expert stays silent")
        try:
            self._origin = first_picture(path)
        except (av.FFmpegError, OSError) as error:
            self._container.close()
            raise SourceError(f"the sound of {path} cannot be read ({error}): check the file") from None
        self._chunks: deque[tuple[int, Samples]] = deque()
        self._floor = 0
        self._begin_decoding()

    @property
    def duration(self) -> float | None:
        """Length, s, according to the container; None when not given."""
        stream = self._stream
        if stream.duration is None or stream.time_base is None:
            return None
        return float(stream.duration * stream.time_base)

    def read(self, start: int, count: int) -> Samples:
        """Return ``count`` samples from number ``start`` (0 is the first picture); silence in gaps.

        Reading on from the end of the last call is cheap; any other place needs a seek.
        """
        if start < self._floor or (not self._ended and start > self._end + _AHEAD * RATE):
            self._seek(start)
        self._floor = max(start, 0)
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= start:
            self._chunks.popleft()
        while self._end < start + count and self._decode(start):
            pass
        out = np.zeros((count, 2), np.float32)
        for at, samples in self._chunks:
            lo, hi = max(at, start), min(at + len(samples), start + count)
            if lo < hi:
                out[lo - start : hi - start] = samples[lo - at : hi - at]
        return out

    def blocks(self, until: float | None = None) -> Iterator[Samples]:
        """Yield all samples from the first picture on, in order, a second at a time; up to ``until`` s."""
        start, last = 0, None if until is None else round(until * RATE)
        while last is None or start < last:
            count = RATE if last is None else min(RATE, last - start)
            samples = self.read(start, count)
            if self._ended and self._end < start + count:
                samples = samples[: max(0, self._end - start)]
                if len(samples):
                    yield samples
                return
            yield samples
            start += count

    def close(self) -> None:
        """Close the file."""
        self._frames: Iterator[Any] = iter(())
        self._chunks.clear()
        self._container.close()

    def _begin_decoding(self) -> None:
        self._frames = decoded_frames(self._container, self._stream, self._name)
        self._resampler: Any = None
        self._end = 0  # number of the sample that comes next
        self._placed = False
        self._ended = False
        self._chunks.clear()

    def _seek(self, start: int) -> None:
        moment = max(0.0, start / RATE - _RUN_UP) + self._origin
        try:
            self._container.seek(int(moment / self._stream.time_base), stream=self._stream, backward=True)
        except (av.FFmpegError, OverflowError) as error:
            logger.debug("%s: no seeking to %.2f s: %s", self._name, moment, error)
        self._begin_decoding()
        self._floor = max(start, 0)

    def _decode(self, needed: int) -> bool:
        """Decode the next frame of the file, keeping samples from ``needed`` on; False at the end."""
        frame = next(self._frames, None)
        if frame is None:
            self._ended = True
            return False
        try:
            at = round((frame.time - self._origin) * RATE) if frame.time is not None else self._end
            self._resampler = self._resampler or _resampler(frame)
            parts = [part.to_ndarray().reshape(-1, part.samples) for part in self._resampler.resample(frame)]
        except (av.FFmpegError, ValueError, OverflowError) as error:
            # The format changes here: a new resampler starts with the next frame.
            logger.debug("%s: %s", self._name, error)
            self._resampler = None
            return True
        if not self._placed or abs(at - self._end) > _JITTER * RATE:
            self._end, self._placed = at, True
        for part in parts:
            samples = np.empty((part.shape[1], 2), np.float32)
            samples[:] = part.T  # mono goes to both sides
            if self._end + len(samples) > needed:
                self._chunks.append((self._end, samples))
            self._end += len(samples)
        return True


def _resampler(frame: Any) -> Any:
    """Return a resampler to RATE and stereo; mono stays mono: FFmpeg would spread it at 0.7 of its level."""
    layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
    return av.AudioResampler(format="fltp", layout=layout, rate=RATE)
