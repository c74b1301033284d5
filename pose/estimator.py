"""Estimates the performer's keypoints in a frame: detector, lock, crop, MoveNet.

The performer is acquired with the detector at 640 px over the whole frame, then followed at 320 px in a
region around the last place, which shows a small performer as large as at 640 px, at a quarter of the cost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from .detector import ACQUIRE_SIZE, TRACK_SIZE, PersonDetector
from .errors import ModelError
from .landmarks import Landmarks
from .letterbox import clip, grow, square, whole
from .mediapipe_pose import MediaPipePose
from .model_choice import detector_file, pose_file, say_without_detector
from .model_files import sha256_of
from .movenet import CROP_CONFIDENCE, MoveNet, crop_around, torso_seen
from .performer import SAME_BODY, Lock, Performer, Succession
from .settings import PoseSettings
from .stillness import Elsewhere, Stillness
from .track import shared
from .types import Box, FloatArray, Frame, Image, Keypoints

logger = logging.getLogger(__name__)

#: Mean confidence of the body's keypoints from which a pose belongs to a person.
PRESENT: Final = 0.25
#: Mean confidence from which a lock is strong, and s for which it then needs no detector.
STRONG: Final = 0.45
TRUST_TIME: Final = 0.5

#: Seconds between looks at the whole frame while the performer is out of sight: they cost six times as much.
ACQUIRE_EVERY: Final = 0.2
#: Longest side of the input for a region that is nearly square.
SQUARE_SIZE: Final = 256
#: Half-size of the crop around a detected box, as a share of its longer side; a smaller one cuts off limbs, a
#: larger one wastes pixels.
CROP_FACTOR: Final = 0.55
#: Squares across an elongated picture, at most; a strip a thousand times as long as wide would take a minute.
MOST_CROPS: Final = 8
#: The last keypoints enlarge a box only when at least this many of them lie near it.
MEND_POINTS: Final = 6

_BODY = slice(5, 17)

Person = tuple[Keypoints, Box]


@dataclass(frozen=True, slots=True)
class PoseResult:
    """The result for one frame.

    Attributes:
        keypoints: the performer's keypoints, full-frame px; every confidence 0 when they are not in sight.
        box: around the performer, full-frame px; None when they are not in sight.
        lock: the state of the lock after this frame.
        succeeded: set when somebody who only stood there has just been replaced as the performer; None on
            every other frame.
    """

    keypoints: Keypoints
    box: Box | None
    lock: Lock
    succeeded: Succession | None = None

    @property
    def feet(self) -> FloatArray | None:
        """(4, 3) x px, y px, confidence of heels and toes, see :class:`Landmarks`; None without any."""
        return self.keypoints.feet if isinstance(self.keypoints, Landmarks) else None


class PoseEstimator:
    """Estimates the keypoints of one performer, frame after frame. Deterministic: same frames, same result.

    Args:
        settings: see :class:`PoseSettings`; the defaults when None.

    Raises:
        ModelError: ONNX Runtime or a model that the settings ask for is missing or unusable. With detector
            ``auto`` a missing YOLOv5 is only a warning.
    """

    def __init__(self, settings: PoseSettings | None = None) -> None:
        self.settings = settings or PoseSettings()
        options: dict[str, Any] = {"provider": self.settings.provider, "threads": self.settings.threads}
        # Both files are found before MediaPipe is imported: that blocks the network for the whole process.
        file, found = pose_file(self.settings), detector_file(self.settings)
        network = MediaPipePose if self.settings.pose == "mediapipe" else MoveNet
        #: Finds keypoints in a crop: MoveNet, or MediaPipe in its place.
        self.movenet: MoveNet | MediaPipePose = network(file, **options)
        self.detector = self._make_detector(found, options)
        self._every = self.settings.every
        fixed = self.detector.fixed_size if self.detector else None
        if fixed and fixed[0] * fixed[1] > 2 * TRACK_SIZE**2 and self._every == "frame":
            # The official release has a fixed 640 × 640 input, six times what a frame's budget allows.
            self._every = "auto"
            logger.info(
                "%s takes only pictures of %d × %d: detecting when the lock is weak, not always",
                self.detector.path.name if self.detector else "",
                *fixed,
            )
        self._performer = Performer(self.settings.patience)
        self._stillness, self._elsewhere = Stillness(), Elsewhere()
        self.reset()

    def _make_detector(self, path: Path | None, options: dict[str, Any]) -> PersonDetector | None:
        if path is None:
            return None
        try:
            return PersonDetector(path, **options)
        except ModelError as error:
            if self.settings.detector == "yolov5" or self.settings.detector_model:
                raise
            say_without_detector(error)
            return None

    @property
    def providers(self) -> list[str]:
        """ONNX Runtime's providers of the pose network, the one in use first."""
        return list(self.movenet.providers)

    @property
    def provider(self) -> str:
        """The pose network's provider in use, as ONNX Runtime names it, without the suffix."""
        return self.movenet.providers[0].removesuffix("ExecutionProvider")

    def describe(self) -> dict[str, str]:
        """Return the detector in use and each model's file name and sha256, for logs and cache keys."""
        used = {"pose": self.movenet.path, **({"detector": self.detector.path} if self.detector else {})}
        described = {part: f"{path.name} sha256:{sha256_of(path)}" for part, path in used.items()}
        return {"detector": "keypoints", **described}

    def reset(self) -> None:
        """Forget the performer; the next frame acquires one again."""
        self._performer.reset()
        self._stillness.reset()
        self._last: Keypoints | None = None
        self._seen_in: Frame | None = None  # until it is known who else is in it
        self._detected_at = float("-inf")
        self._acquired_at = float("-inf")
        self._shape: tuple[int, ...] = ()
        self._elsewhere.reset()

    def follow(self, box: Box, time: float) -> None:
        """Forget the performer and follow the person in ``box`` (full-frame px) at ``time``, s."""
        shape = self._shape
        self.reset()
        self._shape = shape
        self._performer.take(box, time)

    @property
    def lock(self) -> Lock:
        """The state of the lock."""
        return self._performer.state

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        """Find the performer's keypoints in the next frame.

        Args:
            frame: the next one.
            hurried: run the detector only when the lock is weak, whatever the settings say.

        Raises:
            ModelError: a model cannot be run.
        """
        image = frame.image
        if image.shape != self._shape:  # another camera mode: old pixel coordinates are void
            self.reset()
            self._shape = image.shape
        found = self._by_detector(frame, hurried=hurried) if self.detector else self._by_keypoints(frame)
        if found is None:
            self._last = None
            return PoseResult(Keypoints.empty(), None, self._performer.state)
        self._last, box = found
        self._stillness.update(frame, box, self._performer.others(frame.time))
        self._seen_in = frame if self.detector else None
        return PoseResult(self._last, box, self._performer.state, self._performer.succeeded)

    # -- with a detector -------------------------------------------------------------------------------------

    def _by_detector(self, frame: Frame, *, hurried: bool) -> Person | None:
        """Return keypoints and box of the performer, with the detector choosing the crop."""
        look = (
            self._elsewhere.update(frame, self._performer.expected(frame.time))
            if self._performer.replaceable
            else None
        )
        rarely = hurried or self._every == "auto"
        if rarely and look is None and frame.time - self._detected_at < TRUST_TIME:
            found = self._coast(frame, STRONG)
            if found is not None:
                return found
        box = self._detect(frame, look=look)
        if box is None:
            # Detectors miss bodies that are bent, inverted or blurred; MoveNet on a crop often does not.
            return self._coast(frame, PRESENT)
        if self._performer.succeeded:
            self._last = None  # these keypoints belong to somebody else
        keypoints = self.movenet.estimate(frame.image, self._crop(box))
        return keypoints, box

    def _detect(self, frame: Frame, *, look: Box | None) -> Box | None:
        """Run the detector near the last place and, if something moves at ``look``, there; mend the lock."""
        assert self.detector is not None
        image, time = frame.image, frame.time
        size = (image.shape[1], image.shape[0])
        self._detected_at = time
        boxes: list[Box] = []
        if self._performer.unseen(time) <= self._performer.patience:
            region = self._search_region(frame)
            # A square of 256 px costs as much as 320 × 192 and shows a body that fills it equally large.
            oblong = min(region.width, region.height) <= 0.65 * max(region.width, region.height)
            boxes = self.detector.detect(image, region, TRACK_SIZE if oblong else SQUARE_SIZE)
            near = [box for box in boxes if self._performer.continues(box, time)]
            if look is not None and near:
                # Somebody clearly larger is seen in the whole frame at this size, too; parts of the performer
                # are not other people.
                around = self.detector.detect(image, self._around(look, frame), TRACK_SIZE)
                others = [box for box in around if all(shared(box, mine) < SAME_BODY for mine in near)]
                frozen = self._stillness.frozen
                return self._performer.update(near + others, time, size, frozen=frozen, moving=look)
            if near or time - self._acquired_at < ACQUIRE_EVERY:
                return self._performer.update(boxes, time, size, frozen=self._stillness.frozen)
        self._acquired_at = time
        if self._seen_in is not None:  # out of sight since the last frame: find out who else was there
            others = self.detector.detect(self._seen_in.image, None, ACQUIRE_SIZE)
            self._performer.was_beside(others, self._seen_in.time)
            self._seen_in = None
        return self._performer.update(self.detector.detect(image, None, ACQUIRE_SIZE), time, size)

    def _around(self, look: Box, frame: Frame) -> Box | None:
        """Return the region in which to look for who moves at ``look``, or None for the whole frame.

        Beside a picture of a person they may be small, so the region is closer there.
        """
        box = self._performer.box
        if box is None or not self._stillness.frozen:
            return None
        known = [other for other in self._performer.others(frame.time) if shared(other, look) > 0]
        people = [look, *known]
        place = Box(
            min(other.left for other in people),
            min(other.top for other in people),
            max(other.right for other in people),
            max(other.bottom for other in people),
        )
        margin = max(0.4 * max(place.width, place.height), 0.4 * box.height)
        return clip(grow(place, margin), frame.image)

    def _search_region(self, frame: Frame) -> Box:
        """Return the region to search: the expected box and a third of a body around it, more when unseen."""
        box = self._performer.expected(frame.time)
        if box is None:
            return whole(frame.image)
        margin = 0.35 + self._performer.unseen(frame.time)
        return clip(grow(box, margin * max(box.width, box.height)), frame.image)

    def _coast(
        self, frame: Frame, enough: float, people: Sequence[Person] = (), moving: Box | None = None
    ) -> Person | None:
        """Follow by the last keypoints alone; return None when the result is not surely the performer.

        Args:
            frame: the next one.
            enough: mean confidence 0..1 from which the result is sure.
            people: everybody else who was found; one of them may replace the performer.
            moving: where something moves elsewhere, px.
        """
        crop = crop_around(self._last) if self._last is not None else None
        if crop is None:
            return None
        keypoints = self.movenet.estimate(frame.image, crop)
        box = keypoint_box(keypoints, frame.image)
        if box is None or presence(keypoints) < enough or not self._performer.continues(box, frame.time):
            return None
        size = (frame.image.shape[1], frame.image.shape[0])
        everybody = [(keypoints, box), *(person for person in people if shared(person[1], box) < SAME_BODY)]
        mine = self._performer.update(
            [box for _, box in everybody],
            frame.time,
            size,
            frozen=self._stillness.frozen,
            moving=moving,
            drawn=self.detector is not None,
        )
        return next((person for person in everybody if person[1] is mine), None)

    def _crop(self, box: Box) -> Box:
        """Return the square for MoveNet: around the box and the last keypoints that belong to it.

        Measured against Thunder on the test clips, the mean error is 10–50 % less than with Google's rule,
        which places the crop by the last keypoints alone and so carries their errors on. The keypoints
        complete a box that shows only part of the body.
        """
        body = box
        if self._last is not None:
            near = grow(box, 0.5 * max(box.width, box.height))
            xy = self._last.xy[self._last.confidence > CROP_CONFIDENCE]
            xy = xy[((xy >= (near.left, near.top)) & (xy <= (near.right, near.bottom))).all(axis=1)]
            if len(xy) >= MEND_POINTS:
                (left, top), (right, bottom) = xy.min(axis=0).tolist(), xy.max(axis=0).tolist()
                body = Box(
                    min(left, box.left), min(top, box.top), max(right, box.right), max(bottom, box.bottom)
                )
        return square(body.center, CROP_FACTOR * max(body.width, body.height))

    # -- without a detector ----------------------------------------------------------------------------------

    def _by_keypoints(self, frame: Frame) -> Person | None:
        """Return keypoints and box of the performer by MoveNet alone."""
        found = self._coast(frame, PRESENT, *self._others_who_move(frame))
        if found is not None:
            return found
        image, time = frame.image, frame.time
        crops = []
        expected = self._performer.expected(time)
        waiting = self._performer.unseen(time) <= self._performer.patience
        if expected is not None and waiting:
            side = max(expected.width, expected.height)
            crops = [square(expected.center, factor * side) for factor in (0.7, 1.2)]
        if not waiting or time - self._acquired_at >= ACQUIRE_EVERY:
            self._acquired_at = time
            crops += _search_crops(image)
        people = [person for crop in crops if (person := self._somebody(image, crop)) is not None]
        boxes = [box for _, box in people]
        mine = self._performer.update(boxes, time, (image.shape[1], image.shape[0]))
        return next((person for person in people if person[1] is mine), None)

    def _others_who_move(self, frame: Frame) -> tuple[list[Person], Box | None]:
        """Return who is where something moves while the performer stands still, and where that is."""
        where = (
            self._elsewhere.update(frame, self._performer.expected(frame.time))
            if self._performer.replaceable
            else None
        )
        if where is None:
            return [], None
        known = [box for box in self._performer.others(frame.time) if shared(box, where) > 0]
        crops = [square(box.center, 0.7 * max(box.width, box.height)) for box in (*known, where)]
        people = (self._somebody(frame.image, crop) for crop in crops[:MOST_CROPS])
        return _distinct([person for person in people if person is not None]), where

    def _somebody(self, image: Image, crop: Box) -> Person | None:
        """Return the person in a crop, estimated again in a crop that fits them; None when not sure."""
        closer = crop_around(self.movenet.estimate(image, crop))
        if closer is None:
            return None
        keypoints = self.movenet.estimate(image, closer)
        box = keypoint_box(keypoints, image)
        return (keypoints, box) if box is not None and presence(keypoints) >= PRESENT else None


def presence(keypoints: Keypoints) -> float:
    """Return the mean confidence 0..1 of the body's twelve keypoints, without the face: is it a person?"""
    return float(np.mean(keypoints.confidence[_BODY]))


def keypoint_box(keypoints: Keypoints, image: Image) -> Box | None:
    """Return the box around a person, as a detector would draw it; None when the torso was not seen."""
    if not torso_seen(keypoints):
        return None
    seen = keypoints.xy[keypoints.confidence > CROP_CONFIDENCE]
    (left, top), (right, bottom) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
    box = Box(left, top, right, bottom, presence(keypoints))
    return grow(box, 0.08 * max(box.width, box.height), image)


def _distinct(people: list[Person]) -> list[Person]:
    """Return the people without those who were found before, in another crop."""
    found: list[Person] = []
    for person in people:
        if all(shared(person[1], box) < SAME_BODY for _, box in found):
            found.append(person)
    return found


def _search_crops(image: Image) -> list[Box]:
    """Return the crops MoveNet searches without a detector: the whole frame, then overlapping squares."""
    height, width = image.shape[:2]
    side, length = min(width, height), max(width, height)
    crops = [square(whole(image).center, length / 2)]
    count = min(int(np.ceil(length / side * 1.5)), MOST_CROPS) if length > side else 0
    for middle in np.linspace(side / 2, length - side / 2, count).tolist():
        center = (middle, height / 2) if width > height else (width / 2, middle)
        crops.append(square(center, side / 2))
    return crops
