"""Decoding for video files and network streams: which stream, and packets to frames, across broken data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import av
from av.stream import Disposition

log = logging.getLogger(__name__)

#: For ``av.open``: titles that are not UTF-8 are no reason to refuse a file. PyAV 19 ignores them by itself
#: and no longer takes the option.
ODD_METADATA: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
#: px² of a picture, at most: 8K. A larger one costs gigabytes, and a file of 1 MB can hold it.
MAX_AREA: Final = 7680 * 4320
#: For ``av.open``, which decodes a little to learn about the streams. Decoders round both sides up.
PICTURE_LIMIT: Final = {"max_pixels": str((7680 + 64) * (4320 + 64))}

_STILLS: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_MAX_RATE: Final = 960.0  # frames per second: slow-motion cameras end here


def main_stream(container: Any, kind: Literal["video", "audio"]) -> Any | None:
    """Return the stream of a PyAV container that players take: the one flagged default, or else the first.

    A cover, a thumbnail or a stream without a codec (a file cut off early announces such) is never taken;
    None when there is no other.
    """
    streams: list[Any] = [
        s
        for s in getattr(container.streams, kind)
        if s.codec_context is not None and not s.disposition & _STILLS
    ]
    flagged = [s for s in streams if s.disposition & Disposition.default]
    return next(iter(flagged or streams), None)


def limit_pictures(stream: Any) -> Any:
    """Make a video stream's decoder refuse pictures beyond ``MAX_AREA`` before it allocates them; return it.

    To be called before the first packet is decoded.
    """
    stream.codec_context.options = {**stream.codec_context.options, **PICTURE_LIMIT}
    return stream


def decoded_frames(
    container: Any, stream: Any, name: str, passing: Callable[[Any], None] | None = None
) -> Iterator[Any]:
    """Yield decoded frames in presentation order.

    Packets that cannot be decoded are skipped; a break in the file, or a lost connection, ends the frames
    without an error once everything before it has been delivered. ``passing`` is shown every packet of the
    container, whichever stream it belongs to.
    """
    packets = container.demux(stream) if passing is None else container.demux()
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            log.debug("%s: reading stopped: %s", name, error)
            # Frames still held by the decoder's threads are good: fetch them before ending.
            yield from _decode(stream.codec_context, None, name)
            return
        if passing is not None:
            passing(packet)
        if packet.stream.index == stream.index:
            yield from _decode(stream.codec_context, packet, name)


def _decode(codec: Any, packet: Any, name: str) -> list[Any]:
    try:
        frames: list[Any] = codec.decode(packet)
    except av.FFmpegError as error:
        log.debug("%s: a packet could not be decoded: %s", name, error)
        return []
    return frames


def frame_rate(stream: Any) -> float | None:
    """Return the average frames per second of a PyAV stream, or None when the container does not give it.

    A browser's recordings state the ticks of their clock, 1000 a second: that is no frame rate either.
    """
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    return rate if 0 < rate <= _MAX_RATE else None
