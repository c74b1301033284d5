"""Pictures to draw on, taken again when nobody holds them any more."""

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
    """Copies of one empty picture.

    A new array of 3 MB costs five times as much as filling an old one: the system hands out its memory page
    by page, and takes it back as soon as the picture is thrown away. A picture counts as held while anything
    refers to it, a part of it included (a view refers to the array it is of).

    Args:
        empty: (H, W, 3) uint8, what every canvas begins as; it may be changed until the first is taken.
    """

    def __init__(self, empty: Image) -> None:
        self.empty = empty
        self._kept: list[Image] = []

    def take(self) -> Image:
        """A picture that is nobody else's, (H, W, 3) uint8."""
        for canvas in self._kept:
            if sys.getrefcount(canvas) <= _FREE:
                np.copyto(canvas, self.empty)
                return canvas
        fresh: Image = self.empty.copy()
        if len(self._kept) < MOST:
            self._kept.append(fresh)
        return fresh
