"""Draws the picture that the performer sees: performer and expert in one of the layouts, and a strip below.

It is drawn on a fixed canvas with NumPy and OpenCV alone, so that window, recording and tests show the same.
:mod:`.views` places the pictures; :mod:`.strip` draws the strip.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED
from posesync.pose.types import Image
from posesync.realtime.coaching.retarget import GhostBody
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.canvas import Canvases
from posesync.realtime.drawing.text import TextPainter
from posesync.realtime.session.settings import DisplaySettings, Layout

from .ghost import draw_ghost
from .panels import draw_countdown, draw_details, draw_memory, draw_notice, make_label
from .progress import timing_value
from .scene import Scene
from .strip import KEYS, Strip
from .views import Arranger, Views

__all__ = ["KEYS", "Layout", "Overlay", "Scene"]

_DISPLAY: Final = DisplaySettings()
#: s over which the differences and the score on screen are smoothed.
SMOOTHING_SECONDS: Final = SHARED.limits.smoothing_seconds
#: Opacity of the ghost; in doubt half of it is left.
GHOST_OPACITY: Final = SHARED.ghost.opacity


class Overlay:
    """Draws scenes one after the other; from one to the next it keeps only what smooths the picture.

    ``layout``, ``mirror`` and ``follow`` may be changed between two pictures.

    Args:
        height: of the canvas, px; its width is 16/9 of it, both even.
        mirror: show the performer as in a mirror. The expert is flipped too, unless the performer does the
            piece with left and right exchanged, so that both pictures always point the same way.
        follow: show only the part around the person of a picture wider than its place.
        layout: how performer and expert share the picture, unless the scene sets it.
    """

    def __init__(
        self,
        height: int = _DISPLAY.height,
        *,
        mirror: bool = _DISPLAY.mirror,
        follow: bool = _DISPLAY.follow,
        layout: Layout = _DISPLAY.view,
    ) -> None:
        self.height = height // 2 * 2
        self.width = round(self.height * 16 / 9 / 2) * 2
        self.mirror = mirror
        self.layout = layout
        self._text = TextPainter()
        self._unit = self.height / 720
        self._px = lru_cache(maxsize=256)(self._pixels)
        self._label = lru_cache(maxsize=4)(partial(make_label, self._text, self._px))
        self._strip = Strip(self._text, self._px, self.width, self.height)
        self._empty: Image = np.full((self._strip.top, self.width, 3), paint.BACKGROUND, np.uint8)
        self._canvases = Canvases(self.height, self.width)
        room = (0, 0, self.width, self._strip.top)
        self._arranger = Arranger(room, self._px, follow=follow)
        self._ghost = GhostBody()
        self._shown: dict[str, float] = {}
        self._last_time: float | None = None
        self._passed = 0.0
        self._expert_before: tuple[Image, tuple[paint.View, float]] | None = None
        self._expert_scaled: Image | None = None

    @property
    def follow(self) -> bool:
        """Return whether a picture wider than its place shows only the part around the person."""
        return self._arranger.follow

    @follow.setter
    def follow(self, follow: bool) -> None:
        self._arranger.follow = follow

    def draw(self, scene: Scene) -> Image:
        """Return one picture, (height, width, 3) uint8 BGR, to which nothing else refers."""
        canvas = self._canvases.take()
        shown = self._smooth(scene)
        layout = scene.view or self.layout
        views = self._arranger.arrange(scene, layout, mirror=self.mirror, passed=self._passed)
        self._clear(canvas, views, layout)
        paint.draw_picture(canvas, scene.image, views.performer)
        if layout is Layout.GHOST:
            self._draw_ghost(canvas, scene, views.performer)
        self._skeleton(canvas, scene, views.performer, {name: shown.get(name) for name in scene.joints})
        self._finish(canvas, views.performer, SHARED.words.you, rounded=views.performer.place[2] < self.width)
        if views.expert is not None:
            self._expert(canvas, scene, views.expert, framed=layout is Layout.PICTURE_IN_PICTURE)
        self._strip.draw(canvas, scene, shown.get("score"), timing_value(scene))
        self._over(canvas, scene, views)
        return canvas

    def _clear(self, canvas: Image, views: Views, layout: Layout) -> None:
        """Clear only what pictures and strip do not cover: the canvas is not in cache, so writing is slow."""
        beside = views.expert if layout is Layout.SIDE_BY_SIDE else None
        done, top = 0, self._strip.top
        bare = []
        for view in (views.performer, beside):
            if view is not None:
                x, y, w, h = view.place
                bare += [np.s_[:top, done:x], np.s_[:y, x : x + w], np.s_[y + h : top, x : x + w]]
                done = x + w
        for part in (*bare, np.s_[:top, done:]):
            # Copied: filling an area with a colour is ten times as slow in NumPy.
            np.copyto(canvas[part], self._empty[part])

    def _over(self, canvas: Image, scene: Scene, views: Views) -> None:
        """Draw details, count-in and notice over the performer's picture, as far as there are any."""
        place = views.performer.place
        if scene.statistics is not None:
            draw_details(canvas, self._text, self._px, place, scene.statistics)
        if scene.countdown:
            draw_countdown(canvas, self._text, self._px, place, scene.countdown)
        if scene.notice:
            draw_notice(canvas, self._text, self._px, place, scene.notice)

    def _pixels(self, value: float) -> int:
        """Return the px on this canvas for ``value`` px on a canvas 720 px high."""
        return max(1, round(value * self._unit))

    def _smooth(self, scene: Scene) -> dict[str, float]:
        """Return differences and score without the jitter of single frames; unseen ones are left out."""
        passed = scene.time - self._last_time if self._last_time is not None else 1e9
        self._passed = passed if passed >= 0 else 1e9  # another camera's clock: start smoothing afresh
        self._last_time = scene.time
        share = -float(np.expm1(-self._passed / SMOOTHING_SECONDS))
        values = {**scene.joints, "score": scene.score}
        self._shown = {
            name: (before := self._shown.get(name, value)) + share * (value - before)
            for name, value in values.items()
            if value is not None
        }
        return self._shown

    def _skeleton(
        self, canvas: Image, scene: Scene, view: paint.View, differences: dict[str, float | None]
    ) -> None:
        keypoints = scene.keypoints
        paint.draw_skeleton(
            canvas, view.map(keypoints[:, :2]), keypoints[:, 2], view.place, differences=differences,
            width=max(2.0, 5.0 * self._unit), fade=scene.doubt,
        )  # fmt: skip

    def _draw_ghost(self, canvas: Image, scene: Scene, view: paint.View) -> None:
        """Draw the expert's pose on the performer's body; before the piece starts, its first pose."""
        ghost = self._ghost.follow(scene.time, scene.expert_keypoints, scene.keypoints, scene.position)
        if ghost is None or not scene.show_ghost:
            return
        opacity = GHOST_OPACITY * (1.0 - 0.5 * scene.doubt)
        draw_ghost(
            canvas, view.map(ghost[:, :2]), ghost[:, 2], view.place,
            opacity=opacity, line=max(1.0, 2.0 * self._unit),
        )  # fmt: skip

    def _finish(self, canvas: Image, view: paint.View, label: str, *, rounded: bool = True) -> None:
        if rounded:
            paint.round_corners(canvas, view.place, self._px(12), paint.BACKGROUND)
        self._label(label).lay(canvas, view.place[0] + self._px(12), view.place[1] + self._px(12))

    def _expert(self, canvas: Image, scene: Scene, view: paint.View, *, framed: bool) -> None:
        """Draw the expert's picture with their skeleton, or an empty place while the expert is hidden."""
        x, y, w, h = view.place
        if framed:
            edge = self._px(4)
            box = (x - edge, y - edge, w + 2 * edge, h + 2 * edge)
            paint.draw_box(canvas, box, paint.BACKGROUND, radius=self._px(14))
        live = scene.position.time is not None
        if scene.expert_image is None or not scene.show_expert:
            canvas[y : y + h, x : x + w] = paint.SURFACE
        else:
            self._expert_picture(canvas, scene.expert_image, view, 1.0 if live else 0.55)
        if not scene.show_expert:
            draw_memory(canvas, self._text, self._px, view.place)
        elif live or scene.expert_image is None:
            scale = view.crop[3] / scene.expert_size[1]
            points = view.map(scene.expert_keypoints[:, :2] * scale)
            paint.draw_skeleton(
                canvas, points, scene.expert_keypoints[:, 2], view.place, dots=False,
                width=min(max(2.0, 3.0 * self._unit), max(1.0, h / 150)), fade=scene.doubt,
            )  # fmt: skip
        self._finish(canvas, view, SHARED.words.expert)

    def _expert_picture(self, canvas: Image, image: Image, view: paint.View, brightness: float) -> None:
        """Draw the expert's picture; one that stays the same is scaled twice and copied from then on."""
        x, y, w, h = view.place
        place, look, before = canvas[y : y + h, x : x + w], (view, brightness), self._expert_before
        stays = before is not None and before[0] is image and before[1] == look
        self._expert_before = image, look
        if not stays:
            self._expert_scaled = None
        elif self._expert_scaled is not None:
            np.copyto(place, self._expert_scaled)
            return
        paint.draw_picture(canvas, image, view, brightness=brightness)
        if stays:
            self._expert_scaled = place.copy()
