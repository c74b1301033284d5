"""Draws one picture of a synchronised video: videos side by side, or the expert's pose over the attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from posesync.pose.features import CONFIDENCE_FLOOR
from posesync.pose.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.textual import tenths
from posesync.pose.types import FloatArray, Image
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import TextPainter

from .layout import Layout, Rectangle

_TORSO: Final = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
#: s; a smaller difference is neither early nor late.
ON_TIME_SECONDS: Final = 0.15
_GHOST_OPACITY: Final = 0.65


@dataclass(frozen=True, slots=True)
class Cell:
    """Content of one panel.

    Attributes:
        image: (H, W, 3) BGR, any size.
        keypoints: (17, 3) px in a frame of ``size``.
        size: width, height that the keypoints refer to.
        title: title of the panel.
        inside: False darkens the picture, because the video has no such moment.
        differences: joint → degrees or None, shown as colours of the skeleton; empty for the expert.
        score: 0..100 or None.
        lead: s early (+) or late (−), or None.
        words: the largest difference in words, or "".
        ghost: (17, 3) a second pose, drawn as a ghost, px like ``keypoints``.
    """

    image: Image
    keypoints: FloatArray
    size: tuple[int, int]
    title: str
    inside: bool = True
    differences: dict[str, float | None] = field(default_factory=dict)
    score: float | None = None
    lead: float | None = None
    words: str = ""
    ghost: FloatArray | None = None


class SyncPainter:
    """Draws the pictures of one synchronised video, one after the other."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._text = TextPainter()
        self._empty: Image = np.full((layout.height, layout.width, 3), paint.BACKGROUND, np.uint8)
        paint.draw_box(self._empty, layout.bar, paint.TRACK, radius=layout.bar[3] // 2)

    def draw(self, cells: Sequence[Cell], time: float, duration: float) -> Image:
        """Return one picture, (height, width, 3) uint8 BGR; a new array every time.

        Args:
            cells: one for each panel.
            time: s, on the clock of the result.
            duration: s, length of the result.
        """
        canvas: Image = self._empty.copy()
        for number, cell in enumerate(cells):
            place, caption = self.layout.panels[number], self.layout.captions[number]
            self._panel(canvas, cell, place)
            if number == 0 and cell.score is None and not cell.differences:
                self._clock(canvas, caption, time, duration)
            else:
                self._caption(canvas, cell, caption)
        x, y, width, height = self.layout.bar
        done = round(width * min(max(time / max(duration, 1e-6), 0.0), 1.0))
        canvas[y : y + height, x : x + done] = paint.CALM
        return canvas

    def _panel(self, canvas: Image, cell: Cell, place: Rectangle) -> None:
        height, width = cell.image.shape[:2]
        whole = paint.View((0, 0, width, height), place)
        paint.draw_picture(canvas, cell.image, whole, brightness=1.0 if cell.inside else 0.4)
        view = paint.View((0, 0, *cell.size), place)
        thick = max(2.0, place[3] / 150)
        if cell.inside:
            if cell.ghost is not None:
                self._ghost(canvas, cell.ghost, view, thick)
            points, confidence = view.map(cell.keypoints[:, :2]), cell.keypoints[:, 2]
            paint.draw_skeleton(
                canvas, points, confidence, place, differences=cell.differences, width=thick,
                dots=bool(cell.differences),
            )  # fmt: skip
        paint.round_corners(canvas, place, 10, paint.BACKGROUND)
        self._title(canvas, cell.title, place)

    @staticmethod
    def _ghost(canvas: Image, pose: FloatArray, view: paint.View, thick: float) -> None:
        x, y, w, h = view.place
        below = canvas[y : y + h, x : x + w]
        before = below.copy()
        points, width = view.map(pose[:, :2]), 1.6 * thick
        paint.draw_skeleton(canvas, points, pose[:, 2], view.place, width=width, color=paint.CALM, dots=False)
        cv2.addWeighted(below, _GHOST_OPACITY, before, 1 - _GHOST_OPACITY, 0, dst=below)

    def _title(self, canvas: Image, title: str, place: Rectangle) -> None:
        size = max(12, min(18, place[3] // 22))
        while title and self._text.width(title, size, bold=True) > place[2] - 4 * size:
            title = title[:-2].rstrip("…") + "…" if len(title) > 2 else ""
        if not title:
            return
        width = self._text.width(title, size, bold=True)
        x, y = place[0] + size // 2 + 2, place[1] + size // 2 + 2
        box = (x, y, width + 2 * (size * 2 // 3), size * 7 // 4)
        paint.draw_box(canvas, box, paint.SHADOW, radius=box[3] // 2, opacity=0.62)
        self._text.draw(
            canvas, title, x + size * 2 // 3, y + size * 5 // 4, size=size, color=paint.TEXT, bold=True
        )

    def _clock(self, canvas: Image, place: Rectangle, time: float, duration: float) -> None:
        x, y, _, h = place
        size, baseline = round(h * 0.42), y + round(h * 0.66)
        words = f"{tenths(time)} / {tenths(duration)}"
        self._text.draw(
            canvas, words, x + 4, baseline, size=size, color=paint.MUTED, background=paint.BACKGROUND
        )

    def _caption(self, canvas: Image, cell: Cell, place: Rectangle) -> None:
        """Draw the score on the left, early or late beside it, and the largest difference if it fits."""
        x, y, w, h = place
        large, small, baseline = round(h * 0.62), round(h * 0.38), y + round(h * 0.7)
        left = float(x + 4)
        ground = paint.BACKGROUND
        if cell.score is not None:
            number = f"{cell.score:.0f}"
            color = paint.score_color(round(cell.score))
            self._text.draw(
                canvas, number, left, baseline, size=large, color=color, bold=True, background=ground
            )
            left += self._text.width("100", large, bold=True) + small * 0.6
        words, color = lead_words(cell.lead)
        if words:
            left += self._text.draw(
                canvas, words, left, baseline, size=small, color=color, bold=True, background=ground
            )
        right = x + w - round(0.3 * h)
        room = right - left - small
        if cell.words and self._text.width(cell.words, small) <= room:
            self._text.draw(
                canvas, cell.words, right, baseline, size=small, color=paint.FAIR, align="right",
                background=ground,
            )  # fmt: skip


def lead_words(lead: float | None) -> tuple[str, tuple[int, int, int]]:
    """Return early or late and by how much, with a colour; '' when not known."""
    if lead is None:
        return "", paint.MUTED
    if abs(lead) < ON_TIME_SECONDS:
        return "on time", paint.GOOD
    return f"{abs(lead):.1f} s {'early' if lead > 0 else 'late'}", paint.CALM if lead > 0 else paint.FAIR


class GhostPlacer:
    """Places the expert's pose over the attempt: hips on hips, scaled to the attempt's trunk.

    The size follows slowly: a trunk that bends towards the camera is short for a moment, not small.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._ratio: float | None = None
        self._time = 0.0

    def place(self, expert: FloatArray, attempt: FloatArray, time: float) -> FloatArray | None:
        """Return the expert's pose (17, 3) in the attempt's picture, px; None when a trunk is not seen.

        Args:
            expert: (17, 3) px in the expert's picture.
            attempt: (17, 3) px in the attempt's picture.
            time: s, rising.
        """
        seen = min(expert[_TORSO, 2].min(), attempt[_TORSO, 2].min()) > CONFIDENCE_FLOOR
        ours, theirs = _trunk(attempt), _trunk(expert)
        if not seen or theirs < 1e-3:
            return None
        share = 1.0 if self._ratio is None else 1.0 - np.exp(-max(0.0, time - self._time) / self._seconds)
        self._ratio = (self._ratio or 0.0) * (1.0 - share) + share * ours / theirs
        self._time = time
        hips = [LEFT_HIP, RIGHT_HIP]
        placed = expert.astype(np.float64)
        placed[:, :2] = (placed[:, :2] - placed[hips, :2].mean(axis=0)) * self._ratio
        placed[:, :2] += attempt[hips, :2].mean(axis=0)
        return placed


def _trunk(pose: FloatArray) -> float:
    """Return the size of a trunk, px: its two sides and two diagonals, which do not vanish in profile."""
    pairs = ((LEFT_SHOULDER, LEFT_HIP), (RIGHT_SHOULDER, RIGHT_HIP), (LEFT_SHOULDER, RIGHT_HIP),
             (RIGHT_SHOULDER, LEFT_HIP))  # fmt: skip
    return float(sum(np.hypot(*(pose[a, :2] - pose[b, :2])) for a, b in pairs) / 4)
