"""Small drawing parts: each changes one thing on an image, in place, and knows nothing of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from posesync.pose.features import keypoint_weights
from posesync.pose.skeleton import BONES, LIMBS
from posesync.pose.types import FloatArray, Image

from .text import Color, Stamp


def bgr(code: str) -> Color:
    """``#rrggbb`` as B, G, R."""
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


BACKGROUND: Final = bgr("#101317")
SURFACE: Final = bgr("#1b2027")
TRACK: Final = bgr("#343b45")
TEXT: Final = bgr("#f3f5f7")
MUTED: Final = bgr("#9aa4b1")
NEUTRAL: Final = bgr("#dfe6ee")
SHADOW: Final = bgr("#0b0d10")
# Told apart in the common kinds of colour blindness; thickness says the same a second time.
GOOD: Final = bgr("#2fd3a5")
FAIR: Final = bgr("#ffb84d")
POOR: Final = bgr("#ff5a5f")
CALM: Final = bgr("#6cb6ff")

#: Differences in degrees at which a limb is fully green, amber, red.
GOOD_BELOW: Final = 10.0
FAIR_AT: Final = 22.0
POOR_FROM: Final = 38.0

#: The joint whose difference colours a limb; limbs of the trunk stay neutral.
_JOINT_OF_LIMB: Final = {"upper_arm": "shoulder", "forearm": "elbow", "thigh": "hip", "shin": "knee"}
_BONE_JOINT: Final = {
    pair: f"{side}_{_JOINT_OF_LIMB[part]}"
    for name, pair in LIMBS.items()
    for side, _, part in [name.partition("_")]
    if part in _JOINT_OF_LIMB
}
_BODY: Final = 5  # the first keypoint that does not belong to the face
_SHIFT: Final = 4  # cv2 draws at 1/16 px, so that a skeleton does not jitter by whole pixels


@dataclass(frozen=True, slots=True)
class View:
    """How a source image is shown: which part of it, where on the canvas, and whether flipped.

    Attributes:
        crop: left, top, width, height in the source image, px.
        place: left, top, width, height on the canvas, px.
        flip: left and right exchanged.
    """

    crop: tuple[int, int, int, int]
    place: tuple[int, int, int, int]
    flip: bool = False

    def map(self, xy: FloatArray) -> FloatArray:
        """Points (N, 2) of the source image, px, on the canvas."""
        left, top, width, height = self.crop
        x0, y0, w, h = self.place
        x = (xy[:, 0] - left) * (w / width)
        return np.column_stack([x0 + (w - 1 - x if self.flip else x), y0 + (xy[:, 1] - top) * (h / height)])


def draw_picture(canvas: Image, image: Image, view: View, *, brightness: float = 1.0) -> None:
    """Show the view's part of ``image`` in its place; ``brightness`` 0..1 darkens it."""
    left, top, width, height = view.crop
    x0, y0, w, h = view.place
    part = image[top : top + height, left : left + width]
    place = canvas[y0 : y0 + h, x0 : x0 + w]
    shrinks = w < 0.45 * width  # otherwise linear is as good and five times faster
    # Everything happens in the canvas: no picture in between.
    cv2.resize(part, (w, h), dst=place, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if view.flip:
        cv2.flip(place, 1, dst=place)
    if brightness < 1.0:
        cv2.convertScaleAbs(place, dst=place, alpha=brightness)


def round_corners(canvas: Image, place: tuple[int, int, int, int], radius: int, color: Color) -> None:
    """Paint the four corners of a rectangle (left, top, width, height) in the colour of what is behind it."""
    x, y, w, h = place
    radius = min(radius, w // 2, h // 2)
    if radius < 1:
        return
    area = canvas[y : y + h, x : x + w]
    row, column, channel = area.strides
    # All four at once: two rows of two squares, as a view.
    corners = np.lib.stride_tricks.as_strided(
        area, (2, 2, radius, radius, 3), ((h - radius) * row, (w - radius) * column, row, column, channel)
    )
    _corners(radius, color).mix(corners)


def draw_box(
    canvas: Image, place: tuple[int, int, int, int], color: Color, *, radius: int = 8, opacity: float = 1.0
) -> None:
    """A filled box with round corners, laid over the canvas with ``opacity`` 0..1."""
    x, y, w, h = place
    _box(w, h, radius, color, opacity).lay(canvas, x, y)


def draw_bar(canvas: Image, place: tuple[int, int, int, int], share: float, color: Color) -> None:
    """What is filled of a progress bar with round ends, ``share`` 0..1; the track is not drawn."""
    x, y, w, h = place
    filled = max(h, round(w * min(max(share, 0.0), 1.0)))
    _disc(canvas, x + h / 2 - 0.5, y + h / 2 - 0.5, h / 2 - 0.5, color)
    canvas[y : y + h, x + h // 2 : x + filled - h // 2] = color
    _disc(canvas, x + filled - h / 2, y + h / 2, h * 1.1, TEXT)


def draw_skeleton(
    canvas: Image,
    points: FloatArray,
    confidence: FloatArray,
    place: tuple[int, int, int, int],
    *,
    differences: Mapping[str, float | None] | None = None,
    width: float = 5.0,
    color: Color = NEUTRAL,
    dots: bool = True,
) -> None:
    """Draw the bones of the body inside of ``place``; on a face, lines would only hide it.

    Args:
        canvas: changed in place.
        points: (17, 2) px on the canvas.
        confidence: (17,) 0..1; a bone with an unseen end is left out.
        place: left, top, width, height that nothing is drawn outside of.
        differences: joint → degrees or None; limbs are coloured by them and grow thicker with the error.
        width: px, of a limb without error.
        color: of everything that no difference colours.
        dots: mark the keypoints.
    """
    x0, y0, w, h = place
    area = canvas[y0 : y0 + h, x0 : x0 + w]
    spots = np.rint((points - (x0, y0)) * (1 << _SHIFT))
    visible = (keypoint_weights(confidence) > 0) & (np.abs(spots).max(axis=1) < 1 << 20)  # cv2 takes 32 bits
    visible[:_BODY] = False
    at = {k: (int(spots[k, 0]), int(spots[k, 1])) for k in np.flatnonzero(visible).tolist()}
    strokes = []
    for a, b in BONES:
        if a in at and b in at:
            degrees = (differences or {}).get(_BONE_JOINT.get((a, b), ""))
            thick = width * (1.0 + 0.7 * _severity(degrees))
            strokes.append((at[a], at[b], color if degrees is None else error_color(degrees), thick))
    for start, end, _, thick in strokes:
        cv2.line(area, start, end, SHADOW, max(1, round(thick + width * 0.6)), cv2.LINE_AA, _SHIFT)
    for start, end, tint, thick in strokes:
        cv2.line(area, start, end, tint, max(1, round(thick)), cv2.LINE_AA, _SHIFT)
    radius = round(width * (1 << _SHIFT))
    for spot in at.values() if dots else ():
        cv2.circle(area, spot, radius, SHADOW, -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(area, spot, round(radius * 0.62), TEXT, -1, cv2.LINE_AA, _SHIFT)


def error_color(degrees: float) -> Color:
    """Green to ``GOOD_BELOW`` degrees, over amber at ``FAIR_AT`` to red from ``POOR_FROM``."""
    size = abs(degrees)
    if size < FAIR_AT:
        share, a, b = _share(size, GOOD_BELOW, FAIR_AT), GOOD, FAIR
    else:
        share, a, b = _share(size, FAIR_AT, POOR_FROM), FAIR, POOR
    return (
        round(a[0] + share * (b[0] - a[0])),
        round(a[1] + share * (b[1] - a[1])),
        round(a[2] + share * (b[2] - a[2])),
    )


def score_color(score: float) -> Color:
    """Green from 85, over amber at 60 to red at 35 and below."""
    return error_color(float(np.interp(score, (35, 60, 85), (POOR_FROM, FAIR_AT, GOOD_BELOW))))


def _severity(degrees: float | None) -> float:
    return 0.0 if degrees is None else _share(abs(degrees), GOOD_BELOW, POOR_FROM)


def _share(value: float, low: float, high: float) -> float:
    """How far ``value`` is from ``low`` to ``high``, 0..1."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _disc(canvas: Image, x: float, y: float, radius: float, color: Color) -> None:
    center = round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT))
    cv2.circle(canvas, center, round(radius * (1 << _SHIFT)), color, -1, cv2.LINE_AA, _SHIFT)


def dot(canvas: Image, x: float, y: float, radius: float, color: Color) -> None:
    """A filled disc at (x, y) px."""
    _disc(canvas, x, y, radius, color)


@lru_cache(maxsize=16)
def _corner(radius: int) -> FloatArray:
    """What to paint over at a top left corner, (radius, radius) 0..1."""
    distance = np.hypot(*(radius - 0.5 - np.indices((radius, radius))))
    mask: FloatArray = np.clip(distance - radius + 0.5, 0.0, 1.0).astype(np.float32)
    return mask


@lru_cache(maxsize=16)
def _corners(radius: int, color: Color) -> Stamp:
    """All four corners, (2, 2, radius, radius)."""
    corner = _corner(radius)
    rows = ((corner, corner[:, ::-1]), (corner[::-1], corner[::-1, ::-1]))
    return Stamp.of(np.array(rows), color)


@lru_cache(maxsize=64)
def _box(width: int, height: int, radius: int, color: Color, opacity: float) -> Stamp:
    return Stamp.of(_rounded(width, height, radius) * np.float32(opacity), color)


def _rounded(width: int, height: int, radius: int) -> FloatArray:
    """A full rectangle with round corners, (height, width) 0..1."""
    mask = np.ones((height, width), np.float32)
    radius = min(radius, width // 2, height // 2)
    if radius > 0:
        keep = 1.0 - _corner(radius)
        mask[:radius, :radius] = keep
        mask[:radius, -radius:] = keep[:, ::-1]
        mask[-radius:, :radius] = keep[::-1]
        mask[-radius:, -radius:] = keep[::-1, ::-1]
    return mask
