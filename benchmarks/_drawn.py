"""Draws a figure from keypoints: a picture of somebody who was recorded only as keypoints.

Plain, so that what the product draws over it can be judged; the left limbs are darker than the right ones, so
that exchanged sides are seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

#: Confidence up to which a keypoint is not drawn.
_SEEN: Final = 0.05
_SHOULDERS, _HIPS = (5, 6), (11, 12)
#: Limbs as (from, to, width at both ends as a share of the torso): the left ones, then the right ones.
_LEGS: Final = (((11, 13, 0.30, 0.22), (13, 15, 0.21, 0.13)), ((12, 14, 0.30, 0.22), (14, 16, 0.21, 0.13)))
_ARMS: Final = (((5, 7, 0.20, 0.15), (7, 9, 0.15, 0.10)), ((6, 8, 0.20, 0.15), (8, 10, 0.15, 0.10)))
_FEET, _HANDS = (15, 16), (9, 10)
_FOOT, _HAND, _HEAD, _NECK = 0.09, 0.075, 0.23, 0.15
#: Fractions of a pixel that OpenCV is given, as a power of two.
_SHIFT: Final = 4


@dataclass(frozen=True)
class Look:
    """Colours of a figure and its room, BGR.

    Attributes:
        skin: head, arms and hands.
        shirt: the trunk.
        trousers: the legs.
        wall: behind them.
        floor: below them.
    """

    skin: Colour = (150, 175, 215)
    shirt: Colour = (120, 95, 60)
    trousers: Colour = (95, 80, 75)
    wall: Colour = (214, 218, 220)
    floor: Colour = (178, 186, 192)


PERFORMER: Final = Look()
EXPERT: Final = Look((120, 148, 190), (70, 90, 165), (70, 60, 60), (205, 198, 190), (160, 150, 142))


def draw(keypoints: Array, size: tuple[int, int], look: Look = PERFORMER) -> Image:
    """Somebody as (17, 3) x px, y px, confidence, in a room.

    Returns:
        (height, width, 3) uint8 BGR, nobody else's.
    """
    image = _room(size, look).copy()
    seen = keypoints[:, 2] > _SEEN
    points, torso = keypoints[:, :2], torso_length(keypoints)
    if torso <= 0:
        return image
    _shadow(image, points, seen, torso)
    for chains, ends, end, colour in (
        (_LEGS, _FEET, _FOOT, look.trousers),
        (_ARMS, _HANDS, _HAND, look.skin),
    ):
        if colour is look.skin:
            _trunk(image, points, seen, torso, look)
        for side, shade in enumerate((0.82, 1.0)):
            tone = _dim(colour, shade)
            for first, last, wide, narrow in chains[side]:
                if seen[first] and seen[last]:
                    _limb(image, points[first], points[last], wide * torso / 2, narrow * torso / 2, tone)
            if seen[ends[side]]:
                _disc(image, points[ends[side]], end * torso, _dim(look.skin, shade))
    _head(image, keypoints, seen, torso, look)
    return image


def torso_length(keypoints: Array) -> float:
    """Return shoulders to hips, px, or an estimate from their width; 0 where neither is seen."""
    seen = keypoints[:, 2] > _SEEN
    shoulders, hips = keypoints[list(_SHOULDERS), :2], keypoints[list(_HIPS), :2]
    width = float(np.linalg.norm(shoulders[0] - shoulders[1])) if seen[list(_SHOULDERS)].all() else 0.0
    if seen[list(_SHOULDERS)].any() and seen[list(_HIPS)].any():
        middle = [part[seen[list(at)]].mean(0) for part, at in ((shoulders, _SHOULDERS), (hips, _HIPS))]
        return max(float(np.linalg.norm(middle[0] - middle[1])), width)
    return 1.4 * width


@lru_cache(maxsize=4)
def _room(size: tuple[int, int], look: Look) -> Image:
    """Draw wall and floor, each slightly darker away from the light."""
    width, height = size
    edge = round(0.8 * height)
    rows = np.empty((height, 1, 3))
    rows[:edge, 0] = np.linspace(0.97, 1.05, edge)[:, None] * look.wall
    rows[edge:, 0] = np.linspace(0.9, 1.05, height - edge)[:, None] * look.floor
    light = 1.0 - 0.12 * np.linspace(-1, 1, width)[None, :, None] ** 2
    return np.clip(rows * light, 0, 255).astype(np.uint8)


def _trunk(image: Image, points: Array, seen: npt.NDArray[np.bool_], torso: float, look: Look) -> None:
    """Draw the trunk between shoulders and hips; with only two corners seen it is a line."""
    corners = [number for number in (5, 6, 12, 11) if seen[number]]
    if len(corners) < 2:
        return
    place = np.round(points[corners] * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(image, cv2.convexHull(place), look.shirt, cv2.LINE_AA, _SHIFT)
    for first, last in zip(corners, corners[1:] + corners[:1], strict=True):
        _limb(image, points[first], points[last], 0.12 * torso, 0.12 * torso, look.shirt)


def _head(image: Image, keypoints: Array, seen: npt.NDArray[np.bool_], torso: float, look: Look) -> None:
    """Draw a ball on a neck, where nose and ears are, with a nose that shows its direction."""
    face = [number for number in range(5) if seen[number]]
    shoulders = [number for number in _SHOULDERS if seen[number]]
    if not face or not shoulders:
        return
    centre = keypoints[[n for n in face if n >= 3] or face, :2].mean(0)
    neck = keypoints[shoulders, :2].mean(0)
    _limb(image, neck, centre, _NECK * torso / 2, _NECK * torso / 2, _dim(look.skin, 0.9))
    _disc(image, centre, _HEAD * torso, look.skin)
    if seen[0] and len(face) > 1:
        _disc(image, keypoints[0, :2], 0.05 * torso, _dim(look.skin, 0.8))


def _shadow(image: Image, points: Array, seen: npt.NDArray[np.bool_], torso: float) -> None:
    """Draw a soft shadow under the lowest foot, else under the hips."""
    feet = [number for number in _FEET if seen[number]]
    if not feet:
        return
    x, y = points[feet, 0].mean(), points[feet, 1].max() + 0.1 * torso
    reach = (round(0.7 * torso + abs(np.ptp(points[feet, 0])) / 2), round(0.13 * torso))
    layer = image.copy()
    cv2.ellipse(layer, (round(x), round(y)), reach, 0, 0, 360, (70, 72, 76), -1, cv2.LINE_AA)
    cv2.addWeighted(layer, 0.3, image, 0.7, 0, dst=image)


def _limb(image: Image, first: Array, last: Array, wide: float, narrow: float, colour: Colour) -> None:
    """Draw a limb from (2,) to (2,) px, with the given half widths, px, at its two ends."""
    along = last - first
    length = float(np.linalg.norm(along))
    if length > 0:
        across = np.array([-along[1], along[0]]) / length
        quad = np.array(
            [first + wide * across, last + narrow * across, last - narrow * across, first - wide * across]
        )
        fixed = np.round(quad * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(image, fixed, colour, cv2.LINE_AA, _SHIFT)
    _disc(image, first, wide, colour)
    _disc(image, last, narrow, colour)


def _disc(image: Image, centre: Array, radius: float, colour: Colour) -> None:
    x, y = np.round(centre * (1 << _SHIFT)).astype(int).tolist()
    cv2.circle(image, (x, y), max(1, round(radius * (1 << _SHIFT))), colour, -1, cv2.LINE_AA, _SHIFT)


def _dim(colour: Colour, share: float) -> Colour:
    blue, green, red = (round(value * share) for value in colour)
    return blue, green, red
