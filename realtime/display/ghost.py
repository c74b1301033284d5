"""Draws the ghost: a filled, translucent body around a skeleton."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from posesync.configs.shared import SHARED
from posesync.pose.features import keypoint_weights
from posesync.pose.skeleton import BODY, LEFT_HIP, LEFT_SHOULDER, LIMBS, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.types import FloatArray, Image
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import Color

_LOOK: Final = SHARED.ghost
#: Both ends of a limb, and its radius there, in lengths of the trunk (shoulders to hips).
_LIMBS: Final = tuple(
    (*ends, *_LOOK.limbs[part])
    for limb, ends in LIMBS.items()
    if (part := limb.partition("_")[2]) in _LOOK.limbs
)
_TRUNK: Final = [LEFT_SHOULDER, RIGHT_SHOULDER, RIGHT_HIP, LEFT_HIP]
_FACE: Final = range(BODY)
_SHIFT: Final = 4
#: px by which the outline may deviate from the body: dozens of its hundreds of corners are left.
_SMOOTH: Final = 1.0


def draw_ghost(
    canvas: Image,
    points: FloatArray,
    confidence: FloatArray,
    place: tuple[int, int, int, int],
    *,
    color: Color = paint.CALM,
    opacity: float = 0.5,
    line: float = 2.0,
) -> None:
    """Draw a translucent body with a bright outline over the canvas.

    Args:
        canvas: changed in place.
        points: (17, 2) px on the canvas.
        confidence: (17,) 0..1; a limb with an unseen end is left out. Without shoulders and hips the size of
            the body is unknown, and nothing is drawn.
        place: left, top, width, height, px; nothing is drawn outside it.
        color: B, G, R of the body.
        opacity: 0..1 of the body; the outline fades with it.
        line: px, width of the outline.
    """
    seen = (keypoint_weights(confidence) > 0) & (np.abs(points).max(axis=1) < 1 << 15)
    trunk = _trunk_length(points, seen)
    area, corner = _around(canvas, points[seen], place, 0.35 * trunk)
    if trunk < 2.0 or area.size == 0:
        return
    mask = np.zeros(area.shape[:2], np.uint8)
    _body(mask, points - corner, seen, trunk)
    tinted = cv2.convertScaleAbs(area, alpha=1.0 - opacity)
    # OpenCV takes four numbers as a colour. A lookup table would take twice as long.
    cv2.add(tinted, opacity * np.array([*color, 0.0]), dst=tinted)
    cv2.copyTo(tinted, mask, area)
    found, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    edges = [cv2.approxPolyDP(edge, _SMOOTH, closed=True) for edge in found]
    bright = paint.faded(paint.TEXT, 1.0 - min(1.0, 2.0 * opacity))
    cv2.polylines(area, edges, True, bright, max(1, round(line)), cv2.LINE_AA)


def _trunk_length(points: FloatArray, seen: npt.NDArray[np.bool_]) -> float:
    """Return shoulders to hips, px, at least in proportion to the shoulders' width; 0 when not seen."""
    if not seen[_TRUNK].all():
        return 0.0
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[_TRUNK].tolist()
    length = math.hypot(x0 + x1 - x2 - x3, y0 + y1 - y2 - y3) / 2
    return max(length, _LOOK.least_trunk * math.hypot(x0 - x1, y0 - y1))


def _around(
    canvas: Image, points: FloatArray, place: tuple[int, int, int, int], margin: float
) -> tuple[Image, FloatArray]:
    """Return the part of the canvas around ``points`` and within ``place``, and its corner, px."""
    if not len(points):
        return canvas[:0, :0], np.zeros(2)
    x, y, w, h = place
    low = np.maximum(np.floor(points.min(axis=0) - margin), (x, y)).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + margin), (x + w, y + h)).astype(int)
    high = np.maximum(high, low)
    return canvas[low[1] : high[1], low[0] : high[0]], low.astype(np.float64)


def _body(mask: Image, points: FloatArray, seen: npt.NDArray[np.bool_], trunk: float) -> None:
    """Fill the body into ``mask`` with 255."""
    corners = np.rint(points[_TRUNK] * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_8, _SHIFT)
    cv2.polylines(mask, [corners], True, 255, max(1, round(2 * _LOOK.trunk * trunk)), cv2.LINE_8, _SHIFT)
    face = [k for k in _FACE if seen[k]]
    spots = points.tolist()
    ends: dict[int, float] = {}  # where two limbs meet, the larger of their round ends is drawn
    for a, b, first, last in _LIMBS:
        if seen[a] and seen[b]:
            _limb(mask, spots[a], spots[b], first * trunk, last * trunk)
            ends[a], ends[b] = max(ends.get(a, 0.0), first), max(ends.get(b, 0.0), last)
    for k, radius in ends.items():
        _disc(mask, spots[k], radius * trunk)
    if face:
        head, neck = points[face].mean(axis=0), points[_TRUNK[:2]].mean(axis=0)
        first, last = (radius * trunk for radius in _LOOK.neck)
        _limb(mask, neck.tolist(), head.tolist(), first, last)
        _disc(mask, neck.tolist(), first)
        _disc(mask, head.tolist(), last)
        lean = float(np.degrees(np.arctan2(*(head - neck)[::-1]))) + 90.0
        wide, tall = (round(share * trunk * (1 << _SHIFT)) for share in _LOOK.head)
        cv2.ellipse(mask, _fixed(*head.tolist()), (wide, tall), lean, 0, 360, 255, -1, cv2.LINE_8, _SHIFT)


def _disc(mask: Image, at: list[float], radius: float) -> None:
    cv2.circle(mask, _fixed(*at), round(radius * (1 << _SHIFT)), 255, -1, cv2.LINE_8, _SHIFT)


def _limb(mask: Image, start: list[float], end: list[float], first: float, last: float) -> None:
    """Fill a limb that narrows from radius ``first`` to ``last``, px, without its round ends."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    if length > 1e-6:
        across, along = (y0 - y1) / length, (x1 - x0) / length
        shape = [
            _fixed(x0 + first * across, y0 + first * along),
            _fixed(x1 + last * across, y1 + last * along),
            _fixed(x1 - last * across, y1 - last * along),
            _fixed(x0 - first * across, y0 - first * along),
        ]
        cv2.fillConvexPoly(mask, np.array(shape, np.int32), 255, cv2.LINE_8, _SHIFT)


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT))
