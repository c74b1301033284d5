"""Arranges the pictures of several videos side by side, as large as they fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Rectangle = tuple[int, int, int, int]

#: px, greatest size of a synchronised video.
MAX_WIDTH: Final = 1920
MAX_HEIGHT: Final = 1080
_GAP: Final = 8
#: Least and greatest ratio of width to height at which a picture is shown.
_SHAPES: Final = (0.3, 4.0)


@dataclass(frozen=True, slots=True)
class Layout:
    """A canvas and the rectangles on it, all in px, as left, top, width, height.

    Attributes:
        width: width of the canvas, even.
        height: height of the canvas, even.
        panels: the videos' pictures, in order.
        captions: the line below each of them.
        bar: the progress bar.
    """

    width: int
    height: int
    panels: tuple[Rectangle, ...]
    captions: tuple[Rectangle, ...]
    bar: Rectangle


def arrange(sizes: Sequence[tuple[int, int]]) -> Layout:
    """Return a grid of pictures of one height, with the number of columns that shows them largest.

    Args:
        sizes: (width, height) px of each video. No picture is shown higher than the highest video.
    """
    shapes = [min(max(width / height, _SHAPES[0]), _SHAPES[1]) for width, height in sizes]
    highest = max(height for _, height in sizes)
    options = [_rows(shapes, columns) for columns in range(len(shapes), 0, -1)]
    rows = max(options, key=lambda rows: _panel_height(rows, highest))
    height = max(64, _panel_height(rows, highest) // 2 * 2)
    return _place(rows, height)


def _rows(shapes: list[float], columns: int) -> list[list[float]]:
    return [shapes[start : start + columns] for start in range(0, len(shapes), columns)]


def _panel_height(rows: list[list[float]], highest: int) -> int:
    across = min((MAX_WIDTH - _GAP * (len(row) + 1)) / sum(row) for row in rows)
    # Captions take an eighth of a picture's height at most; see _caption.
    down = (MAX_HEIGHT - 3 * _GAP) / len(rows) / 1.125 - _GAP
    return math.floor(min(across, down, highest))


def _caption(height: int) -> int:
    return min(max(round(height / 8), 30), 56)


def _place(rows: list[list[float]], height: int) -> Layout:
    caption = _caption(height)
    widths = [[max(64, round(shape * height / 2) * 2) for shape in row] for row in rows]
    across = max(sum(row) + _GAP * (len(row) + 1) for row in widths)
    panels: list[Rectangle] = []
    captions: list[Rectangle] = []
    top = _GAP
    for row in widths:
        left = (across - sum(row) - _GAP * (len(row) - 1)) // 2
        for width in row:
            panels.append((left, top, width, height))
            captions.append((left, top + height, width, caption))
            left += width + _GAP
        top += height + caption
    bar = (_GAP, top, across - 2 * _GAP, 6)
    return Layout(across // 2 * 2, (top + 6 + _GAP + 1) // 2 * 2, tuple(panels), tuple(captions), bar)
