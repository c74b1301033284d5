"""Draws the strip's row for the piece: progress through its sections, the clock, and the pace."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED
from posesync.pose.textual import tenths
from posesync.pose.types import Image
from posesync.realtime.coaching.scoring import Timing
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import Color, TextPainter

from .scene import Scene

Sections = tuple[tuple[float, float, str], ...]

#: s ahead or behind within which the performer is on time.
ON_TIME_LEAD: Final = 0.3
#: s ahead or behind at the ends of the bar; for the pace they are twice and half the expert's.
FULL_LEAD: Final = 1.5
_DRAGGING, _RUSHING = (SHARED.words.timing[pace.value] for pace in (Timing.DRAGGING, Timing.RUSHING))


class ProgressRow:
    """Draws the piece with its sections on the left, the clock beside it, and the timing bar.

    Args:
        text: draws the words.
        ruler: px of a length given for a canvas 720 px high.
        top: px, the upper edge of the row.
    """

    def __init__(self, text: TextPainter, ruler: Callable[[float], int], top: int) -> None:
        self._text = text
        self._ruler = ruler
        self._bar = (ruler(24), top + ruler(8), ruler(600), ruler(12))
        self._baseline = top + ruler(20)
        self._tiles = lru_cache(maxsize=8)(self._tile)
        self._name = lru_cache(maxsize=32)(self._fitted)

    def draw(self, canvas: Image, scene: Scene, color: Color, timing: float | None) -> None:
        """Draw the row.

        Args:
            canvas: changed in place.
            scene: the scene to draw.
            color: of the state.
            timing: −1 dragging (behind) .. 1 rushing (ahead), or None for a timing bar without a marker.
        """
        duration = max(scene.duration, 1e-6)
        x, y, w, h = self._bar
        time = scene.position.time
        key = (scene.sections, scene.practised, duration)
        row = slice(y - h // 2, y - h // 2 + self._height)
        canvas[row, x : x + w] = self._tiles(*key, None)
        if time is not None:
            filled = max(1, round(w * min(max(time / duration, 0.0), 1.0)))
            canvas[row, x : x + filled] = self._tiles(*key, color)[:, :filled]
            spot = x + min(max(filled, h // 2), w - h // 2)
            paint.dot(canvas, spot, y + h / 2 - 0.5, h * 0.95, paint.BACKGROUND)
            paint.dot(canvas, spot, y + h / 2 - 0.5, h * 0.75, paint.faded(paint.TEXT, scene.doubt))
            self._section(canvas, scene, time, duration)
        self._clock(canvas, time, scene.duration)
        if time is not None:
            self._timing(canvas, scene, timing)

    @property
    def _height(self) -> int:
        """Return the height of the bar's tile, px, with equal space above and below the bar."""
        return self._bar[3] // 2 * 2 + self._bar[3]

    def _tile(
        self, sections: Sections, practised: tuple[float, float] | None, duration: float, color: Color | None
    ) -> Image:
        """Return the bar, filled with ``color`` or empty; it marks sections and the practised part."""
        _, _, w, h = self._bar
        tile: Image = np.full((self._height, w, 3), paint.BACKGROUND, np.uint8)
        box = (0, h // 2, w, h)
        paint.draw_box(tile, box, paint.TRACK if color is None else color, radius=h // 2)
        inside = slice(h // 2, h // 2 + h)
        edges = [round(start / duration * w) for start, _, _ in sections if 0 < start < duration]
        gap = max(1, self._ruler(3))
        for edge in edges if len(edges) * 4 * gap < w else ():
            tile[inside, max(0, edge - gap // 2) : edge - gap // 2 + gap] = paint.BACKGROUND
        if practised is not None:
            low, high = (round(min(max(value / duration, 0.0), 1.0) * w) for value in practised)
            for part in (slice(0, low), slice(high, w)):
                tile[inside, part] = tile[inside, part] // 2 + np.asarray(paint.BACKGROUND, np.uint8) // 2
            wide = max(2, self._ruler(4))
            for edge in (min(low, w - wide), max(0, high - wide)):
                tile[:, edge : edge + wide] = paint.NEUTRAL
        return tile

    def _section(self, canvas: Image, scene: Scene, time: float, duration: float) -> None:
        """Write the name of the section that the performer is in, below its part of the bar."""
        here = next((s for s in scene.sections if s[0] <= time < s[1]), None)
        if here is None or not here[2]:
            return
        x, y, w, h = self._bar
        size = self._ruler(15)
        name, width = self._name(here[2])
        left = x + min(max(0.0, here[0] / duration * w), w - width)
        write = partial(self._text.draw, canvas, background=paint.BACKGROUND)
        write(name, left, y + h + self._ruler(17), size=size, color=paint.NEUTRAL, bold=True)

    def _fitted(self, name: str) -> tuple[str, int]:
        """Return a section's name, cut to half of the bar, and its width, px."""
        size = self._ruler(15)
        (line, *_), _ = self._text.fit(name, self._bar[2] / 2, ((size, 1),), bold=True)
        return line, self._text.measure(line, size, bold=True)

    def _clock(self, canvas: Image, time: float | None, duration: float) -> None:
        write = partial(self._text.draw, canvas, background=paint.BACKGROUND, align="right")
        right, size = self._ruler(772), self._ruler(18)
        whole = tenths(duration)
        # In two pieces: the second never changes and is rendered once.
        words = whole if time is None else f" / {whole}"
        start = right - write(words, right, self._baseline, size=size, color=paint.MUTED)
        if time is not None:
            write(tenths(time), start, self._baseline, size=size, color=paint.TEXT)

    def _timing(self, canvas: Image, scene: Scene, value: float | None) -> None:
        """Draw the pace from dragging to rushing, or the lead; the word that applies lights up."""
        px = self._ruler
        slow, fast = (_DRAGGING, _RUSHING) if scene.lead is None else ("behind", "ahead")
        lit = None if value is None else _pace_word(scene)
        color = paint.faded(paint.GOOD if lit is None else paint.FAIR, scene.doubt)
        size, left, width = px(19), px(890), px(124)
        for word, x, align in (
            (slow, left - px(12), "right"),
            (fast, left + width + px(12), "left"),
        ):
            self._text.draw(
                canvas, word, x, self._baseline, size=size, color=color if word == lit else paint.MUTED,
                bold=word == lit,
                align="right" if align == "right" else "left", background=paint.BACKGROUND,
            )  # fmt: skip
        paint.draw_gauge(canvas, (left, self._bar[1] - px(1), width, px(14)), value, color)


def _pace_word(scene: Scene) -> str | None:
    """Return the word that lights up, or None on time; for the pace it is the one that was judged."""
    if scene.lead is not None and math.isfinite(scene.lead):
        return None if abs(scene.lead) <= ON_TIME_LEAD else "behind" if scene.lead < 0 else "ahead"
    return None if scene.pace in (None, Timing.ON_TIME) else SHARED.words.timing[scene.pace.value]


def timing_value(scene: Scene) -> float | None:
    """Return the timing bar's marker, −1 dragging or behind .. 1 rushing or ahead; None for no marker.

    There is none without a position, or with a doubtful one. The pace is shown by its logarithm, so that half
    and twice the expert's are at the two ends.
    """
    if scene.position.time is None or scene.doubtful:
        return None
    if scene.lead is not None and math.isfinite(scene.lead):
        return min(max(scene.lead / FULL_LEAD, -1.0), 1.0)
    if scene.timing is None or not math.isfinite(scene.timing):
        return None
    return min(max(math.log2(max(scene.timing, 0.5)), -1.0), 1.0)
