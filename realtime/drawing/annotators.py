"""Small drawing functions: each draws one thing on an image, in place, independently of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from posesync.configs.shared import SHARED
from posesync.pose.features import keypoint_weights
from posesync.pose.skeleton import BODY, BONES, JOINT_OF_LIMB, JOINTS, LIMBS
from posesync.pose.types import FloatArray, Image

from .text import Color, Stamp


def bgr(code: str) -> Color:
    """Return ``#rrggbb`` as B, G, R."""
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


BACKGROUND: Final = bgr(SHARED.colours.background)
SURFACE: Final = bgr(SHARED.colours.surface)
TRACK: Final = bgr("#343b45")
TEXT: Final = bgr(SHARED.colours.text)
MUTED: Final = bgr("#9aa4b1")
NEUTRAL: Final = bgr(SHARED.colours.neutral)
SHADOW: Final = bgr(SHARED.colours.shadow)
GOOD: Final = bgr(SHARED.colours.good)
FAIR: Final = bgr(SHARED.colours.fair)
POOR: Final = bgr(SHARED.colours.poor)
CALM: Final = bgr(SHARED.colours.calm)
#: The colour to which others fade while the tracker is in doubt.
DOUBT: Final = bgr(SHARED.colours.doubt)

#: Degrees of difference at which a limb is fully green, amber, red.
GOOD_BELOW: Final = SHARED.limits.good_below
FAIR_AT: Final = SHARED.limits.fair_at
POOR_FROM: Final = SHARED.limits.poor_from
#: Scores at which the same colours are reached, red first.
_SCORES: Final = (SHARED.limits.score_poor, SHARED.limits.score_fair, SHARED.limits.score_good)

_BONE_JOINT: Final = {LIMBS[limb]: joint for limb, joint in JOINT_OF_LIMB.items()}
_BODY_BONES: Final = {pair: _BONE_JOINT.get(pair, "") for pair in BONES if min(pair) >= BODY}
_SHIFT: Final = 4  # cv2 draws at 1/16 px, so that a skeleton does not jitter by whole pixels


@dataclass(frozen=True, slots=True)
class View:
    """How a source image is shown: which part of it, where on the canvas, and whether it is flipped.

    Attributes:
        crop: left, top, width, height in the source image, px.
        place: left, top, width, height on the canvas, px.
        flip: left and right exchanged.
    """

    crop: tuple[int, int, int, int]
    place: tuple[int, int, int, int]
    flip: bool = False

    def map(self, xy: FloatArray) -> FloatArray:
        """Return points (N, 2) of the source image, px, as px on the canvas."""
        left, top, width, height = self.crop
        x0, y0, w, h = self.place
        x = (xy[:, 0] - left) * (w / width)
        mapped = np.empty((len(xy), 2))
        mapped[:, 0] = x0 + (w - 1 - x if self.flip else x)
        mapped[:, 1] = y0 + (xy[:, 1] - top) * (h / height)
        return mapped


def draw_picture(canvas: Image, image: Image, view: View, *, brightness: float = 1.0) -> None:
    """Draw the view's part of ``image`` in its place; ``brightness`` 0..1 darkens it."""
    left, top, width, height = view.crop
    x0, y0, w, h = view.place
    part = image[top : top + height, left : left + width]
    place = canvas[y0 : y0 + h, x0 : x0 + w]
    # Linear is as good as area down to a half; area by exact halves is eight times as fast as in one step.
    while 2 * w <= part.shape[1] and 2 * h <= part.shape[0]:
        half = part.shape[1] // 2, part.shape[0] // 2
        part = cv2.resize(part[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    cv2.resize(part, (w, h), dst=place, interpolation=cv2.INTER_LINEAR)
    if view.flip:
        cv2.flip(place, 1, dst=place)
    if brightness < 1.0:
        cv2.convertScaleAbs(place, dst=place, alpha=brightness)


def round_corners(canvas: Image, place: tuple[int, int, int, int], radius: int, color: Color) -> None:
    """Round the corners of a rectangle (left, top, width, height), px, by painting them in ``color``."""
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
    """Draw a filled box with round corners over the canvas, with ``opacity`` 0..1."""
    x, y, w, h = place
    _box(w, h, radius, color, opacity).lay(canvas, x, y)


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
    fade: float = 0.0,
) -> None:
    """Draw the bones of the body inside ``place``; the face is left out, because lines would only hide it.

    Args:
        canvas: changed in place.
        points: (17, 2) px on the canvas.
        confidence: (17,) 0..1; a bone with an unseen end is left out.
        place: left, top, width, height, px; nothing is drawn outside it.
        differences: joint → degrees or None; limbs are coloured by them and grow thicker with the error. A
            joint gets a ring from ``FAIR_AT`` and a diamond from ``POOR_FROM``, for those who cannot see red.
        width: px, of a limb without error.
        color: of limbs without a difference.
        dots: mark the keypoints.
        fade: 0..1, how far colours fade to grey: differences at a doubtful place mean little.
    """
    x0, y0, w, h = place
    area = canvas[y0 : y0 + h, x0 : x0 + w]
    spots = np.rint((points - (x0, y0)) * (1 << _SHIFT))
    visible = (keypoint_weights(confidence) > 0) & (np.abs(spots).max(axis=1) < 1 << 20)  # 32 bits in cv2
    visible[:BODY] = False
    at = {k: (int(spots[k, 0]), int(spots[k, 1])) for k in np.flatnonzero(visible).tolist()}
    shadows: list[tuple[tuple[Color, int], npt.NDArray[np.int32]]] = []
    strokes: list[tuple[tuple[Color, int], npt.NDArray[np.int32]]] = []
    for (a, b), joint in _BODY_BONES.items():
        if a in at and b in at:
            degrees = differences.get(joint) if differences else None
            thick = width * (1.0 + 0.7 * (1.0 - fade) * _severity(degrees))
            tint = faded(color if degrees is None else error_color(degrees), fade)
            line = np.array((at[a], at[b]), np.int32)
            shadows.append(((SHADOW, max(1, round(thick + width * 0.6))), line))
            strokes.append(((tint, max(1, round(thick))), line))
    for layer in (shadows, strokes):
        # Consecutive lines that look alike are drawn in one call: a call costs a fifth of a line.
        for (tint, wide), alike in groupby(layer, key=itemgetter(0)):
            lines = [line for _, line in alike]
            cv2.polylines(area, lines, False, tint, wide, cv2.LINE_AA, _SHIFT)
    radius = round(width * (1 << _SHIFT))
    for spot in at.values() if dots else ():
        cv2.circle(area, spot, radius, SHADOW, -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(area, spot, round(radius * 0.62), TEXT, -1, cv2.LINE_AA, _SHIFT)
    if differences and fade < 0.5:
        _mark_joints(area, at, differences, width)


def _mark_joints(
    area: Image, at: dict[int, tuple[int, int]], differences: Mapping[str, float | None], width: float
) -> None:
    """Draw a ring around a joint that is off, a diamond around one that is far off."""
    line = max(1, round(width * 0.6))
    for joint, (_, vertex, _) in JOINTS.items():
        degrees = differences.get(joint)
        if degrees is None or vertex not in at or abs(degrees) < FAIR_AT:
            continue
        (x, y), tint = at[vertex], error_color(degrees)
        if abs(degrees) < POOR_FROM:
            reach = round(2.1 * width * (1 << _SHIFT))
            cv2.circle(area, (x, y), reach, SHADOW, 2 * line + 1, cv2.LINE_AA, _SHIFT)
            cv2.circle(area, (x, y), reach, tint, line, cv2.LINE_AA, _SHIFT)
            continue
        reach = round(3.4 * width * (1 << _SHIFT))
        corners = np.array([(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)], np.int32)
        cv2.polylines(area, [corners], True, SHADOW, 2 * line + 2, cv2.LINE_AA, _SHIFT)
        cv2.polylines(area, [corners], True, tint, line + 1, cv2.LINE_AA, _SHIFT)


def draw_gauge(canvas: Image, place: tuple[int, int, int, int], value: float | None, color: Color) -> None:
    """Draw a track (left, top, width, height), px, with its middle, and a marker at −1..1 or none."""
    x, y, w, h = place
    _box(w, h, h // 2, TRACK, 1.0).lay(canvas, x, y)
    middle, tall = x + w // 2, round(h * 0.45)
    canvas[y - tall : y + h + tall, middle - max(1, h // 8) : middle + max(1, h // 8) + h % 2] = MUTED
    if value is None:
        return
    spot = middle + min(max(value, -1.0), 1.0) * (w - h) / 2
    low, high = sorted((middle, round(spot)))
    canvas[y + h // 4 : y + h - h // 4, low:high] = color
    _disc(canvas, spot, y + h / 2 - 0.5, h * 0.95, SHADOW)
    _disc(canvas, spot, y + h / 2 - 0.5, h * 0.75, color)


def faded(color: Color, share: float) -> Color:
    """Return ``color`` faded to grey by ``share`` 0..1, in eighths, because each tint is cached."""
    if share <= 0.0:
        return color
    share = round(min(share, 1.0) * 8) / 8
    return (
        round(color[0] + share * (DOUBT[0] - color[0])),
        round(color[1] + share * (DOUBT[1] - color[1])),
        round(color[2] + share * (DOUBT[2] - color[2])),
    )


def error_color(degrees: float) -> Color:
    """Return green up to ``GOOD_BELOW`` degrees, over amber at ``FAIR_AT`` to red from ``POOR_FROM``."""
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
    """Return the colour of a score 0..100: green, amber and red at the scores of ``shared.toml``."""
    return error_color(float(np.interp(score, _SCORES, (POOR_FROM, FAIR_AT, GOOD_BELOW))))


def _severity(degrees: float | None) -> float:
    return 0.0 if degrees is None else _share(abs(degrees), GOOD_BELOW, POOR_FROM)


def _share(value: float, low: float, high: float) -> float:
    """Return how far ``value`` is from ``low`` to ``high``, 0..1."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _disc(canvas: Image, x: float, y: float, radius: float, color: Color) -> None:
    center = round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT))
    cv2.circle(canvas, center, round(radius * (1 << _SHIFT)), color, -1, cv2.LINE_AA, _SHIFT)


def dot(canvas: Image, x: float, y: float, radius: float, color: Color) -> None:
    """Draw a filled disc at (x, y) px."""
    _disc(canvas, x, y, radius, color)


@lru_cache(maxsize=16)
def _corner(radius: int) -> FloatArray:
    """Return the mask of what to paint over at a top left corner, (radius, radius) 0..1."""
    distance = np.hypot(*(radius - 0.5 - np.indices((radius, radius))))
    mask: FloatArray = np.clip(distance - radius + 0.5, 0.0, 1.0).astype(np.float32)
    return mask


@lru_cache(maxsize=16)
def _corners(radius: int, color: Color) -> Stamp:
    """Return the stamp of all four corners, (2, 2, radius, radius)."""
    corner = _corner(radius)
    rows = ((corner, corner[:, ::-1]), (corner[::-1], corner[::-1, ::-1]))
    return Stamp.of(np.array(rows), color)


@lru_cache(maxsize=64)
def _box(width: int, height: int, radius: int, color: Color, opacity: float) -> Stamp:
    return Stamp.of(_rounded(width, height, radius) * np.float32(opacity), color)


def _rounded(width: int, height: int, radius: int) -> FloatArray:
    """Return the mask of a filled rectangle with round corners, (height, width) 0..1."""
    mask = np.ones((height, width), np.float32)
    radius = min(radius, width // 2, height // 2)
    if radius > 0:
        keep = 1.0 - _corner(radius)
        mask[:radius, :radius] = keep
        mask[:radius, -radius:] = keep[:, ::-1]
        mask[-radius:, :radius] = keep[::-1]
        mask[-radius:, -radius:] = keep[::-1, ::-1]
    return mask
