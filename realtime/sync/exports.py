"""Exports of a synchronisation besides the video: the path as CSV, the cost matrix as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from posesync.pose.files import atomic_file
from posesync.pose.types import FloatArray, Image
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import TextPainter
from posesync.reference.align import Metric, cost_matrix
from posesync.reference.sync import Match

_COLUMNS: Final = (
    "attempt", "expert_s", "attempt_s", "expert_frame", "attempt_frame", "cost", "confidence"
)  # fmt: skip
_SIDE: Final = 640  # px of the longer side of a cost matrix
_SAMPLES: Final = 600
_EDGE: Final = (78, 56, 24, 64)  # px of the margins: left, top, right, bottom


def write_path(path: Path, matches: Sequence[Match]) -> None:
    """Write every matched pair as CSV of numbers; attempts count from 1, frames from 0.

    Raises:
        OutputError: the disk is full, the folder missing or not writable.
    """
    with atomic_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for number, match in enumerate(matches, start=1):
            found = match.alignment
            for k, (i, j) in enumerate(found.path.tolist()):
                times = f"{found.times_a[k]:.4f}", f"{found.times_b[k]:.4f}"
                writer.writerow([number, *times, i, j, f"{found.costs[k]:.5f}", f"{found.confidence[k]:.3f}"])
        text.detach()


def write_plot(path: Path, matches: Sequence[Match], names: Sequence[str], metric: Metric) -> None:
    """Write the cost matrices with their warping paths side by side, as PNG.

    Args:
        path: path of the picture.
        matches: the match of each attempt with the expert.
        names: name of the expert's video, then of the attempts.
        metric: the metric of the costs shown.

    Raises:
        OutputError: the disk is full, the folder missing or not writable.
    """
    text = TextPainter()
    plots = [
        draw_plot(match, names[0], name, metric, text) for match, name in zip(matches, names[1:], strict=True)
    ]
    height = max(plot.shape[0] for plot in plots)
    padded = [
        cv2.copyMakeBorder(p, 0, height - p.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=paint.BACKGROUND)
        for p in plots
    ]
    encoded = cv2.imencode(".png", np.hstack(padded))[1]
    with atomic_file(path) as file:
        file.write(encoded.tobytes())


def draw_plot(match: Match, expert: str, attempt: str, metric: Metric, text: TextPainter) -> Image:
    """Return one cost matrix as (H, W, 3) BGR: the expert's time to the right, the attempt's upwards."""
    spans = [(float(r.times[0]), float(r.times[-1])) for r in (match.expert, match.attempt)]
    lengths = [max(end - start, 1e-3) for start, end in spans]
    width, height = (max(160, round(_SIDE * length / max(lengths))) for length in lengths)
    grids = [
        np.linspace(*span, min(_SAMPLES, len(r)))
        for span, r in zip(spans, (match.expert, match.attempt), strict=True)
    ]
    costs = cost_matrix(match.compared, match.attempt, grids[0], grids[1], metric).T[::-1]
    low, high = np.percentile(costs, (1, 99)).tolist()
    grey = np.clip((costs - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
    matrix = cv2.applyColorMap(
        cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), cv2.COLORMAP_VIRIDIS
    )
    left, top, right, bottom = _EDGE
    canvas: Image = np.full((height + top + bottom, width + left + right, 3), paint.BACKGROUND, np.uint8)
    canvas[top : top + height, left : left + width] = matrix
    x = left + (match.alignment.times_a - spans[0][0]) / lengths[0] * (width - 1)
    y = top + height - 1 - (match.alignment.times_b - spans[1][0]) / lengths[1] * (height - 1)
    points = np.column_stack([x, y])
    line = np.rint(points * 16).astype(np.int32)[:, None]
    for color, thick in ((paint.SHADOW, 5), (paint.TEXT, 2)):
        cv2.polylines(canvas, [line], False, color, thick, cv2.LINE_AA, 4)
    _label(canvas, text, (expert, attempt), spans, (left, top, width, height))
    return canvas


def _label(
    canvas: Image, text: TextPainter, names: tuple[str, str], spans: list[tuple[float, float]],
    place: tuple[int, int, int, int],
) -> None:  # fmt: skip
    left, top, width, height = place
    for moment in ticks(*spans[0]):
        x = left + (moment - spans[0][0]) / max(spans[0][1] - spans[0][0], 1e-3) * (width - 1)
        text.draw(canvas, f"{moment:g}", x, top + height + 20, size=14, color=paint.MUTED, align="center")
    for moment in ticks(*spans[1]):
        y = top + height - 1 - (moment - spans[1][0]) / max(spans[1][1] - spans[1][0], 1e-3) * (height - 1)
        text.draw(canvas, f"{moment:g}", left - 8, y + 5, size=14, color=paint.MUTED, align="right")
    text.draw(
        canvas,
        f"{_short(names[0])}, s",
        left + width / 2,
        top + height + 46,
        size=16,
        color=paint.TEXT,
        align="center",
    )
    text.draw(canvas, f"{_short(names[1])}, s", 14, 24, size=16, color=paint.TEXT)
    text.draw(canvas, "dark: alike", left + width, 46, size=14, color=paint.MUTED, align="right")


def ticks(start: float, end: float, most: int = 8) -> FloatArray:
    """Return round moments from ``start`` to ``end`` s, at most about ``most`` of them."""
    raw = max(end - start, 1e-3) / most
    size = 10.0 ** np.floor(np.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * (1 - 1e-9))
    found: FloatArray = np.round(
        np.arange(np.ceil(start / step - 1e-9), np.floor(end / step + 1e-9) + 1) * step, 6
    )
    return found


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
