"""What is drawn: found again in the pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime import annotators as paint
from posesync.realtime.overlay import KEYS, Overlay, Scene
from posesync.realtime.position import Position, State
from posesync.realtime.text import TextPainter
from test_feedback import standing


def scene(**changes: object) -> Scene:
    """A performer on grey beside an expert on grey."""
    pose = standing()
    base = Scene(
        time=1.0,
        image=np.full((200, 200, 3), 90, np.uint8),
        keypoints=pose,
        position=Position(2.0, 0.9, 0.9, State.FOLLOWING),
        duration=4.0,
        joints=dict.fromkeys(JOINT_NAMES, 0.0),
        score=93.0,
        expert_image=np.full((200, 200, 3), 60, np.uint8),
        expert_keypoints=pose,
        expert_size=(200, 200),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def count(image: np.ndarray, color: paint.Color, tolerance: int = 24) -> int:
    return int((np.abs(image.astype(int) - color).max(axis=-1) <= tolerance).sum())


def halves(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The performer's and the expert's half, without the strip."""
    height, width = image.shape[:2]
    return image[: height * 5 // 6, : width // 2], image[: height * 5 // 6, width // 2 :]


@pytest.mark.parametrize("height", [360, 720, 1080])
def test_the_canvas_is_16_to_9_and_even(height: int) -> None:
    image = Overlay(height).draw(scene())
    assert image.shape == (height, height * 16 // 9, 3)
    assert image.dtype == np.uint8


def test_a_limb_that_is_off_turns_red_and_thicker_and_is_named() -> None:
    right = Overlay().draw(scene())
    wrong = Overlay().draw(scene(joints={**dict.fromkeys(JOINT_NAMES, 0.0), "left_elbow": -60.0}))
    assert count(halves(right)[0], paint.POOR) == 0
    assert count(halves(wrong)[0], paint.POOR) > 200
    assert count(halves(wrong)[1], paint.POOR) == 0
    assert count(right[620:650, 330:800], paint.FAIR) == 0
    assert count(wrong[620:650, 330:800], paint.FAIR) > 100  # "left elbow 60° too bent"


def test_the_mirror_flips_both_pictures_or_with_a_mirrored_performer_only_one() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[:, :100] = (200, 40, 40)  # blue on the left
    blank = np.zeros((17, 3))
    both = scene(image=image, expert_image=image, keypoints=blank, expert_keypoints=blank)
    for mirror, mirrored, expected in ((False, False, "LL"), (True, False, "RR"), (True, True, "RL")):
        position = replace(both.position, mirrored=mirrored)
        drawn = Overlay(mirror=mirror).draw(replace(both, position=position))
        sides = ""
        for half in halves(drawn):
            blue = (np.abs(half.astype(int) - (200, 40, 40)).max(axis=-1) < 12).nonzero()[1]
            inside = (half.max(axis=-1) >= 0).nonzero()[1].mean()
            panel = np.flatnonzero((half[200] != paint.BACKGROUND).any(axis=-1))
            sides += "L" if blue.mean() < (panel[0] + panel[-1]) / 2 else "R"
            assert inside > 0
        assert sides == expected


def test_the_skeleton_lies_on_the_person_also_when_mirrored_and_cropped() -> None:
    image = np.full((400, 1600, 3), 90, np.uint8)
    pose = standing()
    pose[:, 0] += 1300  # far from the middle of a wide picture
    cv2.circle(image, (int(pose[10, 0]), int(pose[10, 1])), 9, (0, 0, 255), -1)
    for mirror in (False, True):
        blank = scene(image=image, keypoints=pose, expert_image=None)
        drawn = Overlay(mirror=mirror).draw(blank)
        armless = pose.copy()
        armless[7:11, 2] = 0.0
        plain = Overlay(mirror=mirror).draw(replace(blank, keypoints=armless))
        red = (np.abs(plain.astype(int) - (0, 0, 255)).max(axis=-1) < 40).nonzero()
        assert len(red[0]) > 50, "the wrist is not in the crop"
        y, x = int(np.mean(red[0])), int(np.mean(red[1]))
        around = drawn[y - 6 : y + 7, x - 6 : x + 7]
        assert count(around, paint.TEXT, 60) > 10 or count(around, paint.SHADOW, 40) > 10


def test_the_progress_bar_shows_the_share_of_the_piece() -> None:
    for share in (0.25, 0.5, 0.75):
        drawn = Overlay().draw(scene(position=Position(4 * share, 1.0, 1.0, State.FOLLOWING), score=None))
        row = drawn[662, 330:1030]
        filled = count(row[None], paint.GOOD, 10) / len(row)
        assert filled == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("state", list(State))
def test_every_state_looks_different(state: State) -> None:
    time = None if state in (State.WAITING, State.LOST) else 2.0
    drawn = Overlay().draw(scene(position=Position(time, 0.0, 0.0, state)))
    strips = {
        other: Overlay().draw(scene(position=Position(time, 0.0, 0.0, other)))[600:690, :320].tobytes()
        for other in State
        if other is not state
    }
    assert drawn[600:690, :320].tobytes() not in strips.values()
    expert = halves(drawn)[1]
    assert (count(expert, (60, 60, 60), 2) == 0) == (time is None), "without a position the expert is dimmed"


def test_words_stay_long_enough_to_be_read() -> None:
    overlay = Overlay()
    off = {**dict.fromkeys(JOINT_NAMES, 0.0), "right_knee": 50.0}
    first = overlay.draw(scene(time=1.0, joints=off))[612:645, 330:800]
    again = overlay.draw(scene(time=1.2))[612:645, 330:800]
    later = overlay.draw(scene(time=9.0))[612:645, 330:800]
    assert (first == again).all()
    assert count(later, paint.FAIR) == 0


def test_notice_and_details_are_drawn_when_there_are_some() -> None:
    plain = Overlay().draw(scene())
    noticed = Overlay().draw(scene(notice="Camera lost · waiting for it, 3 s"))
    detailed = Overlay().draw(scene(statistics=(("dropped", "12"), ("processed", "30.1 fps"))))
    assert (plain != noticed).any(axis=-1).sum() > 3000
    assert (plain != detailed).any(axis=-1).sum() > 3000
    assert [key for key, _ in KEYS] == ["Q", "Space", "M", "R", "H"]


@pytest.mark.parametrize("size", [(200, 200), (90, 1600), (1600, 90), (17, 13), (1920, 1080)])
@pytest.mark.parametrize("follow", [True, False])
def test_any_shape_of_picture_fits(size: tuple[int, int], follow: bool) -> None:
    image = np.full((size[1], size[0], 3), 130, np.uint8)
    drawn = Overlay(follow=follow).draw(scene(image=image, expert_image=image, expert_size=size))
    assert count(halves(drawn)[0], (130, 130, 130), 3) > 500


def test_wild_keypoints_do_no_harm() -> None:
    pose = standing()
    pose[:, :2] *= np.array([1e9, -1e9])
    drawn = Overlay().draw(scene(keypoints=pose))
    assert drawn.shape == (720, 1280, 3)


@pytest.mark.parametrize(
    "text", ["Übung Größe", "Привет", "0.93× −24°", "東京 ▲", "a\tb\n\x00", "", " ", "e\u0301" * 300]
)
def test_text_in_any_script(text: str) -> None:
    painter = TextPainter()
    canvas = np.zeros((60, 900, 3), np.uint8)
    width = painter.draw(canvas, text, 10, 40, size=28, color=(255, 255, 255))
    assert width == painter.width(text, 28)
    visible = "".join(text.split()).strip("\x00")
    assert (canvas.max() > 200) == bool(visible)


def test_text_keeps_to_its_side_and_to_the_canvas() -> None:
    painter = TextPainter()
    for align, x, low, high in (("left", 100, 98, 200), ("right", 100, 0, 102), ("center", 100, 50, 150)):
        canvas = np.zeros((40, 200, 3), np.uint8)
        painter.draw(canvas, "score", x, 30, size=20, color=(255, 255, 255), align=align)  # type: ignore[arg-type]
        columns = canvas.max(axis=(0, 2)).nonzero()[0]
        assert low <= columns.min()
        assert columns.max() <= high
    canvas = np.zeros((40, 200, 3), np.uint8)
    painter.draw(canvas, "half outside", -40, 5, size=30, color=(255, 255, 255))
    painter.draw(canvas, "wholly outside", 500, 500, size=30, color=(255, 255, 255))
    assert canvas[:, :100].max() > 0
    assert canvas[12:].max() == 0 or canvas[20:].max() == 0
