"""H.264, 4:2:0, BT.709: the one video format that every browser and player shows in the same colours."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import av

from .errors import OutputError
from .types import Image

#: Ticks per second: the MPEG clock, which is divisible by the usual frame rates.
CLOCK: Final = 90_000
_ENCODER: Final = "libx264"
_BT709: Final = 1  # BT.709's code in ITU-T H.273 for primaries, transfer and matrix


def add_video(
    container: Any, size: tuple[int, int], rate: Fraction, options: Mapping[str, str], *, threads: int
) -> Any:
    """Add a stream to a container that is being written.

    Args:
        container: a PyAV container.
        size: (width, height) px, even.
        rate: frames per s.
        options: options of x264.
        threads: number of encoder threads; 0 lets it choose.

    Returns:
        The PyAV stream; its codec's time base is 1 / ``CLOCK``.

    Raises:
        OutputError: this PyAV has no H.264 encoder.
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
    # Each player guesses the colour space of untagged video differently, which shifts its colours.
    codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
    codec.color_range = 1
    return stream


def picture(image: Image, pts: int, **scaling: Any) -> av.VideoFrame:
    """Return a uint8 BGR image as a frame at ``pts`` ticks; ``scaling`` is passed to PyAV's ``reformat``."""
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", **scaling)
    frame.pts, frame.time_base = pts, Fraction(1, CLOCK)
    return frame
