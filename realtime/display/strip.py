"""Draws the strip below the pictures: one message in large type, the score, the piece, the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED
from posesync.pose.types import Image
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import Color, TextPainter
from posesync.realtime.tracking.position import State

from .progress import ProgressRow
from .scene import Scene

#: Keys as they are written in the strip, from left to right.
KEYS: Final = tuple(
    (SHARED.keys[asked].label, SHARED.keys[asked].strip)
    for asked in (
        "quit", "pause", "mirror", "restart", "details", "view", "loop", "guidance", "slow", "sound",
    )
)  # fmt: skip
#: px, height of the strip on a canvas 720 px high.
STRIP_HEIGHT: Final = 140
#: Size in px and lines of a message, the best first, for a canvas 720 px high. The smallest has capitals of
#: 27 px: 7 mm on a laptop's screen, 1.7 times what sharp eyes need at three metres.
MESSAGE_SIZES: Final = ((56, 1), (48, 1), (46, 2), (38, 3))
#: px, width of a line of a message on such a canvas.
_ROOM: Final = 1046
_TONES: Final = {"plain": paint.MUTED, "good": paint.GOOD, "calm": paint.CALM, "bad": paint.POOR}


def status_of(scene: Scene) -> tuple[str, Color, str]:
    """Return the tracker's state in words, its colour, and the words after it in smaller type."""
    words, state, speed = SHARED.words, scene.position.state, scene.timing
    said = words.doubtful if scene.doubtful else words.states[state.value]
    more = said.more
    if state is State.FOLLOWING and not scene.doubtful and (speed or 0.0) >= SHARED.limits.least_pace:
        # No more precise than the words at the timing bar, which show the same measurement.
        more = words.pace.format(speed=f"{speed:.1f}")
    return said.text, _TONES[said.tone], more


@dataclass(frozen=True, slots=True)
class _Message:
    """The strip's message.

    Attributes:
        words: a correction, or the state.
        hint: text in smaller type after a state; None: ``words`` are a correction.
        ink: colour of the words.
        accent: colour of the bar or dot before them.
    """

    words: str
    hint: str | None
    ink: Color
    accent: Color


class Strip:
    """Draws the strip. All of it but the row of the piece changes rarely, so it is kept and copied.

    Args:
        text: draws the words.
        ruler: px of a length given for a canvas 720 px high.
        width: of the canvas, px.
        height: of the canvas, px.
    """

    def __init__(self, text: TextPainter, ruler: Callable[[float], int], width: int, height: int) -> None:
        self._text = text
        self._ruler = ruler
        self._width = width
        self._keys = height - ruler(9)
        self.top = height - ruler(STRIP_HEIGHT)
        self._edge = ruler(48) + ruler(_ROOM)  # px, where messages end and the score begins
        self._row = ProgressRow(text, ruler, self.top + ruler(68))
        self._pace = (0.0, "", "")  # s, state, and the words after it
        self._fit = lru_cache(maxsize=8)(self._fitted)
        # As high as the canvas: a message of several lines grows upwards, over the pictures.
        self._empty: Image = np.full((height, width, 3), paint.BACKGROUND, np.uint8)
        self._draw_keys(self._empty)
        self._kept = self._empty.copy()
        self._said: _Message | None = None
        self._counted: object = None
        self._upper = self.top  # px, the first row of what is kept

    def draw(self, canvas: Image, scene: Scene, score: float | None, timing: float | None) -> None:
        """Draw the strip; ``score`` is already smoothed, and ``timing`` measured over seconds."""
        name, color, hint = status_of(scene)
        color = paint.faded(color, scene.doubt)
        words, more = scene.framing or scene.cue, None
        if scene.framing:
            ink, accent = paint.TEXT, paint.CALM
        elif scene.cue:
            ink = accent = paint.faded(paint.FAIR, scene.doubt)
        else:
            ink, accent = paint.faded(paint.TEXT, scene.doubt), color
            words, more = name, self._held(scene, name, hint)
        message = _Message(words or "", more, ink, accent)
        if message != self._said:
            self._said, self._counted = message, None
            self._say(message)
        number = None
        if score is not None:
            number = f"{score:.0f}", paint.faded(paint.score_color(round(score)), scene.doubt)
        elif scene.position.time is not None:
            number = "–", paint.MUTED
        figures = number, "" if scene.fps is None else f"{scene.fps:.0f} fps"
        if figures != self._counted:
            self._counted = figures
            self._count(*figures)
        np.copyto(canvas[self._upper :], self._kept[self._upper :])
        self._row.draw(canvas, scene, color, timing)

    def _say(self, message: _Message) -> None:
        """Clear the kept strip and draw the message into it; the figures must be drawn after it."""
        px, kept = self._ruler, self._kept
        np.copyto(kept[self._upper :], self._empty[self._upper :])
        self._upper = self.top
        if message.hint is None:
            self._message(kept, message.words, message.ink, message.accent)
            return
        write = partial(self._text.draw, kept, background=paint.BACKGROUND)
        paint.dot(kept, px(36), self.top + px(39), px(11), message.accent)
        size, baseline = px(42), self.top + px(53)
        x = px(60) + write(message.words, px(60), baseline, size=size, color=message.ink, bold=True)
        write(message.hint, x + px(20), baseline, size=px(24), color=paint.MUTED)

    def _count(self, number: tuple[str, Color] | None, rate: str) -> None:
        """Redraw score and frame rate in the kept strip."""
        px, kept = self._ruler, self._kept
        np.copyto(kept[self.top :, self._edge :], self._empty[self.top :, self._edge :])
        write = partial(self._text.draw, kept, background=paint.BACKGROUND, align="right")
        right = self._width - px(24)
        if number is not None:
            write("score", right, self.top + px(92), size=px(18), color=paint.MUTED)
            write(number[0], right, self.top + px(68), size=px(78), color=number[1], bold=True)
        write(rate, right, self._keys, size=px(15), color=paint.MUTED)

    def _draw_keys(self, canvas: Image) -> None:
        """Draw the keys, which never change."""
        px, text = self._ruler, self._text
        baseline, size = self._keys, px(15)
        x = float(px(24))
        for key, meaning in KEYS:
            width = text.width(key, size, bold=True)
            cap = (round(x), baseline - px(16), width + px(14), px(22))
            paint.draw_box(canvas, cap, paint.TRACK, radius=px(5))
            text.draw(canvas, key, x + px(7), baseline, size=size, color=paint.TEXT, bold=True)
            x += width + px(22)
            x += text.draw(canvas, meaning, x, baseline, size=size, color=paint.MUTED) + px(20)

    def _message(self, canvas: Image, words: str, color: Color, accent: Color) -> None:
        """Draw a correction in the largest type that fits; further lines grow upwards."""
        px = self._ruler
        lines, size = self._fit(words[:1].upper() + words[1:])
        step, last = round(1.16 * size), self.top + px(54)
        first = last - (len(lines) - 1) * step
        if len(lines) > 1:
            self._upper = first - size
        bar = (px(24), first - round(0.82 * size), px(8), last - first + round(0.92 * size))
        paint.draw_box(canvas, bar, accent, radius=px(4))
        for k, line in enumerate(lines):
            self._text.draw(
                canvas, line, px(48), first + k * step, size=size, color=color, bold=True,
                background=paint.BACKGROUND,
            )  # fmt: skip

    def _fitted(self, words: str) -> tuple[list[str], int]:
        px = self._ruler
        choices = [(px(size), lines) for size, lines in MESSAGE_SIZES]
        return self._text.fit(words, px(_ROOM), choices, bold=True)

    def _held(self, scene: Scene, name: str, hint: str) -> str:
        """Return the words after a state; those of the pace are held long enough to be read."""
        at, before, words = self._pace
        if name != before or not (words and hint) or not 0 <= scene.time - at < SHARED.limits.figures_every:
            self._pace = (scene.time, name, hint)
        return self._pace[2]
