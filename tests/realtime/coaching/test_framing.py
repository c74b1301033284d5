"""Framing: the most useful advice, in the performer's own left and right, and only when it lasts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from clips import frames_of, size_of
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.errors import InvalidDataError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.features import swap_left_right
from posesync.pose.settings import PoseSettings
from posesync.pose.types import Frame
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.framing import (
    PATIENCE,
    FramingWatch,
    SizeWatch,
    check_framing,
    expert_weights,
)

SIZE = (1280, 720)
WORDS = {
    "nobody in view",
    "come closer",
    "move to the left",
    "move to the right",
    "step back, I cannot see all of you",
}

#: Somebody who faces the camera, 1 high, feet on 0: x to the picture's right, y down, as MoveNet sees them.
FIGURE = np.array(
    [(0, -0.93), (0.02, -0.95), (-0.02, -0.95), (0.04, -0.94), (-0.04, -0.94)]
    + [(s * x, y) for x, y in ((0.11, -0.8), (0.14, -0.62), (0.15, -0.46)) for s in (1, -1)]
    + [(s * x, y) for x, y in ((0.07, -0.5), (0.07, -0.27), (0.07, -0.04)) for s in (1, -1)]
)


def standing(x: float = 0.5, feet: float = 0.95, height: float = 0.8) -> npt.NDArray[np.float64]:
    """The figure in a picture: place and height as shares of it; what lies outside is not seen."""
    points = np.column_stack(
        [FIGURE * height * SIZE[1] + np.array([x * SIZE[0], feet * SIZE[1]]), np.full(17, 0.8)]
    )
    outside = (points[:, :2] < 0).any(axis=1) | (points[:, :2] > SIZE).any(axis=1)
    points[outside, 2] = 0.02
    return points


@pytest.mark.parametrize(
    ("pose", "word"),
    [
        (standing(), None),
        (standing(height=0.35), None),
        (np.zeros((17, 3)), "nobody in view"),
        (standing(height=0.2, feet=0.6), "come closer"),
        (standing(feet=1.0, height=0.2), "tilt the camera down, I cannot see your feet"),
        (standing(feet=1.1, height=1.05), "step back, I cannot see your feet"),
        (standing(feet=1.5, height=1.4), "step back, I cannot see your feet"),
        (standing(feet=1.1, height=0.6), "tilt the camera down, I cannot see your feet"),
        (standing(feet=0.75, height=0.82), "tilt the camera up, I cannot see your head"),
        (standing(feet=1.15, height=1.35), "step back, I cannot see all of you"),
        (standing(x=0.05), "move to the left"),
        (standing(x=0.95), "move to the right"),
        (swap_left_right(standing(x=0.05), flip_x=False), "move to the right"),
        (swap_left_right(standing(x=0.95), flip_x=False), "move to the left"),
    ],
)
def test_the_word_that_helps(pose: npt.NDArray[np.float64], word: str | None) -> None:
    assert check_framing(pose, SIZE) == word


def test_what_hides_the_feet_is_named_where_the_picture_goes_on() -> None:
    pose = standing(feet=0.6, height=0.5)
    pose[13:, 2] = 0.02
    assert check_framing(pose, SIZE) == "I cannot see your feet: is something in the way?"


def test_what_the_expert_does_not_show_is_not_asked_for() -> None:
    seen = np.ones(17)
    seen[13:] = 0.0
    assert check_framing(standing(feet=1.3, height=1.2), SIZE, expert_seen=seen) is None
    assert check_framing(standing(feet=1.3, height=1.2), SIZE) is not None


def test_the_demos_expert_shows_everything(expert: Expert) -> None:
    weights = expert_weights(expert.reference.keypoints)
    assert weights.shape == (17,)
    assert weights[11:].min() > 0.5


@pytest.mark.parametrize("shape", [(17, 2), (2, 17, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidDataError, match="17, 3"):
        check_framing(np.zeros(shape), SIZE)
    with pytest.raises(InvalidDataError, match="17"):
        check_framing(standing(), SIZE, expert_seen=np.ones(8))


@given(
    st.floats(-0.5, 1.5), st.floats(0.0, 2.0), st.floats(0.05, 3.0), st.lists(st.integers(0, 16), max_size=17)
)
@settings(max_examples=60)
def test_any_place_gets_one_known_word(x: float, feet: float, height: float, hidden: list[int]) -> None:
    pose = standing(x, feet, height)
    pose[hidden, 2] = 0.0
    word = check_framing(pose, SIZE)
    assert word is None or word in WORDS or "I cannot see your" in word


@given(st.floats(0.02, 0.08))
@settings(max_examples=20)
def test_the_mirrored_picture_asks_for_the_other_side(x: float) -> None:
    """A flipped picture shows the performer's left as their right: the sides change, nothing else does."""
    pose = standing(x)
    flipped = swap_left_right(pose)
    flipped[:, 0] += SIZE[0]
    assert (check_framing(pose, SIZE), check_framing(flipped, SIZE)) == (
        "move to the left",
        "move to the right",
    )


def said_of(clip: Path, crop: tuple[slice, slice], detector: str) -> str | None:
    """What is said most often of real pictures, cut off.

    Throughout the clip, for no detector sees half a body in every frame: cropping by keypoints lets the
    left half go for a fifth of a second, right at the beginning.
    """
    estimator, words = PoseEstimator(PoseSettings(detector=detector)), Counter[str | None]()
    for number, (time, image) in enumerate(frames_of(clip)):
        if number % 5:
            continue
        cut = np.ascontiguousarray(image[crop])
        keypoints = estimator.update(Frame(cut, time, number)).keypoints.to_array()
        words[check_framing(keypoints, (cut.shape[1], cut.shape[0]))] += 1
    return words.most_common(1)[0][0]


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        ((0.0, 1.0), (0.0, 1.0), {None}),
        (
            (0.0, 0.62),
            (0.0, 1.0),
            {"tilt the camera down, I cannot see your feet", "step back, I cannot see your feet"},
        ),
        (
            (0.36, 1.0),
            (0.0, 1.0),
            {"tilt the camera up, I cannot see your head", "step back, I cannot see your head"},
        ),
        ((0.0, 1.0), (0.0, 0.5), {"move to the right"}),
        ((0.0, 1.0), (0.5, 1.0), {"move to the left"}),
    ],
    ids=["all of her", "no feet", "no head", "left half", "right half"],
)
def test_of_real_pictures(
    rows: tuple[float, float],
    columns: tuple[float, float],
    said: set[str | None],
    expert_clip: Path,
    detector: str,
) -> None:
    width, height = size_of(expert_clip)
    crop = (
        slice(*(int(share * height) for share in rows)),
        slice(*(int(share * width) for share in columns)),
    )
    assert said_of(expert_clip, crop, detector) in said


def play(watch: FramingWatch, words: list[tuple[float, str | None]], step: float = 0.1) -> list[str | None]:
    """What the watch shows while each word holds for its s."""
    shown, time = [], 0.0
    for seconds, word in words:
        for _ in range(round(seconds / step)):
            shown.append(watch.update(word, time))
            time += step
    return shown


def test_a_moment_out_of_the_picture_is_not_worth_a_word() -> None:
    words: list[tuple[float, str | None]] = [
        (2.0, None),
        (0.8, "come closer"),
        (1.0, None),
        (0.8, "come closer"),
    ]
    assert set(play(FramingWatch(), words)) == {None}


def test_what_lasts_is_said_and_stays_long_enough_to_be_read() -> None:
    watch = FramingWatch()
    shown = play(watch, [(1.0, None), (1.2, "come closer"), (0.4, "move to the left"), (4.0, None)])
    first = shown.index("come closer")
    assert first == 20  # 1 s after it began
    assert shown[first:].count("come closer") == pytest.approx(20, abs=1)
    assert "move to the left" not in shown  # too short, and the other one was still to be read
    assert shown[-1] is None


def test_nobody_in_view_disappears_when_the_performer_is_back() -> None:
    shown = play(FramingWatch(), [(1.2, "nobody in view"), (1.0, None)])
    assert shown[11] == "nobody in view"
    assert set(shown[12 + 6 :]) == {None}


def test_framing_is_good_only_after_a_while() -> None:
    watch = FramingWatch()
    assert not watch.good
    play(watch, [(0.3, None)])
    assert not watch.good
    play(watch, [(0.8, None)])
    assert watch.good
    play(watch, [(1.5, "come closer")])
    assert not watch.good
    watch.reset()
    assert (watch.update(None, 0.0), watch.good) == (None, False)


def others(poses: list[npt.NDArray[np.float64]]) -> list[bool]:
    watch = SizeWatch()
    return [watch.is_other(pose, SIZE[1], k / 30) for k, pose in enumerate(poses)]


def test_a_spectator_who_is_small_is_not_the_performer() -> None:
    performer, spectator, nobody = standing(), standing(height=0.2, feet=0.6), np.zeros((17, 3))
    assert not any(others([spectator] * 60)), "nobody else has been seen"
    there = others([performer] * 60 + [nobody] * 30 + [spectator] * 90 + [performer] * 30)
    assert there == [False] * 90 + [True] * 90 + [False] * 30
    stays = others([performer] * 60 + [spectator] * 600)
    assert np.flatnonzero(np.diff(stays)).tolist() == pytest.approx([59, 59 + 30 * PATIENCE], abs=2)


def test_who_walks_away_is_still_the_performer() -> None:
    away = np.linspace(0.8, 0.2, 120)  # in four seconds to a quarter of their size
    assert not any(others([standing(height=height, feet=0.7) for height in away]))
