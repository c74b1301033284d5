"""The one kind of video that every browser and player shows with the same colours: H.264, 4:2:0, BT.709."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import av

from .errors import OutputError
from .types import Image

#: Ticks per second: the MPEG clock, which every usual frame rate divides well.
CLOCK: Final = 90_000
_ENCODER: Final = "libx264"
_BT709: Final = 1  # its code in ITU-T H.273, for primaries, transfer and matrix alike


def add_video(
    container: Any, size: tuple[int, int], rate: Fraction, options: Mapping[str, str], *, threads: int
) -> Any:
    """Add a stream to a container that is being written.

    Args:
        container: PyAV's.
        size: (width, height) px, even.
        rate: frames per s.
        options: x264's.
        threads: of the encoder; 0 lets it choose.

    Returns:
        PyAV's stream, its codec's clock in ``CLOCK``.

    Raises:
        OutputError: this PyAV has no encoder.
    """
    try:
        stream = container.add_stream(_ENCODER, rate=rate, options=dict(options))
    except ValueError as error:  # PyAV's UnknownCodecError
        raise OutputError(
            "PyAV has no H.264 encoder here: get its own wheel with `pip install --force-reinstall av`"
        ) from error
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = Fraction(1, CLOCK)
    codec.thread_count = threads
    # Untagged video is guessed at by each player in its own way, and its colours drift.
    codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
    codec.color_range = 1
    return stream


def picture(image: Image, pts: int, **scaling: Any) -> av.VideoFrame:
    """A uint8 BGR image for such a stream, at ``pts`` ticks; ``scaling`` as PyAV's ``reformat`` takes it."""
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", **scaling)
    frame.pts, frame.time_base = pts, Fraction(1, CLOCK)
    return frame
