"""The start of a practice: count-in, first movement, raised hand, preview."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.errors import InvalidDataError
from posesync.pose.skeleton import LEFT_WRIST, RIGHT_WRIST
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.motion import MotionMeter, hand_raised
from posesync.realtime.coaching.preview import SlowPreview
from posesync.realtime.coaching.settings import PracticeSettings, Start
from posesync.realtime.coaching.start import Phase, Practice, PracticeStatus

STEP = 0.05
Moment = tuple[float, bool, float, bool]  # s, framing, motion, hand


def play(practice: Practice, moments: list[Moment]) -> list[tuple[float, PracticeStatus]]:
    """What the practice says while each state of things holds for its s."""
    said, frame = [], 0
    for seconds, framing, moving, hand in moments:
        for _ in range(round(seconds / STEP)):
            said.append((frame * STEP, practice.update(frame * STEP, framing, moving, hand)))
            frame += 1
    return said


def start_of(said: list[tuple[float, PracticeStatus]]) -> float | None:
    starts = [time for time, status in said if status.started]
    assert len(starts) <= 1
    return starts[0] if starts else None


def test_three_two_one() -> None:
    said = play(
        Practice(PracticeSettings(start=Start.COUNT)), [(2.0, False, 0, False), (6.0, True, 0, False)]
    )
    assert {status.phase for time, status in said if time < 2.9} == {Phase.FRAMING}
    ticks = [(round(time, 2), status.countdown) for time, status in said if status.tick]
    assert ticks == [(3.0, "3"), (4.0, "2"), (5.0, "1")]
    assert start_of(said) == pytest.approx(6.0)
    assert said[-1][1] == PracticeStatus(Phase.RUNNING)


def test_now_is_now() -> None:
    assert Practice().update(0.0, False) == PracticeStatus(Phase.RUNNING, started=True)


def test_stepping_out_of_the_picture_breaks_the_count_off() -> None:
    practice = Practice(PracticeSettings(start=Start.COUNT))
    said = play(practice, [(2.0, True, 0, False), (0.5, False, 0, False), (5.0, True, 0, False)])
    assert start_of(said) == pytest.approx(2.5 + 1.0 + 3.0)


def test_a_room_that_is_too_small_is_no_prison() -> None:
    practice = Practice(PracticeSettings(start=Start.COUNT, patience=5.0))
    assert start_of(play(practice, [(12.0, False, 0, False)])) == pytest.approx(5.0 + 1.0 + 3.0)


@pytest.mark.parametrize("seconds", [0.0, 2.5])
def test_a_count_in_of_any_length(seconds: float) -> None:
    practice = Practice(PracticeSettings(start=Start.COUNT, seconds=seconds))
    assert start_of(play(practice, [(5.0, True, 0, False)])) == pytest.approx(1.0 + seconds, abs=STEP)


def test_the_first_movement_counts_only_after_standing_still() -> None:
    practice = Practice(PracticeSettings(start=Start.MOTION))
    said = play(practice, [(3.0, True, 2.0, False), (1.5, True, 0.1, False), (1.0, True, 1.2, False)])
    assert start_of(said) == pytest.approx(4.5)
    hints = [status.hint for _, status in said]
    assert hints.index("stand still") < hints.index("start when you like")


def test_who_never_stands_still_does_not_start() -> None:
    practice = Practice(PracticeSettings(start=Start.MOTION))
    assert start_of(play(practice, [(0.5, True, 0.1, False), (9.0, True, 1.5, False)])) is None


def test_a_hand_must_be_held_up() -> None:
    practice = Practice(PracticeSettings(start=Start.HAND))
    wave = [(0.6, True, 1.0, True), (0.2, True, 1.0, False)]
    said = play(practice, [(2.0, True, 0, False), *wave, *wave, (6.0, True, 0, True)])
    assert start_of(said) == pytest.approx(2.0 + 1.6 + 1.0 + 3.0)


def test_the_key_skips_whatever_is_waited_for() -> None:
    practice = Practice(PracticeSettings(start=Start.HAND))
    play(practice, [(2.0, False, 0, False)])
    practice.skip()
    assert practice.update(2.0, False).started
    practice.restart()
    assert practice.update(2.1, False).phase is Phase.FRAMING


@given(
    st.sampled_from(list(Start)),
    st.lists(st.tuples(st.booleans(), st.floats(0, 3), st.booleans()), max_size=200),
)
@settings(max_examples=60)
def test_it_starts_once_at_most_and_never_ends(start: Start, moments: list[tuple[bool, float, bool]]) -> None:
    practice, running = Practice(PracticeSettings(start=start)), False
    for frame, (framing, moving, hand) in enumerate(moments):
        status = practice.update(frame * 0.1, framing, moving, hand)
        assert not (running and (status.started or status.phase is not Phase.RUNNING))
        assert (status.countdown is not None) == (status.phase is Phase.COUNT_IN)
        running |= status.started


def pose() -> npt.NDArray[np.float64]:
    """Somebody whose arms hang, 400 px high."""
    points = np.zeros((17, 3))
    points[:5, :2] = (300, 110)
    points[5:11, :2] = [(330, 160), (270, 160), (340, 230), (260, 230), (345, 290), (255, 290)]
    points[11:, :2] = [(320, 300), (280, 300), (320, 390), (280, 390), (320, 480), (280, 480)]
    points[:, 2] = 0.8
    return points


@pytest.mark.parametrize(
    ("left", "right", "confidence", "raised"),
    [
        (290, 290, 0.8, False),
        (60, 290, 0.8, True),
        (290, 60, 0.8, True),
        (60, 60, 0.8, False),
        (105, 290, 0.8, False),
        (60, 290, 0.1, False),
    ],
    ids=["down", "left", "right", "both", "beside the head", "unseen"],
)
def test_a_raised_hand(left: float, right: float, confidence: float, raised: bool) -> None:
    points = pose()
    points[LEFT_WRIST, 1], points[RIGHT_WRIST, 1] = left, right
    points[LEFT_WRIST, 2] = confidence
    assert hand_raised(points) is raised


def motion(speed: float, *, only: slice = slice(None), jitter: float = 0.0, scale: float = 1.0) -> float:
    """What the meter says of a body that moves ``speed`` torsos per s for 2 s, at 30 per s."""
    meter, noise, value = MotionMeter(), np.random.default_rng(3), 0.0
    for frame in range(60):
        points = pose()
        points[only, 0] += 140 * speed * frame / 30
        points[:, :2] += noise.normal(0, jitter, (17, 2))
        points[:, :2] *= scale
        value = meter.update(frame / 30, points)
    return value


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("speed", [0.0, 0.5, 2.0])
def test_motion_is_measured_in_torsos_per_second(speed: float, scale: float) -> None:
    assert motion(speed, scale=scale) == pytest.approx(speed, rel=0.05, abs=0.01)


def test_jitter_is_no_movement_and_one_arm_is_one() -> None:
    threshold = PracticeSettings()
    assert motion(0.0, jitter=3.0) < threshold.still
    assert motion(2.5, only=slice(7, 11), jitter=3.0) > threshold.moving


def test_who_comes_into_sight_has_not_moved_yet() -> None:
    meter, points = MotionMeter(), pose()
    points[7:11, 2] = 0.0
    points[7:11, :2] = 0.0
    values = [meter.update(frame / 30, points if frame < 20 else pose()) for frame in range(40)]
    assert max(values) < 0.01


def test_the_demos_walk_is_a_movement_and_its_first_pose_is_not(expert: Expert) -> None:
    meter, still, reference = MotionMeter(), MotionMeter(), expert.reference
    walking = [
        meter.update(time, points) for time, points in zip(reference.times, reference.keypoints, strict=True)
    ]
    standing = [still.update(time, reference.keypoints[0]) for time in reference.times]
    assert np.median(walking[15:]) > PracticeSettings().moving
    assert max(standing) == 0.0


def test_nobody_does_not_move() -> None:
    meter = MotionMeter()
    assert [meter.update(time, np.zeros((17, 3))) for time in (0.0, 0.1, 0.1, 5.0)] == [0.0] * 4


def test_the_preview_shows_the_section_at_half_speed_once() -> None:
    preview = SlowPreview((2.0, 4.0))
    assert preview.time(0.0) is None
    preview.start(10.0)
    assert [preview.time(10.0 + t) for t in (0.0, 1.0, 4.0, 4.5)] == pytest.approx([2.0, 2.5, 4.0, 4.0])
    assert preview.time(14.75) is None
    assert not preview.running


def test_while_practising_it_goes_round_where_the_performer_is() -> None:
    preview = SlowPreview((0.0, 60.0), rate=0.5, pause=1.0, longest=6.0)
    preview.start(0.0, 30.0, repeat=True)
    begin, end = preview.window
    assert begin < 30.0 < end
    assert end - begin == pytest.approx(6.0)
    assert preview.time(12.5) == pytest.approx(end)
    assert preview.time(13.0) == pytest.approx(begin)
    preview.stop()
    assert preview.time(14.0) is None


@given(
    st.floats(-100, 100), st.floats(0.1, 500), st.floats(0.1, 1.0), st.floats(-200, 700), st.floats(0, 1e4)
)
@settings(max_examples=80)
def test_the_preview_stays_in_its_section(
    begin: float, length: float, rate: float, at: float, now: float
) -> None:
    preview = SlowPreview((begin, begin + length), rate=rate)
    preview.start(0.0, at, repeat=True)
    time = preview.time(now)
    assert time is not None
    assert begin - 1e-6 <= time <= begin + length + 1e-6


@pytest.mark.parametrize(("section", "rate"), [((2.0, 2.0), 0.5), ((0.0, 1.0), 0.0), ((0.0, 1.0), 1.5)])
def test_a_preview_of_nothing_is_refused(section: tuple[float, float], rate: float) -> None:
    with pytest.raises(InvalidDataError):
        SlowPreview(section, rate=rate)
