"""Draws what lies over the pictures: names, the details panel, a notice, the count-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED
from posesync.pose.types import Image
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import Stamp, TextPainter

Rectangle = tuple[int, int, int, int]
Ruler = Callable[[float], int]

#: Size in px and lines of a notice, the best first, for a canvas 720 px high.
NOTICE_SIZES: Final = ((36, 1), (32, 2), (26, 3))


def make_label(text: TextPainter, px: Ruler, label: str) -> Stamp:
    """Return a picture's name on a dark plate, ready to be laid over pictures."""
    size, pad = px(17), px(12)
    width = text.width(label, size, bold=True) + 2 * pad
    # Blending is linear: its result on black and on white gives ink and transparency for every colour.
    plates = np.zeros((px(30), width, 3), np.uint8), np.full((px(30), width, 3), 255, np.uint8)
    for plate in plates:
        paint.draw_box(plate, (0, 0, width, px(30)), paint.SHADOW, radius=px(15), opacity=0.62)
        text.draw(plate, label, pad, px(21), size=size, color=paint.TEXT, bold=True)
    dark, bright = (plate.astype(np.float64) for plate in plates)
    keep = np.rint(np.maximum(bright - dark, 0.0) * 256 / 255).astype(np.uint16)
    return Stamp((dark * 256 + 128).astype(np.uint16), keep)


def draw_details(
    canvas: Image, text: TextPainter, px: Ruler, place: Rectangle, lines: tuple[tuple[str, str], ...]
) -> None:
    """Draw lines of label and value, below the name of the picture in ``place``."""
    size, step = px(15), px(23)
    labels = max((text.width(label, size) for label, _ in lines), default=0)
    values = max((text.width(value, size) for _, value in lines), default=0)
    x, y = place[0] + px(12), place[1] + px(52)
    box = (x, y, labels + values + px(44), step * len(lines) + px(18))
    paint.draw_box(canvas, box, paint.SHADOW, radius=px(10), opacity=0.78)
    for k, (label, value) in enumerate(lines):
        baseline = y + px(26) + k * step
        text.draw(canvas, label, x + px(14), baseline, size=size, color=paint.MUTED)
        text.draw(canvas, value, x + labels + px(30), baseline, size=size, color=paint.TEXT)


def draw_notice(canvas: Image, text: TextPainter, px: Ruler, place: Rectangle, notice: str) -> None:
    """Draw a notice in the middle of a picture; one wider than the picture extends beyond it."""
    lines, size = text.fit(
        notice, canvas.shape[1] - px(120), [(px(s), n) for s, n in NOTICE_SIZES], bold=True
    )
    step = round(1.25 * size)
    width = max(text.measure(line, size, bold=True) for line in lines) + px(56)
    tall = step * (len(lines) - 1) + round(2.0 * size)
    middle = place[0] + place[2] // 2
    middle = min(max(middle, width // 2 + px(8)), canvas.shape[1] - width // 2 - px(8))
    y = place[1] + (place[3] - tall) // 2
    paint.draw_box(
        canvas,
        (middle - width // 2, y, width, tall),
        paint.SHADOW,
        radius=min(tall // 2, px(36)),
        opacity=0.86,
    )
    for k, line in enumerate(lines):
        baseline = y + round(1.34 * size) + k * step
        text.draw(
            canvas, line, middle, baseline, size=size, color=paint.TEXT, bold=True, align="center"
        )  # fmt: skip


def draw_countdown(canvas: Image, text: TextPainter, px: Ruler, place: Rectangle, count: str) -> None:
    """Draw a number as large as the picture has room for, on a dark disc."""
    middle, level = place[0] + place[2] // 2, place[1] + place[3] // 2
    side = min(px(340), max(place[3] - px(40), px(40)))
    words = count[:12]
    choices = [(round(side * share), 1) for share in (0.74, 0.5, 0.34, 0.22)]
    (line, *_), size = text.fit(words, side * 0.84, choices, bold=True)
    box = (middle - side // 2, level - side // 2, side, side)
    paint.draw_box(canvas, box, paint.SHADOW, radius=side // 2, opacity=0.66)
    baseline = level + round(0.364 * size)  # half of a capital's height in Inter
    text.draw(canvas, line, middle, baseline, size=size, color=paint.TEXT, bold=True, align="center")


def draw_memory(canvas: Image, text: TextPainter, px: Ruler, place: Rectangle) -> None:
    """Write in the place of a hidden expert why it is empty."""
    x, y, w, h = place
    (line, *_), size = text.fit(SHARED.words.memory, w * 0.8, [(px(34), 1), (px(22), 1)], bold=True)
    text.draw(
        canvas, line, x + w // 2, y + h // 2, size=size, color=paint.MUTED, bold=True, align="center",
        background=paint.SURFACE,
    )  # fmt: skip
