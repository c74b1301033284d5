"""A poster or another picture of a person never keeps the lock against somebody who moves."""

from __future__ import annotations

from math import sin
from pathlib import Path

import cv2
import numpy as np
import pytest
from posesync.pose.estimator import PoseEstimator, PoseResult
from posesync.pose.performer import Performer
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.stillness import Stillness
from posesync.pose.types import Box, Frame, Image

POSTER = Path(__file__).parents[1] / "data" / "poster.mp4"
#: Columns of poster.mp4 that show the performer's film from the entrance on, and the time of that, s.
PANEL, ENTERS = slice(340, 610), 2.0
KINDS = [("yolov5", "frame"), ("yolov5", "auto"), ("keypoints", "frame")]


def estimator(kind: tuple[str, str], model_dir: Path | None) -> PoseEstimator:
    detector, every = kind
    if detector == "yolov5" and model_dir is None:
        pytest.skip("YOLOv5n is not on this machine")
    return PoseEstimator(PoseSettings(detector=detector, every=every))


def films() -> list[Image]:
    """The performer's film, played forwards and backwards so that it does not jump."""
    with open_source(POSTER) as source:
        frames = [frame.image[:, PANEL] for frame in source if frame.time >= ENTERS + 0.05]
    return [*frames, *frames[-2:0:-1]]


def room(time: float, noise: np.random.Generator, *panels: tuple[Image, int, int]) -> Image:
    """A wall with pictures on it, each (picture, left, height), as a camera that hums a little sees it."""
    image = np.full((540, 960, 3), 150, np.float32)
    for picture, left, height in panels:
        small = cv2.resize(picture, None, fx=height / 480, fy=height / 480, interpolation=cv2.INTER_AREA)
        image[530 - height : 530 - height + small.shape[0], left : left + small.shape[1]] = small
    return np.clip(image + noise.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def center(result: PoseResult) -> float:
    return -1.0 if result.box is None else result.box.center[0]


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_the_performer_is_taken_up_although_a_small_poster_was_first(
    kind: tuple[str, str], model_dir: Path | None
) -> None:
    pose = estimator(kind, model_dir)
    with open_source(POSTER) as source:
        found = [(frame.time, pose.update(frame)) for frame in source]
    assert all(PANEL.start < center(result) < PANEL.stop for time, result in found if time > ENTERS + 0.8)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize(("poster", "performer"), [(500, 200), (330, 330)], ids=["larger", "same"])
def test_nor_does_a_poster_keep_the_lock_that_is_as_large_or_larger(
    kind: tuple[str, str], poster: int, performer: int, model_dir: Path | None
) -> None:
    pose, film, noise = estimator(kind, model_dir), films(), np.random.default_rng(0)
    for i in range(60):
        time = i / 15
        panels = [(film[45], 60, poster)]
        if time >= ENTERS:
            panels.append((film[2 * i % len(film)], 600, performer))
        result = pose.update(Frame(room(time, noise, *panels), time, i))
        if 1.0 < time < ENTERS:
            assert 0 < center(result) < 400, "there is nobody else"
        if time > ENTERS + 1.2:
            assert center(result) > 600, f"at {time:.2f} s"


# -- what is still -------------------------------------------------------------------------------------------


def figure(shift: float, noise: np.random.Generator, light: float = 0.0) -> Image:
    """Somebody 300 px tall, moved sideways by ``shift`` px, in a room whose light changes."""
    image = np.full((480, 640, 3), 120.0)
    image[:, ::40] = 90.0
    body = np.full((480, 640, 3), 60.0)
    shape = np.zeros((480, 640), np.float32)
    cv2.ellipse(shape, (320, 250), (45, 150), 0, 0, 360, 1.0, -1)
    shape = cv2.warpAffine(shape, np.array([[1, 0, shift], [0, 1, 0]], np.float32), (640, 480))
    mixed = image + (body - image) * shape[..., None]
    return np.clip(mixed + light + noise.normal(0, 3, mixed.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("sway", "light", "frozen"), [(0.0, 0.0, True), (0.0, 12.0, True), (2.0, 0.0, False)]
)
def test_whoever_waits_still_sways_and_a_picture_does_not(sway: float, light: float, frozen: bool) -> None:
    """An adult sways by a centimetre, which is 2 px here; lamps and exposure change all pixels alike."""
    stillness, noise = Stillness(), np.random.default_rng(1)
    box = Box(270, 95, 370, 405)
    verdicts = []
    for i in range(120):
        time = i / 30
        image = figure(sway * sin(1.9 * time), noise, light * sin(0.7 * time))
        stillness.update(Frame(image, time, i), box, [])
        verdicts.append(stillness.frozen)
    assert not any(verdicts[:30]), "too early to tell"
    assert all(verdict is frozen for verdict in verdicts[60:])


def test_somebody_who_passes_before_a_picture_does_not_bring_it_to_life() -> None:
    stillness, noise, box = Stillness(), np.random.default_rng(1), Box(270, 95, 370, 405)
    for i in range(120):
        image, time = figure(0.0, noise), i / 30
        walker = Box(5.0 * i, 60, 5.0 * i + 80, 470)
        image[60:470, 5 * i : 5 * i + 80] = 200
        stillness.update(Frame(image, time, i), box, [walker])
        assert stillness.frozen or i < 45


# -- who gives way -------------------------------------------------------------------------------------------

STEP, FRAME = 1 / 30, (1280, 720)


def jittering(x: float, height: float, time: float) -> Box:
    """A box that is never steady, as keypoints draw it around a picture."""
    wide = height * (0.4 + 0.2 * sin(61 * time))
    return Box(x - wide / 2, 650 - height, x + wide / 2, 650, 0.8)


@pytest.mark.parametrize(
    ("height", "moves", "taken"), [(300, True, True), (80, True, False), (300, False, False)]
)
def test_a_picture_gives_way_to_who_moves_there(height: float, moves: bool, taken: bool) -> None:
    performer = Performer()
    for i in range(90):
        time = i * STEP
        mine = jittering(300, 500, time)
        other = jittering(900, height, time + 3)
        where = other if moves else None
        held = performer.update([mine, other], time, FRAME, frozen=time > 1, moving=where)
    assert (held is other) is taken


def test_who_has_moved_does_not_lose_the_lock_by_standing_like_a_statue() -> None:
    performer = Performer()
    for i in range(420):
        time = i * STEP
        moves = time < 8
        mine = jittering(300, 500, time if moves else 8.0)
        other = jittering(900, 480, time + 3)
        people = [mine, other] if i else [mine]
        held = performer.update(people, time, FRAME, frozen=not moves, moving=other)
        assert held is mine, f"lost at {time:.1f} s"
