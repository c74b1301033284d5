"""Decides where the pictures of performer and expert go, and which part of each is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED
from posesync.pose.features import CONFIDENCE_FLOOR
from posesync.pose.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.types import FloatArray
from posesync.realtime.drawing.annotators import View
from posesync.realtime.session.settings import Layout

from .scene import Scene

_TORSO: Final = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
#: s in which a crop settles on the person.
FOLLOW_SECONDS: Final = SHARED.limits.follow_seconds
#: The expert's small picture: its height as a share of the area's, and its width at most, in heights.
INSET_SHARE: Final = 0.5
INSET_ASPECT: Final = 0.8
#: Distance of the performer past the middle, in widths of the area, at which the small picture moves over.
INSET_SLACK: Final = SHARED.limits.inset_slack

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Views:
    """The views of one scene; ``expert`` is None in a layout without an expert."""

    performer: View
    expert: View | None


class Arranger:
    """Lays out the pictures; remembers the centre of each crop, so that it moves smoothly.

    Args:
        room: left, top, width, height of the area for the pictures, px.
        ruler: px of a length given for a canvas 720 px high.
        follow: show only the part around the person of a picture wider than its place.
    """

    def __init__(self, room: Rectangle, ruler: Callable[[float], int], *, follow: bool) -> None:
        self._room = room
        self._ruler = ruler
        self.follow = follow
        self._centers: dict[str, float] = {}
        self._inset_left = False

    def arrange(self, scene: Scene, layout: Layout, *, mirror: bool, passed: float) -> Views:
        """Return the views of one scene.

        Args:
            scene: the scene to draw.
            layout: how performer and expert share the picture.
            mirror: show the performer as in a mirror.
            passed: s since the last call.
        """
        flips = mirror, mirror != scene.position.mirrored
        if layout is Layout.SIDE_BY_SIDE:
            return self._side_by_side(scene, flips, passed)
        x, y, w, h = self._room
        crop = self._crop("performer", _size(scene), scene.keypoints, 1.0, w / h, passed)
        width, height = fit(crop[2], crop[3], w, h)
        performer = View(crop, (x + (w - width) // 2, y + (h - height) // 2, width, height), flips[0])
        if layout is Layout.GHOST or not scene.show_expert:
            return Views(performer, None)
        return Views(performer, self._inset(scene, performer, flips[1], passed))

    def _side_by_side(self, scene: Scene, flips: tuple[bool, bool], passed: float) -> Views:
        """Return two pictures of equal height, centred."""
        gap, margin = self._ruler(16), self._ruler(20)
        x, y, w, h = self._room
        y, h = y + self._ruler(16), h - self._ruler(20)
        cell = (w - 2 * margin - gap) // 2
        size, scale = _expert_size(scene)
        ours = self._crop("performer", _size(scene), scene.keypoints, 1.0, cell / h, passed)
        theirs = self._crop("expert", size, scene.expert_keypoints, scale, cell / h, passed)
        sizes = [fit(crop[2], crop[3], cell, h) for crop in (ours, theirs)]
        left = x + (w - sizes[0][0] - sizes[1][0] - gap) // 2
        views = []
        for crop, (width, height), flip in zip((ours, theirs), sizes, flips, strict=True):
            views.append(View(crop, (left, y + (h - height) // 2, width, height), flip))
            left += width + gap
        return Views(*views)

    def _inset(self, scene: Scene, performer: View, flip: bool, passed: float) -> View:
        """Return the expert in the upper corner away from the performer, larger where there is room."""
        x, y, w, h = self._room
        size, scale = _expert_size(scene)
        margin = self._ruler(20)
        crop = self._crop("expert", size, scene.expert_keypoints, scale, INSET_ASPECT, passed)
        beside = (w - performer.place[2]) // 2 - 2 * margin
        small = fit(crop[2], crop[3], w, round(h * INSET_SHARE))
        width, height = max(small, fit(crop[2], crop[3], max(beside, 2), h - 2 * margin))
        torso = scene.keypoints[_TORSO]
        torso = torso[torso[:, 2] > CONFIDENCE_FLOOR]
        if len(torso):
            place = float(performer.map(torso[:, :2])[:, 0].mean() - x) / w - 0.5
            if abs(place) > INSET_SLACK:
                self._inset_left = place > 0
        left = x + margin if self._inset_left else x + w - margin - width
        return View(crop, (left, y + margin, width, height), flip)

    def _crop(
        self,
        who: str,
        size: tuple[int, int],
        keypoints: FloatArray,
        scale: float,
        aspect: float,
        passed: float,
    ) -> Rectangle:
        """Return the part of a picture to show: all of it or, if too wide, as much as fits, on the person."""
        width, height = size
        if not self.follow or width <= height * aspect:
            return 0, 0, width, height
        shown = min(width, max(2, round(height * aspect)))
        torso = [x for x, _, confidence in keypoints[_TORSO].tolist() if confidence > CONFIDENCE_FLOOR]
        center = self._centers.get(who)
        if torso:
            target = sum(torso) / len(torso) * scale / width
            center = target if center is None else center
            center += (target - center) * -float(np.expm1(-passed / FOLLOW_SECONDS))
            reach = 0.25 * shown / width  # even a fast person stays in the middle half
            center = min(max(center, target - reach), target + reach)
            self._centers[who] = center
        left = round((0.5 if center is None else center) * width - shown / 2)
        return min(max(left, 0), width - shown), 0, shown, height


def fit(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """Return the largest size of the same shape within a room."""
    scale = min(room_width / width, room_height / height)
    return max(2, int(width * scale)), max(2, int(height * scale))


def _size(scene: Scene) -> tuple[int, int]:
    return scene.image.shape[1], scene.image.shape[0]


def _expert_size(scene: Scene) -> tuple[tuple[int, int], float]:
    """Return the size of the expert's picture, px, and its scale relative to the frame of the keypoints."""
    size = scene.expert_size
    if scene.expert_image is not None:
        size = (scene.expert_image.shape[1], scene.expert_image.shape[0])
    return size, size[0] / scene.expert_size[0]
