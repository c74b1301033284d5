"""The proxy: an intra-only copy of the expert's video at display size, for random access without delay.

Each frame is a separate JPEG in a QuickTime file that any player opens, with the source's own times. The
index (position, size, time of each frame) is read once; after that a frame is a slice of a memory map and one
JPEG decode. Seeking in the source instead would decode from the last key frame, seconds away.
"""

from __future__ import annotations

import math
import mmap
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import av
import cv2
import numpy as np
from posesync.pose.errors import InvalidDataError, ReferenceFileError
from posesync.pose.files import PartFile, output_error
from posesync.pose.opening import open_media
from posesync.pose.types import FloatArray, Image

#: px²: 854 × 480, about half of a 1280 × 720 window; decoding time and file size are proportional to it.
MAX_AREA: Final = 854 * 480
#: JPEG quality 0..100. A frame of textured outdoor video takes 75 kB: 1.3 GB for ten minutes at 30 fps.
QUALITY: Final = 75
#: Frames per second kept at most. At 60 fps every other frame is kept: the screen shows no more than 30, and
#: this halves the disk space; uneven 30 fps are kept completely.
MAX_FPS: Final = 40.0

_TOLERANCE: Final = 1e-4  # s, tolerance for rounded presentation times
_TIME_BASE: Final = Fraction(1, 90_000)
_AGAIN: Final = "run `posesync prepare --force` on the expert's video"


def proxy_size(width: int, height: int, max_area: int = MAX_AREA) -> tuple[int, int]:
    """Return (width, height), px, even: the source's shape within ``max_area`` px², never enlarged."""
    scale = min(1.0, math.sqrt(max_area / (width * height)))
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


class ProxyWriter:
    """Writes a proxy frame by frame; memory stays flat however long the video is.

    The file appears under its name only when :meth:`close` succeeds; :meth:`abort` leaves nothing. As a
    context manager it closes when the block succeeds and aborts otherwise.

    Raises:
        OutputError: from every method: the disk is full, the folder missing or not writable.
    """

    def __init__(self, path: Path, width: int, height: int, *, max_area: int = MAX_AREA) -> None:
        """Start a proxy of a source whose upright images are ``width`` × ``height`` px."""
        self.path = path
        self.size = proxy_size(width, height, max_area)
        self.frames = 0
        self._last = -math.inf
        try:
            self._part = PartFile(path)
        except OSError as error:
            raise output_error(error, path) from error
        try:
            self._container: Any = av.open(f"file:{self._part.path.absolute()}", "w", format="mov")
            self._stream = self._container.add_stream("mjpeg", rate=30)
            self._stream.width, self._stream.height = self.size
            self._stream.pix_fmt = "yuvj420p"
            # The packets are complete JPEGs, so FFmpeg's encoder never runs; its time base would round times.
            self._stream.time_base = self._stream.codec_context.time_base = _TIME_BASE
            self._container.start_encoding()  # opens the file, so that a missing folder is reported now
        except (av.FFmpegError, OSError) as error:
            self._part.discard()
            raise output_error(error, path) from error

    def write(self, image: Image, time: float) -> bool:
        """Add a frame (H, W, 3) BGR at ``time`` s; False when it is too close to the last one to be kept."""
        if time - self._last < 1 / MAX_FPS - _TOLERANCE:
            return False
        small = cv2.resize(image, self.size, interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1]
        packet = av.Packet(encoded.tobytes())
        packet.stream = self._stream
        packet.time_base = _TIME_BASE
        packet.pts = packet.dts = round(time / _TIME_BASE)
        packet.is_keyframe = True
        try:
            self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise output_error(error, self.path) from error
        self._last = time
        self.frames += 1
        return True

    def close(self) -> None:
        """Complete the file and give it its name."""
        try:
            self._container.close()
            # FFmpeg does not report a disk that fills up while its last buffer is flushed.
            with ProxyVideo.open(self._part.path) as written:
                complete = len(written.times) == self.frames
            if not complete:
                raise OSError(28, "No space left on device")
            self._part.take_place()
        except ReferenceFileError:
            self.abort()
            raise output_error(OSError(28, "No space left on device"), self.path) from None
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise output_error(error, self.path) from error

    def abort(self) -> None:
        """Delete what has been written."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError, ValueError):
            pass
        finally:
            self._part.discard()

    def __enter__(self) -> ProxyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class ProxyVideo:
    """Random access to a proxy, from any thread; a context manager.

    Attributes:
        times: (N,) float64, s, strictly increasing: the time of each kept frame in the expert's video.
        width: px.
        height: px.
    """

    def __init__(self, path: Path, times: FloatArray, spans: Any, size: tuple[int, int]) -> None:
        """Use :meth:`open`."""
        self.path = path
        self.times = times
        self.width, self.height = size
        self._spans = spans
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._shown: tuple[int, Image] | None = None

    @classmethod
    def open(cls, path: str | Path) -> ProxyVideo:
        """Open a proxy and read its index; no frame is read.

        Raises:
            ReferenceFileError: missing, corrupt or not a proxy.
        """
        path = Path(path)
        try:
            with open_media(path) as container:
                stream = container.streams.video[0]
                if stream.codec_context.name != "mjpeg":
                    raise ValueError("its frames are not JPEGs")
                size = (stream.codec_context.width, stream.codec_context.height)
                entries = np.array([(e.timestamp, e.pos, e.size) for e in stream.index_entries], np.int64)
                base = stream.time_base or _TIME_BASE
            if len(entries) == 0 or (np.diff(entries[:, 0]) <= 0).any():
                raise ValueError("its index is empty or out of order")
            if (entries[:, 1] + entries[:, 2]).max() > path.stat().st_size:
                raise ValueError("it ends too early")
            return cls(path, entries[:, 0] * float(base), entries[:, 1:].tolist(), size)
        except FileNotFoundError:
            raise ReferenceFileError(f"the expert's display copy {path} is missing: {_AGAIN}") from None
        except (av.FFmpegError, OSError, ValueError, IndexError) as error:
            raise ReferenceFileError(
                f"the expert's display copy {path} is corrupt ({_one_line(error)}): {_AGAIN}"
            ) from None

    def index_at(self, time: float) -> int:
        """Return the index of the kept frame nearest to ``time`` s, which may lie outside the video."""
        if not math.isfinite(time):
            raise InvalidDataError(
                f"time is {time}, expected finite seconds: pass a position in the expert's video"
            )
        after = int(np.searchsorted(self.times, time))
        if after == 0:
            return 0
        if after == len(self.times):
            return after - 1
        return after if self.times[after] - time < time - self.times[after - 1] else after - 1

    def frame_at(self, time: float) -> Image:
        """Return the frame nearest to ``time`` s, (height, width, 3) uint8 BGR, read-only: copy it to draw.

        Raises:
            InvalidDataError: the time is not finite.
            ReferenceFileError: the frame is corrupt.
        """
        index, shown = self.index_at(time), self._shown
        if shown is None or shown[0] != index:
            shown = self._shown = (index, self._decode(index))
        return shown[1]

    def _decode(self, index: int) -> Image:
        start, size = self._spans[index]
        try:
            decoded = cv2.imdecode(np.frombuffer(self._data, np.uint8, size, start), cv2.IMREAD_COLOR)
        except (cv2.error, ValueError):
            decoded = None
        if decoded is None or decoded.shape != (self.height, self.width, 3):
            raise ReferenceFileError(
                f"frame {index} of the expert's display copy {self.path} is corrupt: {_AGAIN}"
            )
        image: Image = np.asarray(decoded, np.uint8)
        image.setflags(write=False)
        return image

    def close(self) -> None:
        """Close the file. Images already returned stay valid."""
        self._shown = None
        self._data.close()

    def __enter__(self) -> ProxyVideo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:120]
