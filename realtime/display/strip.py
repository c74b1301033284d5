"""The strip below the pictures: one message in large type, the score, the piece, the keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from posesync.pose.types import Image
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import Color, TextPainter
from posesync.realtime.tracking.position import State

from .progress import ProgressRow
from .scene import Scene

#: Keys of the window and what they do; they work in the window and are written in the strip.
KEYS: Final = (
    ("Q", "quit"), ("Space", "pause"), ("M", "mirror"), ("R", "restart"), ("H", "details"),
    ("V", "view"), ("L", "loop"), ("G", "guidance"), ("S", "slow"), ("N", "sound"),
)  # fmt: skip
#: px, height of the strip on a canvas 720 px high.
STRIP_HEIGHT: Final = 140
#: Size in px and lines of a message, the best first, for a canvas 720 px high. A capital of the smallest is
#: 27 px high: on a laptop's screen 7 mm, which at three metres is 1.7 times what sharp eyes need.
MESSAGE_SIZES: Final = ((56, 1), (48, 1), (46, 2), (38, 3))
#: Time for which a pace is shown: figures that change with every frame cannot be read.
PACE_SECONDS: Final = 0.25

_STATES: Final[dict[State, tuple[str, Color, str]]] = {
    # Somebody who does something else is WAITING or LOST too, and FINISHED is taken back from who goes on.
    State.WAITING: ("Waiting for your first moves", paint.MUTED, ""),
    State.FOLLOWING: ("Following", paint.GOOD, ""),
    State.HOLDING: ("Holding", paint.CALM, "the expert waits for you"),
    State.LOST: ("Not in the piece right now", paint.POOR, "go on anywhere, I will find you"),
    State.FINISHED: ("Finished", paint.NEUTRAL, "start again whenever you like"),
}
#: Whatever the tracker takes the performer to be doing: of a doubtful place, that is all that is known.
_DOUBTFUL: Final = ("Looking for your place in the piece", paint.MUTED, "")
#: A pace below this share of the expert's is standing, and no figure is put to it.
_LEAST_PACE: Final = 0.1


def status_of(scene: Scene) -> tuple[str, Color, str]:
    """What the tracker knows, its colour, and what stands behind it in smaller type: the page's words too."""
    if scene.doubtful:
        return _DOUBTFUL
    name, color, hint = _STATES[scene.position.state]
    if scene.position.state is not State.FOLLOWING or scene.timing is None or scene.timing < _LEAST_PACE:
        return name, color, hint
    # No finer than the words beside the timing bar, which are about the same measurement.
    return name, color, f"{scene.timing:.1f}× the expert’s pace"


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
        if name != before or not (words and hint) or not 0 <= scene.time - at < PACE_SECONDS:
            self._pace = (scene.time, name, hint)
        return self._pace[2]
