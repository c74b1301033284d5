"""Network streams (RTSP, HTTP and similar) through PyAV."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import av

from .decoding import ODD_METADATA, PICTURE_LIMIT, decoded_frames, frame_rate, limit_pictures, main_stream
from .errors import SourceError
from .frame_source import FrameSource, SourceInfo
from .opening import FORMATS
from .pictures import Pictures
from .timeline import Timeline
from .types import Frame

log = logging.getLogger(__name__)

SCHEMES = frozenset({"http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "tcp"})
# Without "file", so that a playlist from outside cannot make FFmpeg read this machine's files.
_PROTOCOLS = "http,https,httpproxy,rtsp,rtsps,rtp,srtp,rtmp,rtmps,srt,udp,tcp,tls,hls,crypto,data"
_FORMATS = (*FORMATS, "rtsp", "rtp", "mpjpeg", "mpegtsraw")
_PLAYLISTS = (*_FORMATS, "hls", "webvtt")  # over HTTP alone, where whoever serves them chose the address
_OPTIONS = {
    "protocol_whitelist": _PROTOCOLS,
    "rtsp_transport": "tcp",  # lost UDP packets smear the image for seconds
    **PICTURE_LIMIT,
}
_LOW_DELAY = {"fflags": "nobuffer"}  # not for HTTP, where files would lose the packets read for probing


class Stream(FrameSource):
    """A network stream.

    A stream without an end is live: its times are those of the monotonic clock when the frame arrived, and a
    lost connection makes :meth:`read` return None until :meth:`reopen` succeeds. A stream with an end (a file
    on a server) is read like a file.
    """

    def __init__(
        self,
        url: str,
        *,
        max_height: int | None = None,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to ``url`` and wait for its first frame.

        Args:
            url: address with one of :data:`SCHEMES`.
            max_height: px; higher images are scaled down.
            timeout: s, for the connection and for each later read.
            clock: s, monotonic.

        Raises:
            SourceError: no connection, nothing at the address, or no video in it.
        """
        self._url = url
        self._max_height = max_height
        self._timeout = timeout
        self._clock = clock
        self._container: Any | None = None
        self._decoded: Iterator[Any] = iter(())
        self._pictures: Pictures | None = None
        self._pending: Frame | None = None
        self._timeline: Timeline | None = None
        self._start: float | None = None
        self._index = 0
        self._closed = False
        self.name = without_credentials(url)
        try:
            container, stream = self._connect()
            length: int | None = container.duration  # in microseconds
            self.is_live = length is None
            self._timeline = Timeline(frame_rate(stream))
            self._pending = self._next_frame()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.close()
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise SourceError(
                f"{self.name} cannot be opened ({reason}): check the address and that the camera is on"
            ) from error
        if self._pending is None:
            self.close()
            raise SourceError(f"{self.name} delivers no video: check the address in another player")
        self.info = SourceInfo(
            name=self.name,
            kind="stream",
            width=self._pending.image.shape[1],
            height=self._pending.image.shape[0],
            fps=frame_rate(stream),
            duration=None if length is None else length / av.time_base,
        )

    def read(self) -> Frame | None:
        """Return the next frame; None when the connection is lost, or at the end."""
        if self._pending is not None:
            frame, self._pending = self._pending, None
            return frame
        return self._next_frame()

    def reopen(self) -> bool:
        """Try once to reconnect; True when a frame comes. A stream with an end is not restarted."""
        if self._closed or not self.is_live:
            return False
        self._disconnect()
        try:
            self._connect()
            self._pending = self._next_frame()
        except (av.FFmpegError, OSError, SourceError) as error:
            log.debug("%s: still lost: %s", self.name, error)
            self._disconnect()
            return False
        return self._pending is not None

    def close(self) -> None:
        """Disconnect."""
        self._closed = True
        self._pending = None
        self._disconnect()

    def _connect(self) -> tuple[Any, Any]:
        options = _OPTIONS if self._url.lower().startswith("http") else _OPTIONS | _LOW_DELAY
        formats = _PLAYLISTS if self._url.lower().startswith("http") else _FORMATS
        options = options | {"format_whitelist": ",".join(formats)}
        container: Any = av.open(
            self._url, options=options, timeout=(self._timeout, self._timeout), **ODD_METADATA
        )
        self._container = container
        stream = main_stream(container, "video")
        if stream is None:
            raise SourceError(f"{self.name} has no video in it: give the address of a camera or a video")
        limit_pictures(stream).thread_type = "SLICE"  # frame threads would delay several frames
        size = None if self._pictures is None else self._pictures.size  # a reconnected camera keeps its size
        self._pictures = Pictures(stream, self._max_height, size)
        self._decoded = decoded_frames(container, stream, self.name)
        return container, stream

    def _disconnect(self) -> None:
        self._decoded = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _next_frame(self) -> Frame | None:
        if self._pictures is None or self._timeline is None:
            return None
        for decoded in self._decoded:
            if (image := self._pictures.make(decoded)) is not None:
                moment = self._timeline.add(self._arrival() if self.is_live else decoded.time)
                frame = Frame(image, moment, self._index)
                self._index += 1
                return frame
        return None

    def _arrival(self) -> float:
        now = self._clock()
        if self._start is None:
            self._start = now
        return now - self._start


def is_url(spec: str) -> bool:
    """Return whether ``spec`` is the address of a stream rather than a path."""
    scheme, separator, _ = spec.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def without_credentials(url: str) -> str:
    """Return the address without user name, password and query, fit for messages and logs."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
