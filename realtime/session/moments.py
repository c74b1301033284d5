"""Keeps the worst moments of a session as small pictures: the performer beside the expert.

It is called for every frame, and most calls cost a few comparisons. The two people are cut out only of a
frame that is worse than those kept, and encoded as JPEGs once, at the end.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from posesync.pose.features import keypoint_weights
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.types import FloatArray, Image
from posesync.realtime.coaching.confidence import JUDGED_FROM
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.tracking.position import Position

#: Moments kept, and how far apart they are in the piece at least, s.
MOMENTS: Final = 5
APART: Final = 2.0
#: A moment with this score or a better one is not worth keeping.
WORTH_BELOW: Final = 95.0

#: The longer side of a picture, px, and the most that its JPEG may take.
SIDE: Final = 300
MAX_JPEG_BYTES: Final = 25_000
#: Height over width of a picture lies between these, so that two fit beside each other.
_SHAPES: Final = (0.8, 1.8)
#: Space around a person, as a share of their height or width.
_AROUND: Final = 0.18
#: s over which scores are averaged: a single bad frame is more often the model's error than the performer's.
_SMOOTHING: Final = 0.4
#: s after a jump, or without a score, before moments count again.
_SETTLING: Final = 0.4
#: s for which every frame must be bad.
_LASTING: Final = 0.2
#: Points by which a moment must get worse before its pictures are cut out again.
_STEP: Final = 3.0


@dataclass(slots=True)
class _Kept:
    position: float
    score: float
    time: float
    cue: str | None
    joints: dict[str, float | None]
    mirrored: bool
    performer: Image
    expert: Image | None


class MomentCollector:
    """Keeps the moments with the lowest scores, at least ``APART`` s of the piece from each other.

    Args:
        limit: moments to keep.
    """

    def __init__(self, limit: int = MOMENTS) -> None:
        self._limit = limit
        self._kept: list[_Kept] = []
        self._smooth: float | None = None
        self._last: float | None = None
        self._settled = 0.0
        self._bad_since: float | None = None

    def update(
        self,
        time: float,
        position: Position,
        score: float | None,
        *,
        joints: Mapping[str, float | None],
        image: Image,
        keypoints: FloatArray,
        expert_image: Callable[[], Image | None],
        expert_keypoints: FloatArray,
        expert_size: tuple[int, int] | None = None,
        cue: str | None = None,
    ) -> bool:
        """Take one frame; return whether it is kept for now.

        Args:
            time: s since the camera's first frame.
            position: place in the reference; a frame after a jump does not count, one after a return to the
                start does.
            score: 0..100 against the expert at that place, or None.
            joints: joint → signed degrees, performer − expert, or None.
            image: (H, W, 3) BGR, as the camera saw it; the part that is kept is copied.
            keypoints: (17, 3) px in ``image``.
            expert_image: returns the matched frame, or None when there is no video of the expert; called only
                when the moment is kept.
            expert_keypoints: (17, 3) px in a frame of ``expert_size``.
            expert_size: width, height that ``expert_keypoints`` refer to; None: those of ``expert_image``.
            cue: the text of the correction shown now, or None.
        """
        place = position.time
        if not self._counts(time, position, score) or place is None or self._smooth is None:
            return False
        near = [kept for kept in self._kept if abs(kept.position - place) < APART]
        rivals = near if near or len(self._kept) < self._limit else [max(self._kept, key=lambda k: k.score)]
        if self._smooth >= WORTH_BELOW or any(self._smooth > rival.score - _STEP for rival in rivals):
            return False
        cut = _cut_out(image, keypoints, joints, flip=False)
        if cut is None:
            return False
        theirs, picture = expert_keypoints, expert_image()
        if picture is not None and expert_size is not None:
            scale = picture.shape[1] / expert_size[0], picture.shape[0] / expert_size[1], 1.0
            theirs = expert_keypoints * np.array(scale)
        beside = None if picture is None else _cut_out(picture, theirs, None, flip=position.mirrored)
        gone = {id(rival) for rival in rivals}
        self._kept = [kept for kept in self._kept if id(kept) not in gone]
        self._kept.append(_Kept(place, self._smooth, time, cue, dict(joints), position.mirrored, cut, beside))
        return True

    def to_list(self) -> list[dict[str, Any]]:
        """Return the moments kept, the worst first, ready for JSON; pictures are JPEGs in base64, or None."""
        return [
            {
                "t": round(kept.time, 4),
                "position": round(kept.position, 4),
                "score": round(kept.score, 2),
                "cue": kept.cue,
                "mirrored": kept.mirrored,
                "joints": {
                    name: None if (degrees := kept.joints.get(name)) is None else round(float(degrees), 2)
                    for name in JOINT_NAMES
                },
                "performer": _encode(kept.performer),
                "expert": None if kept.expert is None else _encode(kept.expert),
            }
            for kept in sorted(self._kept, key=lambda kept: kept.score)
        ]

    def _counts(self, time: float, position: Position, score: float | None) -> bool:
        """Add the score to the mean; return whether a moment may be kept now."""
        passed = time - self._last if self._last is not None and time >= self._last else 1e9
        self._last = time
        if score is None or position.time is None or position.jumped or passed > _SETTLING:
            self._smooth, self._settled, self._bad_since = score, time + _SETTLING, None
            return False
        before = score if self._smooth is None else self._smooth
        self._smooth = before - float(np.expm1(-passed / _SMOOTHING)) * (score - before)
        if score >= WORTH_BELOW:
            self._bad_since = None
        elif self._bad_since is None:
            self._bad_since = time
        lasted = self._bad_since is not None and time - self._bad_since >= _LASTING
        return lasted and time >= self._settled and position.confidence >= JUDGED_FROM


def _cut_out(
    image: Image, keypoints: FloatArray, joints: Mapping[str, float | None] | None, *, flip: bool
) -> Image | None:
    """Return the person with their skeleton, ``SIDE`` px on the longer side; None when too little is seen."""
    crop = _crop(keypoints, image.shape[1], image.shape[0])
    if crop is None:
        return None
    scale = SIDE / max(crop[2:])
    width, height = max(2, round(crop[2] * scale)), max(2, round(crop[3] * scale))
    canvas: Image = np.zeros((height, width, 3), np.uint8)
    view = paint.View(crop, (0, 0, width, height), flip)
    paint.draw_picture(canvas, image, view)
    paint.draw_skeleton(
        canvas, view.map(keypoints[:, :2]), keypoints[:, 2], view.place, differences=joints, width=SIDE / 75
    )
    return canvas


def _crop(keypoints: FloatArray, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Return left, top, width, height of a box around the person, within the image, px."""
    seen = keypoints[keypoint_weights(keypoints[:, 2]) > 0][:, :2]
    seen = seen[np.isfinite(seen).all(axis=1)]
    if len(seen) < 4:
        return None
    low, high = np.clip(seen.min(axis=0), 0, (width, height)), np.clip(seen.max(axis=0), 0, (width, height))
    size = np.maximum(high - low, 8.0)
    size = size + 2 * _AROUND * size.max()
    size = np.maximum(size, (size[1] / _SHAPES[1], size[0] * _SHAPES[0]))
    left, top = np.clip((low + high - size) / 2, 0, np.maximum((width, height) - size, 0))
    wide, tall = min(size[0], width - left), min(size[1], height - top)
    return int(left), int(top), max(2, int(wide)), max(2, int(tall))


def _encode(picture: Image) -> str | None:
    """Return a JPEG of at most ``MAX_JPEG_BYTES`` in base64; None if it cannot be made that small."""
    for quality in (80, 65, 50, 35):
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(data) <= MAX_JPEG_BYTES:
            return base64.b64encode(data.tobytes()).decode()
    return None
