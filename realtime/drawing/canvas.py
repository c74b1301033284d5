"""Pictures to draw on, reused when nothing refers to them any more."""

from __future__ import annotations

import sys
from typing import Final

import numpy as np
from posesync.pose.types import Image

#: Pictures kept at most: a caller that holds more wants to keep them.
MOST: Final = 4
#: References to a picture that is free: the list's, the loop's, and getrefcount's own.
_FREE: Final = 3


class Canvases:
    """A pool of pictures of one shape.

    Filling a new array of 3 MB costs five times as much as filling an old one: the system hands out its
    memory page by page, and takes it back as soon as the array is freed. A picture counts as in use while
    anything refers to it or to a part of it (a view refers to its array).

    Args:
        height: px.
        width: px.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = (height, width, 3)
        self._kept: list[Image] = []

    def take(self) -> Image:
        """Return a picture that is not in use, (height, width, 3) uint8, with arbitrary content."""
        for canvas in self._kept:
            if sys.getrefcount(canvas) <= _FREE:
                return canvas
        fresh: Image = np.empty(self._shape, np.uint8)
        if len(self._kept) < MOST:
            self._kept.append(fresh)
        return fresh
