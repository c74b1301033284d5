"""Cues: constructed errors on a drawn and a real pose, and cues over time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving import dance
from posesync.pose import skeleton
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import swap_left_right
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.body import Body, Facing
from posesync.realtime.coaching.cue_queue import CueQueue
from posesync.realtime.coaching.cues import Cue, find_cues
from posesync.realtime.coaching.legs import LegIdentity
from posesync.realtime.coaching.settings import CueSettings
from test_feedback import standing

_MOVED = {"shoulder": ("elbow", "wrist"), "elbow": ("wrist",), "hip": ("knee", "ankle"), "knee": ("ankle",)}


def index(name: str) -> int:
    return skeleton.KEYPOINT_NAMES.index(name)


def turned(pose: np.ndarray, joint: str, degrees: float) -> np.ndarray:
    """``pose`` with everything that hangs on ``joint`` turned clockwise in the picture."""
    side, _, part = joint.rpartition("_")
    moved = list(range(11)) if joint == "trunk" else [index(f"{side}_{name}") for name in _MOVED[part]]
    pivot = pose[11:13, :2].mean(axis=0) if joint == "trunk" else pose[index(joint), :2]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    pose = pose.copy()
    pose[moved, :2] = pivot + (pose[moved, :2] - pivot) @ np.array([[cos, sin], [-sin, cos]])
    return pose


def from_the_side() -> np.ndarray:
    """The figure seen from its left: it looks to the left of the picture."""
    pose = standing()
    pose[:, 0] = 100 + 0.2 * (pose[:, 0] - 100)
    pose[skeleton.NOSE, 0] -= 14
    pose[[7, 8], 0] += 12
    pose[[9, 10], 0] -= 16
    return pose


@pytest.mark.parametrize(
    ("joint", "degrees", "kind", "text"),
    [
        # The figure faces the camera: its left is on the right of the picture.
        ("left_shoulder", 25, "raise", "raise your left elbow"),
        ("left_shoulder", -25, "lower", "lower your left elbow"),
        ("right_shoulder", -25, "raise", "raise your right elbow"),
        ("left_elbow", 30, "bend", "bend your left elbow more"),
        ("left_elbow", -30, "straighten", "straighten your left elbow"),
        ("right_knee", 20, "bend", "bend your right knee more"),
        ("left_hip", 20, "out", "move your left leg out to the side"),
        ("left_hip", -20, "in", "move your left leg in"),
        ("left_hip", -60, "lower", "lower your left knee"),
        ("trunk", 20, "right", "lean less to the left"),
        ("trunk", -20, "left", "lean less to the right"),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_words_for_a_turned_joint(
    joint: str, degrees: float, kind: str, text: str, mirrored: bool
) -> None:
    expert = standing()
    performer = turned(expert, joint, degrees)
    cues = find_cues(performer, swap_left_right(expert) if mirrored else expert, mirrored=mirrored)
    assert [(cue.joint, cue.kind, cue.text) for cue in cues] == [(joint, kind, text)]
    assert abs(cues[0].degrees) == pytest.approx(abs(degrees), abs=0.01)


@pytest.mark.parametrize(
    ("joint", "degrees", "kind"),
    [
        ("left_hip", 25, "back"),
        ("right_hip", -25, "forward"),
        ("trunk", 20, "forward"),
        ("trunk", -20, "back"),
    ],
)
def test_from_the_side_it_is_forward_and_back(joint: str, degrees: float, kind: str) -> None:
    expert = from_the_side()
    expert[[11, 13, 15], 0] = 102  # hanging legs
    expert[[12, 14, 16], 0] = 98
    assert Body.of(expert).facing is Facing.LEFT
    cues = find_cues(turned(expert, joint, degrees), expert)
    assert [(cue.joint, cue.kind) for cue in cues] == [(joint, kind)]


@given(
    joint=st.sampled_from((*JOINT_NAMES, "trunk")),
    degrees=st.floats(-7.99, 7.99),
    scale=st.floats(0.2, 6),
    shift=st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)),
    mirrored=st.booleans(),
)
def test_nothing_is_said_of_little(
    joint: str, degrees: float, scale: float, shift: tuple[float, float], mirrored: bool
) -> None:
    expert = standing()
    performer = turned(expert, joint, degrees)
    performer[:, :2] = performer[:, :2] * scale + shift
    assert find_cues(performer, swap_left_right(expert) if mirrored else expert, mirrored=mirrored) == []


@given(
    st.sampled_from((*JOINT_NAMES, "trunk")), st.sampled_from((-35.0, -20.0, 20.0, 35.0)), st.integers(0, 59)
)
def test_only_the_joint_that_was_turned_is_blamed(joint: str, degrees: float, moment: int) -> None:
    expert = dance(np.array([moment / 3.0]))[0]
    assert {cue.joint for cue in find_cues(turned(expert, joint, degrees), expert)} <= {joint}


def test_leaning_more_and_less() -> None:
    upright = standing()
    left = turned(upright, "trunk", 20)
    assert find_cues(upright, left)[0].text == "lean more to the left"
    assert find_cues(turned(upright, "trunk", 40), left)[0].text == "lean less to the left"
    assert find_cues(upright, turned(upright, "trunk", -20))[0].text == "lean more to the right"


def test_what_weighs_most_comes_first() -> None:
    expert = standing()
    performer = turned(turned(expert, "left_knee", 30), "right_shoulder", 29)
    assert [cue.joint for cue in find_cues(performer, expert)] == ["right_shoulder", "left_knee"]


def test_nothing_is_said_of_what_the_picture_does_not_show() -> None:
    expert = standing()
    performer = turned(turned(expert, "left_elbow", 40), "left_knee", 40)
    unseen, foreshortened = performer.copy(), performer.copy()
    unseen[[9, 15], 2] = 0.1
    foreshortened[9, :2] = 0.7 * foreshortened[7, :2] + 0.3 * foreshortened[9, :2]
    foreshortened[15, :2] = 0.7 * foreshortened[13, :2] + 0.3 * foreshortened[15, :2]
    assert len(find_cues(performer, expert)) == 2
    for pose in (unseen, foreshortened):
        assert find_cues(pose, expert) == []
        assert find_cues(performer, pose) == []
    assert find_cues(np.zeros((17, 3)), expert) == []
    assert find_cues(np.full((17, 3), np.nan), expert) == []
    with pytest.raises(InvalidDataError, match="expected"):
        find_cues(performer[:5], expert)


def test_of_half_a_body_the_arms_are_judged_against_the_shoulders() -> None:
    expert = standing()
    desk = expert.copy()
    desk[11:, 2] = 0.0
    assert [cue.text for cue in find_cues(turned(desk, "left_shoulder", 25), expert)] == [
        "raise your left elbow"
    ]
    assert find_cues(turned(desk, "trunk", 25), expert) == []  # a leaning trunk carries the arms along


def test_no_cue_for_a_performer_who_faces_the_other_way() -> None:
    expert = standing()
    assert find_cues(turned(swap_left_right(expert, flip_x=False), "left_elbow", 50), expert) == []


# -- over time -------------------------------------------------------------------------------


def play(
    queue: CueQueue, performer: np.ndarray, expert: np.ndarray, start: float, seconds: float, **more: float
) -> list[tuple[float, Cue | None]]:
    """A held pose, 30 frames per second."""
    times = start + np.arange(round(seconds * 30)) / 30
    return [(float(now), queue.update(float(now), performer, expert, **more)) for now in times]


def test_a_cue_waits_until_the_error_lasts_and_stays_long_enough_to_be_read() -> None:
    queue, expert = CueQueue(), standing()
    wrong = turned(expert, "left_shoulder", 25)
    shown = [now for now, cue in play(queue, wrong, expert, 0.0, 1.0) if cue]
    assert 0.5 <= shown[0] <= 0.8
    after = [now for now, cue in play(queue, expert, expert, 1.0, 5.0) if cue]  # put right at once
    assert shown[0] + CueSettings().hold - 0.05 <= after[-1] <= shown[0] + CueSettings().hold + 0.05


def test_a_slip_is_not_worth_a_word() -> None:
    queue, expert = CueQueue(), standing()
    wrong = turned(expert, "left_shoulder", 60)
    said = (
        play(queue, expert, expert, 0, 1)
        + play(queue, wrong, expert, 1, 0.4)
        + play(queue, expert, expert, 1.4, 2)
    )
    assert all(cue is None for _, cue in said)


def test_one_at_a_time_and_not_too_often() -> None:
    queue, expert = CueQueue(), standing()
    wrong = turned(turned(turned(expert, "left_shoulder", 40), "right_elbow", -35), "left_knee", 30)
    said = play(queue, wrong, expert, 0.0, 30.0)
    begins = [
        (now, cue)
        for (_, before), (now, cue) in zip([(0.0, None), *said], said, strict=False)
        if cue and cue != before
    ]
    assert [cue.joint for _, cue in begins[:3]] == ["left_shoulder", "right_elbow", "left_knee"]
    assert min(np.diff([now for now, _ in begins])) >= CueSettings().interval
    same = [now for now, cue in begins if cue.joint == "left_shoulder"]
    assert min(np.diff(same)) >= CueSettings().again


def test_a_cue_goes_when_its_joint_is_out_of_sight_or_the_match_in_doubt() -> None:
    expert = standing()
    wrong = turned(expert, "left_elbow", 40)
    hidden = wrong.copy()
    hidden[9, 2] = 0.0
    for pose, confidence in ((hidden, 1.0), (wrong, 0.1)):
        queue = CueQueue()
        assert play(queue, wrong, expert, 0.0, 1.0)[-1][1] is not None
        said = play(queue, pose, expert, 1.0, 1.0, confidence=confidence)
        assert said[0][1] is not None  # a blink is nothing
        assert all(cue is None for now, cue in said if now > 1.5)
    assert all(cue is None for _, cue in play(CueQueue(), wrong, expert, 0.0, 3.0, confidence=0.0))
    with pytest.raises(InvalidDataError, match="finite"):
        queue.update(float("nan"), wrong, expert)


@pytest.mark.parametrize("mark", ["jumped", "wrapped"])
def test_a_cue_is_about_one_place_and_goes_when_that_is_left(mark: str) -> None:
    expert = standing()
    wrong = turned(expert, "left_elbow", 40)
    queue = CueQueue()
    assert play(queue, wrong, expert, 0.0, 1.0)[-1][1] is not None
    assert queue.update(1.03, wrong, expert, **{mark: True}) is None
    later = play(queue, wrong, expert, 1.06, 3.0)
    assert any(cue is not None for _, cue in later), "what lasts is said again"


def exchanged(pose: np.ndarray) -> np.ndarray:
    pose = pose.copy()
    pose[[15, 16]] = pose[[16, 15]]
    return pose


def test_exchanged_ankles_are_put_back() -> None:
    times, rng = np.arange(0.0, 20.0, 1 / 30), np.random.default_rng(4)
    truth = dance(times)
    truth[:, [11, 13, 15], 0] += 30  # legs apart, which seldom pass each other
    truth[:, [12, 14, 16], 0] -= 30
    wrong = np.zeros(len(times), bool)
    for start in rng.integers(15, len(times) - 10, 40):
        wrong[start : start + rng.integers(1, 7)] = True
    identity = LegIdentity()
    found = [
        identity.update(now, exchanged(pose) if swapped else pose)
        for now, pose, swapped in zip(times, truth, wrong, strict=True)
    ]
    misnamed = np.array([not np.array_equal(f.keypoints, pose) for f, pose in zip(found, truth, strict=True)])
    certain = np.array([f.certain for f in found])
    assert wrong.mean() > 0.15
    assert misnamed.mean() < 0.5 * wrong.mean()
    # Feet that pass each other are close together: then it makes no difference which is which.
    apart = np.linalg.norm(truth[:, 15, :2] - truth[:, 16, :2], axis=1) > 0.3 * 120
    assert (misnamed & certain & apart).mean() < 0.005
    assert certain.mean() > 0.6


def test_no_leg_is_judged_while_it_may_be_the_other() -> None:
    expert = standing()
    wrong = turned(turned(expert, "left_knee", 40), "left_elbow", 40)
    times = np.arange(0.0, 6.0, 1 / 30)
    queue = CueQueue()
    said = {
        cue.joint
        for number, now in enumerate(times)  # exchanged half of the time: nobody knows
        if (cue := queue.update(float(now), exchanged(wrong) if number // 4 % 2 else wrong, expert))
    }
    assert said == {"left_elbow"}


def test_an_expert_shown_elsewhere_is_no_exchange() -> None:
    identity, pose = LegIdentity(), standing()
    for number in range(30):
        identity.update(number / 30, pose)
    elsewhere = pose.copy()
    elsewhere[:, 0] += 300
    elsewhere = exchanged(elsewhere)
    found = identity.update(1.0, elsewhere)
    assert np.array_equal(found.keypoints, elsewhere)
    assert not found.certain


@pytest.mark.parametrize(("told", "closes"), [("wrapped", True), ("wrapped", False), ("jumped", True)])
def test_legs_are_corrected_on_where_an_exercise_meets_its_beginning(told: str, closes: bool) -> None:
    """Every 0.3 s, which is less than it takes to know which leg is which."""
    end = standing()
    begin = end.copy() if closes else exchanged(end)
    queue, said = CueQueue(), set()
    for number in range(150):
        marks = {told: number > 0 and number % 9 == 0}
        expert = begin if number // 9 % 2 else end
        wrong = turned(end, "left_knee", 40)
        if (cue := queue.update(number / 30, wrong, expert, **marks)) is not None:
            said.add(cue.joint)
    assert said == ({"left_knee"} if told == "wrapped" and closes else set())


@given(st.integers(0, 2**32 - 1))
def test_any_pose_is_a_body(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 200, (17, 3))
    pose[:, 2] = rng.uniform(-0.2, 1.1, 17)
    pose[rng.random(17) < 0.4, 2] = 0.0
    pose[rng.integers(17), rng.integers(3)] = rng.choice([np.nan, np.inf, 0.0])
    body = Body.of(pose)
    assert all(
        0.0 <= limb.weight <= 1.0 and abs(abs(limb.direction) - 1) < 1e-9 for limb in body.limbs.values()
    )
    assert all(abs(cue.degrees) >= CueSettings().least for cue in find_cues(pose, standing()))
