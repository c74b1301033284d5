"""Tells a picture of a person from a person: nobody stands so still that nothing of them changes.

A box around a poster jitters as a person's does, for detectors and pose networks are never quite steady. Its
pixels do not change, though, while a person who waits still breathes and sways. This holds for a camera that
stands still; with one that moves nothing is ever still, and a person on a screen who moves is alive here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from .letterbox import clip, grow
from .types import Box, FloatArray, Frame, Image

#: s between checks for movement elsewhere. Something moves when this many pixels of a thumbnail change; the
#: thumbnail's px and the grey levels follow.
CHECK: Final = 0.1
CHANGED: Final = 3
THUMBNAIL: Final = 64
CHANGE: Final = 12
#: s between two looks, s of looks that are compared, and s that they must span for a verdict.
LOOK: Final = 0.15
SPAN: Final = 2.0
ENOUGH: Final = 1.2
#: Longest side of a look, px, and grey levels by which one of its pixels must vary to have changed.
SIDE: Final = 64
VARIES: Final = 9.0
#: Share of a look's pixels, 0..1, up to which it is still: a codec's blocks now and then come anew.
STILL: Final = 0.004
#: Share of the pixels that nobody else hides, 0..1, needed for a verdict.
VISIBLE: Final = 0.25
#: Overlap with the place of the first look below which the person is somewhere else now.
THERE: Final = 0.4

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Look:
    time: float
    grey: FloatArray
    hidden: Mask


class Stillness:
    """Watches the place of one person.

    Attributes:
        frozen: whether nothing has changed there for a while; False until that is known.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the place."""
        self.frozen = False
        self._place: Box | None = None
        self._looks: list[_Look] = []

    def update(self, frame: Frame, box: Box, others: Sequence[Box]) -> None:
        """Look at the place again.

        Args:
            frame: the next one.
            box: the person's box in it, px.
            others: boxes of everybody else; what they hide says nothing.
        """
        if self._place is None or self._place.iou(box) < THERE:
            self.reset()
            self._place = clip(grow(box, 0.05 * max(box.width, box.height)), frame.image)
        if self._looks and frame.time - self._looks[-1].time < LOOK:
            return
        look = _look(frame, self._place, others)
        if look is None:
            return
        self._looks = [old for old in self._looks if frame.time - old.time <= SPAN] + [look]
        if frame.time - self._looks[0].time < ENOUGH:
            return
        seen = ~np.any([old.hidden for old in self._looks], axis=0)
        if seen.mean() < VISIBLE:
            return  # somebody stands before it: the last verdict holds
        greys = np.stack([old.grey for old in self._looks])
        greys -= np.median(greys[:, seen], axis=1)[:, None, None]  # the light, or the camera's exposure
        self.frozen = bool(np.mean(np.ptp(greys, axis=0)[seen] > VARIES) <= STILL)


def _look(frame: Frame, place: Box, others: Sequence[Box]) -> _Look | None:
    """Return the place as a small grey picture; None when nothing of it lies in the frame."""
    left, top = int(place.left), int(place.top)
    part: Image = frame.image[top : round(place.bottom), left : round(place.right)]
    if min(part.shape[:2]) < 2:
        return None
    scale = min(SIDE / max(part.shape[:2]), 1.0)
    size = tuple(max(1, round(side * scale)) for side in (part.shape[1], part.shape[0]))
    grey = cv2.cvtColor(cv2.resize(part, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    hidden = np.zeros(grey.shape, np.bool_)
    for other in others:
        body = grow(other, 0.1 * max(other.width, other.height))
        rows = slice(max(0, int((body.top - top) * scale)), max(0, int((body.bottom - top) * scale) + 1))
        columns = slice(max(0, int((body.left - left) * scale)), max(0, int((body.right - left) * scale) + 1))
        hidden[rows, columns] = True
    smooth = cv2.blur(grey, (3, 3)).astype(np.float64)  # a sensor's noise is not a movement
    return _Look(frame.time, smooth, hidden)


class Elsewhere:
    """Notices movement outside a box, checked at most every CHECK s.

    It costs a tenth of a millisecond, and saves looking for others when nobody else is there.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last picture."""
        self._last: tuple[float, Image] | None = None

    def update(self, frame: Frame, box: Box | None) -> Box | None:
        """Return where something moves outside ``box``, px; None where nothing does, or between checks."""
        time, image = frame.time, frame.image
        if self._last is not None and time - self._last[0] < CHECK:
            return None
        longest = max(image.shape[:2])
        scale, step = THUMBNAIL / longest, max(1, longest // (4 * THUMBNAIL))
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        coarse = np.ascontiguousarray(image[::step, ::step])  # about 16 make a pixel
        small = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_AREA), np.uint8)
        before, self._last = self._last, (time, small)
        if before is None or box is None:
            return None
        changed = cv2.absdiff(small, before[1]).max(axis=2) > CHANGE
        left, top = (max(0, round(edge * scale) - 1) for edge in (box.left, box.top))
        right, bottom = (max(0, round(edge * scale) + 1) for edge in (box.right, box.bottom))
        changed[top:bottom, left:right] = False
        if int(changed.sum()) < CHANGED:
            return None
        rows, columns = np.nonzero(changed)
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return Box(*(float(edge) / scale for edge in edges))
