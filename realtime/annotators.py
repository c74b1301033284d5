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

from .text import Color, blend


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
    shrinks = w < 0.45 * width  # otherwise linear is as good and five times faster
    shown = cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if view.flip:
        shown = cv2.flip(shown, 1)
    if brightness < 1.0:
        shown = cv2.convertScaleAbs(shown, alpha=brightness)
    canvas[y0 : y0 + h, x0 : x0 + w] = shown


def round_corners(canvas: Image, place: tuple[int, int, int, int], radius: int, color: Color) -> None:
    """Paint the four corners of a rectangle (left, top, width, height) in the colour of what is behind it."""
    x, y, w, h = place
    corner = _corner(radius)
    for mask, left, top in (
        (corner, x, y),
        (corner[:, ::-1], x + w - radius, y),
        (corner[::-1], x, y + h - radius),
        (corner[::-1, ::-1], x + w - radius, y + h - radius),
    ):
        blend(canvas, mask, left, top, color)


def draw_box(
    canvas: Image, place: tuple[int, int, int, int], color: Color, *, radius: int = 8, opacity: float = 1.0
) -> None:
    """A filled box with round corners, laid over the canvas with ``opacity`` 0..1."""
    x, y, w, h = place
    mask = _rounded(w, h, radius) * np.float32(opacity)
    blend(canvas, mask, x, y, color)


def draw_bar(canvas: Image, place: tuple[int, int, int, int], share: float | None, color: Color) -> None:
    """A progress bar with round ends, filled to ``share`` 0..1; None leaves it empty."""
    x, y, w, h = place
    draw_box(canvas, place, TRACK, radius=h // 2)
    if share is not None:
        filled = max(h, round(w * min(max(share, 0.0), 1.0)))
        draw_box(canvas, (x, y, filled, h), color, radius=h // 2)
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
    seen = keypoint_weights(confidence) > 0
    spots = np.round((points - (x0, y0)) * (1 << _SHIFT)).astype(np.int64)
    near = np.abs(spots).max(axis=1) < 1 << 20  # cv2 takes 32 bits
    strokes = []
    for a, b in BONES:
        if min(a, b) >= _BODY and seen[a] and seen[b] and near[a] and near[b]:
            degrees = (differences or {}).get(_BONE_JOINT.get((a, b), ""))
            thick = width * (1.0 + 0.7 * _severity(degrees))
            strokes.append((spots[a], spots[b], color if degrees is None else error_color(degrees), thick))
    for grow, shadow in ((width * 0.6, True), (0.0, False)):
        for start, end, tint, thick in strokes:
            thickness = max(1, round(thick + grow))
            ink = SHADOW if shadow else tint
            cv2.line(area, _point(start), _point(end), ink, thickness, cv2.LINE_AA, _SHIFT)
    for k in np.flatnonzero(seen & near) if dots else ():
        if k >= _BODY:
            radius = round(width * (1 << _SHIFT))
            cv2.circle(area, _point(spots[k]), radius, SHADOW, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(area, _point(spots[k]), round(radius * 0.62), TEXT, -1, cv2.LINE_AA, _SHIFT)


def error_color(degrees: float) -> Color:
    """Green to ``GOOD_BELOW`` degrees, over amber at ``FAIR_AT`` to red from ``POOR_FROM``."""
    size = abs(degrees)
    stops = (GOOD_BELOW, FAIR_AT, POOR_FROM)
    blue, green, red = (float(np.interp(size, stops, band)) for band in zip(GOOD, FAIR, POOR, strict=True))
    return round(blue), round(green), round(red)


def score_color(score: float) -> Color:
    """Green from 85, over amber at 60 to red at 35 and below."""
    return error_color(float(np.interp(score, (35, 60, 85), (POOR_FROM, FAIR_AT, GOOD_BELOW))))


def _severity(degrees: float | None) -> float:
    return 0.0 if degrees is None else float(np.interp(abs(degrees), (GOOD_BELOW, POOR_FROM), (0.0, 1.0)))


def _point(spot: FloatArray) -> tuple[int, int]:
    return int(spot[0]), int(spot[1])


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


@lru_cache(maxsize=64)
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
