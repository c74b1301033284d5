"""Decoding for video files and network streams: packets to upright BGR images, across broken data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import av
import numpy as np

from .types import Image

log = logging.getLogger(__name__)

#: For ``av.open``: titles that are not UTF-8 are no reason to refuse a file. PyAV 19 ignores them by itself
#: and no longer takes the option.
ODD_METADATA: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)


def stored_size(width: int, height: int, quarter_turns: int, max_height: int | None) -> tuple[int, int]:
    """Return the size (width, height), px, for converting a stored image, at most ``max_height`` upright."""
    shown = width if quarter_turns % 2 else height
    if max_height is None or shown <= max_height:
        return width, height
    scale = max_height / shown
    scaled = max(1, round(width * scale)), max(1, round(height * scale))
    return (max_height, scaled[1]) if quarter_turns % 2 else (scaled[0], max_height)


def to_image(frame: Any, max_height: int | None = None) -> Image:
    """Return a decoded PyAV frame as an upright (H, W, 3) uint8 BGR image, no higher than ``max_height`` px.

    Conversion and scaling are one pass of swscale; the display matrix (phones store portrait video as rotated
    landscape) is then applied in quarter turns.
    """
    turns = round(frame.rotation / 90) % 4  # counter-clockwise, as np.rot90 counts
    width, height = stored_size(frame.width, frame.height, turns, max_height)
    image: Image = frame.to_ndarray(format="bgr24", width=width, height=height)
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def decoded_frames(container: Any, stream: Any, name: str) -> Iterator[Any]:
    """Yield decoded frames in presentation order.

    Packets that cannot be decoded are skipped; a break in the file, or a lost connection, ends the frames
    without an error once everything before it has been delivered.
    """
    packets = container.demux(stream)
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
        yield from _decode(stream.codec_context, packet, name)


def _decode(codec: Any, packet: Any, name: str) -> list[Any]:
    try:
        frames: list[Any] = codec.decode(packet)
    except av.FFmpegError as error:
        log.debug("%s: a packet could not be decoded: %s", name, error)
        return []
    return frames


def frame_rate(stream: Any) -> float | None:
    """Return the average frames per second of a PyAV stream, or None when the container does not give it."""
    return float(stream.average_rate or stream.guessed_rate or 0) or None
