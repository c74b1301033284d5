"""What the performer sees: themselves, the matched expert frame beside them, and one quiet strip below.

Drawn on a fixed canvas with NumPy and OpenCV alone, so that window, recording and tests show the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from posesync.pose.features import CONFIDENCE_FLOOR
from posesync.pose.skeleton import JOINT_NAMES, LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.types import FloatArray, Image

from . import annotators as paint
from .feedback import describe_difference
from .position import Position, State
from .text import Color, TextPainter

#: Keys of the window and what they do; they work in the window and are written in the strip.
KEYS: Final = (("Q", "quit"), ("Space", "pause"), ("M", "mirror"), ("R", "restart"), ("H", "details"))

_STATES: Final[dict[State, tuple[str, Color, str]]] = {
    State.WAITING: ("Waiting", paint.MUTED, "begin whenever you like"),
    State.FOLLOWING: ("Following", paint.GOOD, ""),
    State.HOLDING: ("Holding", paint.CALM, "the expert waits for you"),
    State.LOST: ("Lost", paint.POOR, "looking for you in the piece"),
    State.FINISHED: ("Finished", paint.NEUTRAL, "well done"),
}
_TORSO: Final = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]

#: A joint's difference is put into words from here on, and stays long enough to be read.
WORDS_FROM_DEGREES: Final = 22.0
WORDS_HOLD_SECONDS: Final = 2.0
#: Time over which what is shown of differences and score is smoothed.
SMOOTHING_SECONDS: Final = 0.35
#: Time in which a cropped picture comes to rest on the person.
FOLLOW_SECONDS: Final = 0.5
#: Time for which a pace is shown: figures that change with every frame cannot be read.
PACE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything one picture is drawn from.

    Attributes:
        time: s since the camera's first frame.
        image: the performer's frame, true side, (H, W, 3) BGR.
        keypoints: (17, 3) of the performer, px in ``image``.
        position: where the performer is.
        duration: of the reference, s.
        joints: joint → signed degrees or None.
        score: 0..100 or None.
        expert_image: the matched expert frame, or None when there is no video of the expert.
        expert_keypoints: (17, 3) of the expert, px in a frame of ``expert_size``.
        expert_size: width, height that ``expert_keypoints`` refer to.
        fps: processed frames per second, or None.
        notice: one line over the picture ("Camera lost …"), or None.
        statistics: lines of label and value for the details panel, or None to hide it.
    """

    time: float
    image: Image
    keypoints: FloatArray
    position: Position
    duration: float
    joints: dict[str, float | None]
    score: float | None
    expert_image: Image | None
    expert_keypoints: FloatArray
    expert_size: tuple[int, int]
    fps: float | None = None
    notice: str | None = None
    statistics: tuple[tuple[str, str], ...] | None = None


class Overlay:
    """Draws scenes one after the other; it remembers only what makes them calm to look at.

    Args:
        height: of the canvas, px; its width is 16/9 of it, both even.
        mirror: show the performer as in a mirror. The expert is flipped along, unless the performer does the
            piece the other way round, so that both pictures always point the same way.
        follow: of a picture wider than its place show the part around the person.
    """

    def __init__(self, height: int = 720, *, mirror: bool = True, follow: bool = True) -> None:
        self.height = height // 2 * 2
        self.width = round(self.height * 16 / 9 / 2) * 2
        self.mirror = mirror
        self.follow = follow
        self._empty = np.full((self.height, self.width, 3), paint.BACKGROUND, np.uint8)
        self._text = TextPainter()
        self._unit = self.height / 720
        self._bar = (self._px(330), self.height - self._px(62), self.width - self._px(580), self._px(8))
        self._keys(self._empty)
        paint.draw_box(self._empty, self._bar, paint.TRACK, radius=self._bar[3] // 2)
        self._centers: dict[str, float] = {}
        self._shown: dict[str, float] = {}
        self._last_time: float | None = None
        self._passed = 0.0
        self._words: tuple[float, str] | None = None
        self._pace: tuple[float, str] | None = None
        self._kept: tuple[Image, paint.View, float, Image] | None = None

    def draw(self, scene: Scene) -> Image:
        """One picture, (height, width, 3) uint8 BGR; a new array every time."""
        canvas: Image = self._empty.copy()
        differences, score = self._smooth(scene)
        performer, expert = self._views(scene)
        paint.draw_picture(canvas, scene.image, performer)
        self._skeleton(canvas, scene.keypoints, performer, differences)
        self._expert(canvas, scene, expert)
        radius = self._px(12)
        for view, label in ((performer, "You"), (expert, "Expert")):
            paint.round_corners(canvas, view.place, radius, paint.BACKGROUND)
            self._label(canvas, view.place, label)
        self._strip(canvas, scene, differences, score)
        if scene.statistics is not None:
            self._details(canvas, performer.place, scene.statistics)
        if scene.notice:
            self._notice(canvas, performer.place, scene.notice)
        return canvas

    def _px(self, value: float) -> int:
        return max(1, round(value * self._unit))

    def _smooth(self, scene: Scene) -> tuple[dict[str, float | None], float | None]:
        """Differences and score without the jitter of single frames; what is not seen now is not shown."""
        passed = scene.time - self._last_time if self._last_time is not None else 1e9
        self._passed = passed if passed >= 0 else 1e9  # another camera's clock: nothing to smooth with
        self._last_time = scene.time
        share = -float(np.expm1(-self._passed / SMOOTHING_SECONDS))
        smooth: dict[str, float | None] = {}
        for name, value in (*scene.joints.items(), ("score", scene.score)):
            if value is None:
                self._shown.pop(name, None)
            else:
                before = self._shown.get(name, value)
                self._shown[name] = before + share * (value - before)
            smooth[name] = self._shown.get(name)
        score = smooth.pop("score")
        return smooth, score

    def _views(self, scene: Scene) -> tuple[paint.View, paint.View]:
        """Two pictures of equal height side by side, centred above the strip."""
        gap, margin = self._px(16), self._px(20)
        height = self.height - margin - self._px(124)
        cell = (self.width - 2 * margin - gap) // 2
        expert_size = scene.expert_size
        if scene.expert_image is not None:
            expert_size = (scene.expert_image.shape[1], scene.expert_image.shape[0])
        performer_size = (scene.image.shape[1], scene.image.shape[0])
        scale = expert_size[0] / scene.expert_size[0]
        ours = self._crop("performer", performer_size, scene.keypoints, 1.0, cell / height)
        theirs = self._crop("expert", expert_size, scene.expert_keypoints, scale, cell / height)
        sizes = [_fit(crop[2], crop[3], cell, height) for crop in (ours, theirs)]
        left = (self.width - sizes[0][0] - sizes[1][0] - gap) // 2
        places = []
        for w, h in sizes:
            places.append((left, margin + (height - h) // 2, w, h))
            left += w + gap
        flip = self.mirror
        return (
            paint.View(ours, places[0], flip),
            paint.View(theirs, places[1], flip != scene.position.mirrored),
        )

    def _crop(
        self, who: str, size: tuple[int, int], keypoints: FloatArray, scale: float, aspect: float
    ) -> tuple[int, int, int, int]:
        """The part of a picture to show: all of it, or, when too wide, as much as fits, on the person."""
        width, height = size
        if not self.follow or width <= height * aspect:
            return 0, 0, width, height
        shown = min(width, max(2, round(height * aspect)))
        torso = [x for x, _, confidence in keypoints[_TORSO].tolist() if confidence > CONFIDENCE_FLOOR]
        center = self._centers.get(who)
        if torso:
            target = sum(torso) / len(torso) * scale / width
            center = target if center is None else center
            center += (target - center) * -float(np.expm1(-self._passed / FOLLOW_SECONDS))
            reach = 0.25 * shown / width  # however fast, the person stays in the middle half
            center = min(max(center, target - reach), target + reach)
            self._centers[who] = center
        left = round((0.5 if center is None else center) * width - shown / 2)
        return min(max(left, 0), width - shown), 0, shown, height

    def _skeleton(
        self, canvas: Image, keypoints: FloatArray, view: paint.View, differences: dict[str, float | None]
    ) -> None:
        points = view.map(keypoints[:, :2])
        thickness = max(2.0, 5.0 * self._unit)
        paint.draw_skeleton(
            canvas, points, keypoints[:, 2], view.place, differences=differences, width=thickness
        )

    def _expert(self, canvas: Image, scene: Scene, view: paint.View) -> None:
        live = scene.position.time is not None
        if scene.expert_image is None:
            x, y, w, h = view.place
            canvas[y : y + h, x : x + w] = paint.SURFACE
        else:
            self._expert_picture(canvas, scene.expert_image, view, 1.0 if live else 0.55)
        scale = view.crop[3] / scene.expert_size[1]
        points = view.map(scene.expert_keypoints[:, :2] * scale)
        confidence = scene.expert_keypoints[:, 2] if live or scene.expert_image is None else np.zeros(17)
        paint.draw_skeleton(
            canvas, points, confidence, view.place, width=max(2.0, 3.0 * self._unit), dots=False
        )

    def _expert_picture(self, canvas: Image, image: Image, view: paint.View, brightness: float) -> None:
        """The expert's picture; it often stays for some frames, scaled already."""
        x, y, w, h = view.place
        place, kept = canvas[y : y + h, x : x + w], self._kept
        if kept is not None and kept[0] is image and kept[1:3] == (view, brightness):
            np.copyto(place, kept[3])
            return
        paint.draw_picture(canvas, image, view, brightness=brightness)
        copy = kept[3] if kept is not None and kept[3].shape == place.shape else np.empty_like(place)
        np.copyto(copy, place)
        self._kept = (image, view, brightness, copy)

    def _label(self, canvas: Image, place: tuple[int, int, int, int], label: str) -> None:
        size, pad = self._px(17), self._px(12)
        width = self._text.width(label, size, bold=True)
        x, y = place[0] + self._px(12), place[1] + self._px(12)
        box = (x, y, width + 2 * pad, self._px(30))
        paint.draw_box(canvas, box, paint.SHADOW, radius=self._px(15), opacity=0.62)
        self._text.draw(canvas, label, x + pad, y + self._px(21), size=size, color=paint.TEXT, bold=True)

    def _strip(
        self, canvas: Image, scene: Scene, differences: dict[str, float | None], score: float | None
    ) -> None:
        """State and pace on the left, the piece in the middle, the score on the right, keys below."""
        px = self._px
        write = partial(self._text.draw, canvas, background=paint.BACKGROUND)
        top = self.height - px(112)
        name, color, hint = _STATES[scene.position.state]
        paint.dot(canvas, px(31), top + px(25), px(8), color)
        write(name, px(50), top + px(34), size=px(28), color=paint.TEXT, bold=True)
        write(hint or self._pace_words(scene), px(50), top + px(62), size=px(17), color=paint.MUTED)

        left, right = self._bar[0], self._bar[0] + self._bar[2]
        words = self._joint_words(scene, differences)
        if words:
            write(words, left, top + px(32), size=px(22), color=paint.FAIR, bold=True)
        time = scene.position.time
        whole = _clock(scene.duration)
        # Two pieces: the second never changes and is rendered once.
        start = right - write(
            whole if time is None else f" / {whole}", right, top + px(32), size=px(17), color=paint.MUTED,
            align="right",
        )  # fmt: skip
        if time is not None:
            write(_clock(time), start, top + px(32), size=px(17), color=paint.MUTED, align="right")
            paint.draw_bar(canvas, self._bar, time / max(scene.duration, 1e-6), color)

        edge = self.width - px(24)
        if score is not None:
            write("score", edge, top + px(62), size=px(15), color=paint.MUTED, align="right")
            number, tint = f"{score:.0f}", paint.score_color(round(score))
            write(number, edge, top + px(42), size=px(46), color=tint, bold=True, align="right")
        if scene.fps is not None:
            rate, baseline = f"{scene.fps:.0f} fps", self.height - px(16)
            write(rate, edge, baseline, size=px(15), color=paint.MUTED, align="right")

    def _pace_words(self, scene: Scene) -> str:
        """The pace in words, each long enough to be read."""
        if self._pace is None or not 0 <= scene.time - self._pace[0] < PACE_SECONDS:
            self._pace = (scene.time, f"{scene.position.speed:.2f}× the expert’s pace")
        return self._pace[1]

    def _keys(self, canvas: Image) -> None:
        """The keys, which never change: drawn once, into the empty canvas."""
        px, text = self._px, self._text
        baseline, size = self.height - px(16), px(15)
        x = float(px(24))
        for key, meaning in KEYS:
            width = text.width(key, size, bold=True)
            cap = (round(x), baseline - px(16), width + px(14), px(22))
            paint.draw_box(canvas, cap, paint.TRACK, radius=px(5))
            text.draw(canvas, key, x + px(7), baseline, size=size, color=paint.TEXT, bold=True)
            x += width + px(22)
            x += text.draw(canvas, meaning, x, baseline, size=size, color=paint.MUTED) + px(20)

    def _joint_words(self, scene: Scene, differences: dict[str, float | None]) -> str:
        """The largest difference in words, each long enough to be read; '' when all is well."""
        if scene.position.state not in (State.FOLLOWING, State.HOLDING):
            self._words = None
            return ""
        if self._words is not None and 0 <= scene.time - self._words[0] < WORDS_HOLD_SECONDS:
            return self._words[1]
        seen = {n: v for n in JOINT_NAMES if (v := differences.get(n)) is not None}
        worst = max(seen, key=lambda name: abs(seen[name]), default=None)
        if worst is None or abs(seen[worst]) < WORDS_FROM_DEGREES:
            self._words = None
            return ""
        self._words = (scene.time, describe_difference(worst, seen[worst]))
        return self._words[1]

    def _details(
        self, canvas: Image, place: tuple[int, int, int, int], lines: tuple[tuple[str, str], ...]
    ) -> None:
        px, text = self._px, self._text
        size, step = px(15), px(23)
        labels = max((text.width(label, size) for label, _ in lines), default=0)
        values = max((text.width(value, size) for _, value in lines), default=0)
        x, y = place[0] + px(12), place[1] + px(52)
        box = (x, y, labels + values + px(44), step * len(lines) + px(18))
        paint.draw_box(canvas, box, paint.SHADOW, radius=px(10), opacity=0.78)
        for k, (label, value) in enumerate(lines):
            baseline = y + px(26) + k * step
            text.draw(canvas, label, x + px(14), baseline, size=size, color=paint.MUTED)
            text.draw(canvas, value, x + labels + px(30), baseline, size=size, color=paint.TEXT)

    def _notice(self, canvas: Image, place: tuple[int, int, int, int], notice: str) -> None:
        px, text = self._px, self._text
        size = px(21)
        width = text.width(notice, size, bold=True) + px(44)
        middle = place[0] + place[2] // 2 if width < place[2] else self.width // 2
        y = place[1] + place[3] // 2 - px(24)
        paint.draw_box(
            canvas, (middle - width // 2, y, width, px(48)), paint.SHADOW, radius=px(24), opacity=0.82
        )
        text.draw(
            canvas, notice, middle, y + px(31), size=size, color=paint.TEXT, bold=True, align="center"
        )  # fmt: skip


def _fit(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """The largest size of the same shape within a room."""
    scale = min(room_width / width, room_height / height)
    return max(2, int(width * scale)), max(2, int(height * scale))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}"
