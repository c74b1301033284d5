"""Decodes untrusted JPEGs: only such as a browser's canvas makes, and never larger than announced."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from posesync.pose.types import Image

from .protocol import ProtocolError

_SOI, _EOI, _SOS = b"\xff\xd8", b"\xff\xd9", 0xDA
#: Accepted frame headers: baseline and extended sequential. A small progressive file may take seconds.
_SEQUENTIAL: Final = (0xC0, 0xC1)
#: All frame headers; C4, C8 and CC are other markers.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Bytes at the end of the file that must hold the end marker.
_TAIL: Final = 64


def decode_jpeg(data: bytes, width: int, height: int) -> Image:
    """Return a decoded frame, (height, width, 3) uint8 BGR.

    The JPEG's header is read first, so that a picture larger than announced is refused before decoding.

    Args:
        data: the file.
        width: px, as announced.
        height: px, as announced.

    Raises:
        ProtocolError: it is not a JPEG of that size, or it is cut off.
    """
    size = jpeg_size(data)
    if size != (width, height):
        raise ProtocolError("jpeg", f"a JPEG of {size}, expected {(width, height)} px as announced")
    if _EOI not in data[-_TAIL:]:
        raise ProtocolError("jpeg", "a JPEG that breaks off, expected a whole one")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        image = None
    if image is None or image.shape != (height, width, 3):
        raise ProtocolError("jpeg", "a JPEG that cannot be decoded, expected what a canvas makes")
    return np.asarray(image, np.uint8)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height, px, from a JPEG's header, without reading the rest of the file.

    Raises:
        ProtocolError: it is not a sequential JPEG with three colour components.
    """
    if data[:2] != _SOI:
        raise ProtocolError("jpeg", "no JPEG, expected one as a canvas makes it")
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            if marker not in _SEQUENTIAL or at + 10 > len(data) or data[at + 4] != 8 or data[at + 9] != 3:
                break
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if marker == _SOS or length < 2:
            break
        at += 2 + length
    raise ProtocolError("jpeg", "a JPEG of another kind, expected one as a canvas makes it")
