"""The strip below the pictures: one message in large type, the score, the piece, the keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

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
#: Size in px and lines of a message, the best first, for a canvas 720 px high. A capital of the smallest is
#: 27 px high: on a laptop's screen 7 mm, which at three metres is 1.7 times what sharp eyes need.
MESSAGE_SIZES: Final = ((56, 1), (48, 1), (46, 2), (38, 3))
_TONES: Final = {"plain": paint.MUTED, "good": paint.GOOD, "calm": paint.CALM, "bad": paint.POOR}


def status_of(scene: Scene) -> tuple[str, Color, str]:
    """What the tracker knows, its colour, and what stands behind it in smaller type."""
    words, state, speed = SHARED.words, scene.position.state, scene.timing
    said = words.doubtful if scene.doubtful else words.states[state.value]
    more = said.more
    if state is State.FOLLOWING and not scene.doubtful and (speed or 0.0) >= SHARED.limits.least_pace:
        # No finer than the words beside the timing bar, which are about the same measurement.
        more = words.pace.format(speed=f"{speed:.1f}")
    return said.text, _TONES[said.tone], more


class Strip:
    """Draws the strip.

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
        self._height = height
        self._keys = height - ruler(9)
        self.top = height - ruler(STRIP_HEIGHT)
        self._row = ProgressRow(text, ruler, self.top + ruler(68))
        self._pace = (0.0, "", "")  # s, state, and the words behind it
        self._fit = lru_cache(maxsize=8)(self._fitted)

    def draw(self, canvas: Image, scene: Scene, score: float | None, timing: float | None) -> None:
        """Draw it; ``score`` is smoothed, ``timing`` a measurement over seconds already."""
        px = self._ruler
        write = partial(self._text.draw, canvas, background=paint.BACKGROUND)
        name, color, hint = status_of(scene)
        if scene.framing:
            self._message(canvas, scene.framing, paint.TEXT, paint.CALM)
        elif scene.cue:
            tint = paint.faded(paint.FAIR, scene.doubt)
            self._message(canvas, scene.cue, tint, tint)
        else:
            ink = paint.faded(paint.TEXT, scene.doubt)
            paint.dot(canvas, px(36), self.top + px(39), px(11), paint.faded(color, scene.doubt))
            x = px(60) + write(name, px(60), self.top + px(53), size=px(42), color=ink, bold=True)
            more = self._held(scene, name, hint)
            write(more, x + px(20), self.top + px(53), size=px(24), color=paint.MUTED)
        self._row.draw(canvas, scene, paint.faded(color, scene.doubt), timing)
        edge = self._width - px(24)
        if score is not None or scene.position.time is not None:
            write("score", edge, self.top + px(92), size=px(18), color=paint.MUTED, align="right")
            number, tint = "–", paint.MUTED
            if score is not None:
                number, tint = f"{score:.0f}", paint.faded(paint.score_color(round(score)), scene.doubt)
            write(number, edge, self.top + px(68), size=px(78), color=tint, bold=True, align="right")
        if scene.fps is not None:
            rate, baseline = f"{scene.fps:.0f} fps", self._keys
            write(rate, edge, baseline, size=px(15), color=paint.MUTED, align="right")

    def draw_keys(self, canvas: Image) -> None:
        """The keys, which never change: drawn once, into an empty canvas."""
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
        """The one thing to know now, in the largest type that holds it; more lines grow up."""
        px = self._ruler
        lines, size = self._fit(words[:1].upper() + words[1:])
        step, last = round(1.16 * size), self.top + px(54)
        first = last - (len(lines) - 1) * step
        if len(lines) > 1:
            canvas[first - size : self.top] = paint.BACKGROUND
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
        return self._text.fit(words, px(1046), choices, bold=True)

    def _held(self, scene: Scene, name: str, hint: str) -> str:
        """The words behind a state, those of the pace held long enough to be read."""
        at, before, words = self._pace
        if name != before or not (words and hint) or not 0 <= scene.time - at < SHARED.limits.figures_every:
            self._pace = (scene.time, name, hint)
        return self._pace[2]
