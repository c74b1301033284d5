"""Makes clips like users' videos: an empty room before and after, and a bystander.

Everything is made into the folder that is given, a temporary one: no frame of these clips is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt
from posesync.pose.detector import ACQUIRE_SIZE, PersonDetector
from posesync.pose.estimator import PoseEstimator
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.types import Box, Frame
from posesync.pose.writer import VideoWriter

Image = npt.NDArray[np.uint8]

#: s of empty room at either end.
EMPTY: Final = 1.0
#: Longest side of a picture, px: the performer is still taller than what any network is given.
_LONGEST: Final = 1280
#: How tall the spectator is, of the performer's height, and their margin to the picture's side, of its width.
_SMALLER: Final = 0.55
_MARGIN: Final = 0.01
#: The box of somebody is widened so much, of its longer side, to be sure that nothing of them is left.
_AROUND: Final = 0.12
#: Score from which a detection is taken away from an empty room.
_SURE: Final = 0.15
#: Overlap from which two boxes are around the same person.
_SAME: Final = 0.3
#: The picture is filled in at this fraction of its size: texture is not wanted, and it takes no time.
_COARSE: Final = 8
#: Where the woman stands in the walk's frame, px: left, top, right, bottom.
_WOMAN: Final = (105, (893, 508, 1090, 938))
_CRF: Final = 18


@dataclass(frozen=True)
class Clip:
    """A clip in memory.

    Attributes:
        name: without its ending.
        images: (H, W, 3) uint8 BGR.
        times: s, from 0.
        boxes: around the performer; None where nobody was found.
        ends: the first and the last picture without anybody.
        empty: s for which each of them is shown before and after the performance.
    """

    name: str
    images: list[Image]
    times: list[float]
    boxes: list[Box | None]
    ends: tuple[Image, Image]
    empty: float = EMPTY

    @property
    def interval(self) -> float:
        """Seconds from a frame to the next."""
        return self.times[-1] / (len(self.times) - 1)

    @property
    def shown(self) -> tuple[float, float]:
        """From s, to s of the performance in the video."""
        return self.empty, self.empty + self.duration

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return self.times[-1]


def read_clip(path: Path, empty: float = EMPTY) -> Clip:
    """All of a short clip, and where its performer is; ``empty`` as in :class:`Clip`."""
    images, times, boxes = [], [], []
    estimator = PoseEstimator(PoseSettings())
    with open_source(path) as source:
        for frame in source:
            image = _smaller(frame.image)
            images.append(image)
            times.append(frame.time)
            boxes.append(estimator.update(Frame(image, frame.time, frame.index)).box)
    first, last = (
        emptied(image, next(box for box in seen if box is not None), estimator.detector)
        for image, seen in ((images[0], boxes), (images[-1], boxes[::-1]))
    )
    return Clip(path.stem, images, times, boxes, (first, last), empty)


def _smaller(image: Image) -> Image:
    """At most _LONGEST px long, with even sides."""
    height, width = image.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    size = tuple(max(2, round(side * scale / 2) * 2) for side in (width, height))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def held(clip: Clip, video: Path) -> float:
    """Share of the performance in which the estimator holds the performer, in a video of the clip.

    It is the estimator that the command uses, on the same frames: so this is whom the command saw.
    """
    estimator, right = PoseEstimator(PoseSettings()), 0
    before = round(clip.empty / clip.interval)
    with open_source(video) as source:
        for frame in source:
            found = estimator.update(frame).box
            if before <= frame.index < before + len(clip.boxes):
                box = clip.boxes[frame.index - before]
                right += box is None or (found is not None and found.iou(box) > _SAME)
    return right / len(clip.boxes)


def write_video(clip: Clip, target: Path, spectator: Image | None = None, *, always: bool = False) -> Path:
    """The clip with an empty room at both ends.

    Args:
        clip: what is performed.
        target: the video (.mp4).
        spectator: who stands by during the performance, or None.
        always: they stand there before and after it, too.
    """
    height, width = clip.images[0].shape[:2]
    with VideoWriter(target, width, height, round(1 / clip.interval), crf=_CRF, preset="superfast") as video:
        for time, image in _performance(clip):
            performed = clip.shown[0] <= time <= clip.shown[1]
            watched = spectator is not None and (always or performed)
            video.write(stand_by(image, clip, spectator) if watched else image, time)
    return target


def _performance(clip: Clip) -> Iterator[tuple[float, Image]]:
    """(s, picture): empty, the clip, empty."""
    begin, end = clip.shown
    count = round(clip.empty / clip.interval)
    before, after = clip.ends
    for number in range(count):
        yield begin - (count - number) * clip.interval, before
    for time, image in zip(clip.times, clip.images, strict=True):
        yield begin + time, image
    for number in range(1, count + 1):
        yield end + number * clip.interval, after


def emptied(image: Image, performer: Box, detector: PersonDetector | None) -> Image:
    """A picture without the performer and all others, who are looked for twice: some stand behind others."""
    empty = _without(image, [performer])
    for _ in range(2 if detector is not None else 0):
        assert detector is not None
        empty = _without(
            empty, [box for box in detector.detect(empty, None, ACQUIRE_SIZE) if box.score > _SURE]
        )
    return empty


def _without(image: Image, boxes: list[Box]) -> Image:
    """What surrounds the boxes is drawn together where they were."""
    if not boxes:
        return image
    small = cv2.resize(image, None, fx=1 / _COARSE, fy=1 / _COARSE, interpolation=cv2.INTER_AREA)
    mask = np.zeros(image.shape[:2], np.uint8)
    for box in boxes:
        around = _AROUND * max(box.width, box.height)
        left, top = max(0, round(box.left - around)), max(0, round(box.top - around))
        mask[top : round(box.bottom + around), left : round(box.right + around)] = 255
    coarse = cv2.resize(mask, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    filled = cv2.inpaint(small, coarse, 3, cv2.INPAINT_TELEA)
    smooth = cv2.resize(filled, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(mask, (0, 0), _COARSE).astype(np.float32)[..., None] / 255
    return np.asarray(image * (1 - soft) + smooth * soft, np.uint8)


def stand_by(image: Image, clip: Clip, spectator: Image) -> Image:
    """A copy of a picture with the spectator at the side that the performer leaves free."""
    height, width = image.shape[:2]
    boxes = [box for box in clip.boxes if box is not None]
    lowest = max(box.bottom for box in boxes)
    tall = _SMALLER * float(np.median([box.height for box in boxes]))
    size = round(tall * spectator.shape[1] / spectator.shape[0]), round(tall)
    person = cv2.resize(spectator, size, interpolation=cv2.INTER_AREA)
    room_left, room_right = min(box.left for box in boxes), width - max(box.right for box in boxes)
    margin = round(_MARGIN * width)
    left = margin if room_left >= room_right else width - size[0] - margin
    top = max(0, min(height, round(lowest)) - size[1])
    edge = np.zeros((size[1], size[0]), np.float32)
    inset = max(2, round(0.06 * size[0]))
    edge[inset:-inset, inset:-inset] = 1.0
    soft = cv2.GaussianBlur(edge, (0, 0), inset / 2)[..., None]
    mixed = image.copy()
    place = mixed[top : top + size[1], left : left + size[0]]
    place[:] = place * (1 - soft) + person * soft
    return mixed


def spectator_of(walk: Path) -> Image:
    """The woman of the walk, standing still."""
    number, (left, top, right, bottom) = _WOMAN
    with av.open(str(walk)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == number:
                image: Any = frame.to_ndarray(format="bgr24")
                return np.ascontiguousarray(image[top:bottom, left:right])
    raise ValueError(f"{walk} has no frame {number}: fetch it again with tools/fetch_clips.py")
