"""Makes a contact sheet: a whole session's pictures in one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

#: px: width of a picture, height of the line below it, gap between two.
_WIDTH, _LINE, _GAP = 520, 26, 4
_PAPER: Final = (28, 26, 24)
_INK: Final = (225, 225, 225)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Row:
    """One processed frame of a log.

    Attributes:
        time: s since the camera's first frame.
        place: s in the reference, or None.
        state: the tracker's, in lower case.
        confidence: 0..1.
        score: 0..100 or None.
        cue: what was said with this frame, or None.
    """

    time: float
    place: float | None
    state: str
    confidence: float
    score: float | None
    cue: str | None

    @property
    def followed(self) -> bool:
        """Whether the performer is in the piece."""
        return self.state in ("following", "holding")


def read_log(path: Path) -> list[Row]:
    """The frames of a session.jsonl, in order; those that were dropped are left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        values: dict[str, Any] = json.loads(line)
        if "t" in values and not values.get("dropped"):
            found = (values[name] for name in ("t", "position", "state", "confidence", "score"))
            rows.append(Row(*found, values.get("cue")))
    return rows


def contact_sheet(
    video: Path,
    rows: list[Row],
    *,
    count: int = 12,
    columns: int = 3,
    span: tuple[float, float] | None = None,
    truth: Callable[[float], float | None] | None = None,
) -> Image:
    """Evenly spaced pictures of a recording, below each what the log says of it.

    Args:
        video: what was shown, with the log's times.
        rows: of the log; may be empty.
        count: of pictures.
        columns: of the sheet.
        span: from s, to s; None: all of it.
        truth: where the performer truly is, s in the reference.
    """
    times = _times(video)
    begin, end = span or (times[0], times[-1])
    inside = [number for number, time in enumerate(times) if begin - 1e-6 <= time <= end + 1e-6]
    if not inside:
        raise ValueError(f"{video} has nothing from {begin:g} to {end:g} s: it lasts {times[-1]:.2f} s")
    chosen = {inside[round(float(i))] for i in np.linspace(0, len(inside) - 1, min(count, len(inside)))}
    cells = [
        _cell(image, _caption(time, rows, truth), (_WIDTH, round(image.shape[0] * _WIDTH / image.shape[1])))
        for time, image in _pictures(video, chosen)
    ]
    height = cells[0].shape[0]
    lines = -(-len(cells) // columns)
    sheet: Image = np.full((lines * (height + _GAP), columns * (_WIDTH + _GAP), 3), _PAPER, np.uint8)
    for number, cell in enumerate(cells):
        top, left = number // columns * (height + _GAP), number % columns * (_WIDTH + _GAP)
        sheet[top : top + height, left : left + _WIDTH] = cell
    return sheet


def strip(images: list[Image], captions: list[str], height: int) -> Image:
    """Pictures side by side, each ``height`` px high, with a line below it."""
    cells = []
    for image, caption in zip(images, captions, strict=True):
        cell = _cell(image, caption, (round(image.shape[1] * height / image.shape[0]), height))
        cells += [cell, np.full((len(cell), _GAP, 3), _PAPER, np.uint8)]
    return np.hstack(cells)


def _times(video: Path) -> list[float]:
    """(N,) s of the pictures, from 0."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stamps = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
        return [float((stamp - stamps[0]) * stream.time_base) for stamp in stamps]


def _pictures(video: Path, numbers: set[int]) -> Iterator[tuple[float, Image]]:
    with av.open(str(video)) as container:
        first = None
        for number, frame in enumerate(container.decode(video=0)):
            first = frame.time if first is None else first
            if number in numbers:
                yield frame.time - first, frame.to_ndarray(format="bgr24")


def _caption(time: float, rows: list[Row], truth: Callable[[float], float | None] | None) -> str:
    """Return the description of a moment, in one line."""
    words = [f"{time:.2f} s"]
    if rows:
        row = min(rows, key=lambda one: abs(one.time - time))
        words.append(row.state.upper())
        words.append("nowhere" if row.place is None else f"at {row.place:.2f} s, sure {row.confidence:.2f}")
    known = truth(time) if truth is not None else None
    if known is not None:
        words.append(f"truly {known:.2f} s")
    return "   ".join(words)


def _cell(image: Image, caption: str, size: tuple[int, int]) -> Image:
    """A picture of (width, height) px and the line below it, as large as fits."""
    width, height = size
    cell: Image = np.full((height + _LINE, width, 3), _PAPER, np.uint8)
    cell[:height] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    letters = min(0.45, 0.45 * width / max(1, cv2.getTextSize(caption, _FONT, 0.45, 1)[0][0] + 12))
    cv2.putText(cell, caption, (6, height + 18), _FONT, letters, _INK, 1, cv2.LINE_AA)
    return cell
