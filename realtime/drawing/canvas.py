"""Pictures to draw on, used again when nobody holds them any more."""

from __future__ import annotations

import sys
from typing import Final

import numpy as np
from posesync.pose.types import Image

#: More pictures than this are not kept: whoever holds so many wants them for good.
MOST: Final = 4
#: References to a picture that nobody else holds: the list's, the loop's, and getrefcount's own.
_FREE: Final = 3


class Canvases:
    """Pictures of one shape.

    A new array of 3 MB costs five times as much as filling an old one: the system hands out its memory page
    by page, and takes it back as soon as the picture is thrown away. A picture counts as held while anything
    refers to it, a part of it included (a view refers to the array it is of).

    Args:
        height: px.
        width: px.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = (height, width, 3)
        self._kept: list[Image] = []

    def take(self) -> Image:
        """A picture that is nobody else's, (height, width, 3) uint8, with anything at all on it."""
        for canvas in self._kept:
            if sys.getrefcount(canvas) <= _FREE:
                return canvas
        fresh: Image = np.empty(self._shape, np.uint8)
        if len(self._kept) < MOST:
            self._kept.append(fresh)
        return fresh
