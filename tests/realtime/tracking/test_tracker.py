"""The tracker through its public API: performers' behaviour and its answers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import Array, dance, expert
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import swap_left_right
from posesync.pose.types import Keypoints
from posesync.realtime import Position, State, Tracker, TrackerSettings
from posesync.reference import Reference

EXPERT = expert()


def follow(poses: Array, times: Array, tracker: Tracker | None = None) -> list[Position]:
    tracker = tracker or Tracker(EXPERT)
    return [tracker.update(pose, float(time)) for pose, time in zip(poses, times, strict=True)]


def errors(answers: list[Position], truth: Array) -> Array:
    return np.array(
        [abs(a.time - t) if a.time is not None else np.nan for a, t in zip(answers, truth, strict=True)]
    )


def backward_steps(answers: list[Position]) -> int:
    return sum(
        1
        for a, b in pairwise(answers)
        if a.time is not None
        and b.time is not None
        and b.time < a.time - 1e-9
        and not (b.jumped or b.wrapped)
    )


@pytest.mark.parametrize("rate", [12.0, 24.0, 29.97, 60.0])
@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.3, 2.0])
def test_follows_any_pace_at_any_frame_rate(speed: float, rate: float) -> None:
    times = np.arange(0.0, 9.0 / speed, 1 / rate)
    truth = speed * times
    answers = follow(dance(truth), times)
    error = errors(answers, truth)
    assert np.isfinite(error).mean() > 0.97
    assert np.nanmedian(error) < 0.05
    assert np.nanpercentile(error, 95) < 0.15
    assert backward_steps(answers) == 0
    late = [a.speed for a in answers[len(answers) // 2 :]]
    assert np.median(late) == pytest.approx(speed, rel=0.2)


def test_holds_with_the_performer_and_moves_off_again() -> None:
    times = np.arange(0.0, 10.0, 1 / 30)
    truth = np.where(times < 4.0, times, np.where(times < 7.0, 4.0, times - 3.0))
    answers = follow(dance(truth), times)
    held = [a for a, t in zip(answers, times, strict=True) if 4.7 < t < 7.0]
    assert all(a.state is State.HOLDING and a.speed == 0.0 for a in held)
    places = [a.time for a in held if a.time is not None]
    assert max(places) - min(places) <= 0.15
    assert all(a.state is State.FOLLOWING for a, t in zip(answers, times, strict=True) if 7.5 < t < 9.5)
    assert np.nanmax(errors(answers, truth)[times > 7.5]) < 0.25


@pytest.mark.parametrize(("leave", "arrive"), [(5.0, 12.0), (12.0, 6.0), (9.0, 0.0)])
def test_finds_a_jump_soon_and_announces_it(leave: float, arrive: float) -> None:
    times = np.arange(0.0, leave + 5.0, 1 / 30)
    truth = np.where(times < leave, times, arrive + times - leave)
    answers = follow(dance(truth), times)
    error = errors(answers, truth)
    assert np.nanmax(error[(times > leave + 1.5)]) < 0.25
    jumps = [t for a, t in zip(answers, times, strict=True) if a.jumped and t > 0.5]
    assert 1 <= len(jumps) <= 2
    assert all(leave < t < leave + 1.5 for t in jumps)
    assert backward_steps(answers) == 0


def test_finds_a_late_start() -> None:
    times = np.arange(0.0, 6.0, 1 / 30)
    truth = times + 8.0
    error = errors(follow(dance(truth), times), truth)
    assert np.nanmax(error[times > 1.2]) < 0.25


def test_is_lost_when_the_performer_leaves_and_finds_them_again() -> None:
    times = np.arange(0.0, 12.0, 1 / 30)
    truth = np.where(times < 5.0, times, times - 2.0)
    poses = dance(truth)
    poses[(times >= 5.0) & (times < 7.0)] = 0.0
    answers = follow(poses, times)
    gone = [a for a, t in zip(answers, times, strict=True) if 6.0 < t < 7.0]
    assert all(a.state is State.LOST and a.time is None and a.confidence == 0.0 for a in gone)
    back = errors(answers, truth)[times > 8.0]
    assert np.isfinite(back).all()
    assert back.max() < 0.25


def test_a_short_gap_is_bridged() -> None:
    times = np.arange(0.0, 8.0, 1 / 30)
    poses = dance(times)
    poses[(times > 4.0) & (times < 4.35)] = 0.0
    answers = follow(poses, times)
    assert all(a.state is State.FOLLOWING for a, t in zip(answers, times, strict=True) if t > 1.0)
    assert np.nanmax(errors(answers, times)[times > 1.0]) < 0.25


def test_follows_through_a_stretch_in_which_the_expert_was_not_seen() -> None:
    times = np.arange(0.0, 20.0, 1 / 30)
    poses = dance(times)
    blank = (times >= 8.0) & (times < 8.8)
    poses[blank, :, 2] = 0.0
    tracker = Tracker(Reference.from_keypoints(poses, times))
    live = dance(np.arange(0.0, 12.0, 1 / 30))
    live[round(8.3 * 30) : round(9.1 * 30), :, 2] = 0.0
    errors, states = [], []
    for index, pose in enumerate(live):
        position = tracker.update(pose, index / 30)
        assert position.time is not None
        errors.append(abs(position.time - index / 30))
        states.append(position.state)
    assert max(errors[30:]) < 0.2
    assert State.HOLDING not in states[30:]


def test_recognises_the_mirrored_performer() -> None:
    times = np.arange(0.0, 10.0, 1 / 30)
    answers = follow(swap_left_right(dance(times)), times)
    assert all(a.mirrored for a, t in zip(answers, times, strict=True) if t > 2.0)
    assert np.nanmax(errors(answers, times)[times > 2.0]) < 0.25


def test_mirroring_can_be_switched_off() -> None:
    times = np.arange(0.0, 5.0, 1 / 30)
    tracker = Tracker(EXPERT, TrackerSettings(mirror=False))
    assert not any(a.mirrored for a in follow(swap_left_right(dance(times)), times, tracker))


def test_finishes_and_starts_again() -> None:
    times = np.arange(0.0, 26.0, 1 / 30)
    truth = np.where(times < 19.9, times, np.where(times < 22.0, 19.9, times - 22.0))
    answers = follow(dance(truth), times)
    assert answers[int(21.5 * 30)].state is State.FINISHED
    assert answers[int(24.5 * 30)].state is State.FOLLOWING
    assert errors(answers, truth)[-1] < 0.25


def test_does_not_depend_on_the_clocks_zero_nor_on_place_and_size() -> None:
    times = np.arange(0.0, 4.0, 1 / 30)
    plain = follow(dance(times), times)
    moved = dance(times) * np.array([0.3, 0.3, 1.0]) + np.array([900.0, -50.0, 0.0])
    other = follow(moved, times + 1e5)
    for a, b in zip(plain, other, strict=True):
        assert a.state == b.state
        assert (a.time is None) == (b.time is None)
        if a.time is not None and b.time is not None:
            assert a.time == pytest.approx(b.time, abs=0.02)


def test_reset_forgets_everything() -> None:
    times = np.arange(0.0, 5.0, 1 / 30)
    tracker = Tracker(EXPERT)
    first = follow(dance(times), times, tracker)
    tracker.reset()
    assert follow(dance(times), times, tracker) == first


def test_takes_keypoints_as_they_come_from_the_estimator() -> None:
    pose = dance(np.array([0.0]))[0]
    as_array = Tracker(EXPERT).update(pose, 0.0)
    as_keypoints = Tracker(EXPERT).update(Keypoints(pose[:, :2], pose[:, 2]), 0.0)
    assert as_keypoints.state == as_array.state
    assert as_keypoints.time == pytest.approx(as_array.time, abs=1e-6)


@pytest.mark.parametrize(
    ("pose", "time", "message"),
    [
        (np.zeros((16, 3)), 0.0, r"expected \(17, 3\)"),
        (np.zeros(51), 0.0, r"expected \(17, 3\)"),
        ([["a"] * 3] * 17, 0.0, "not numbers"),
        (np.zeros((17, 3)), math.nan, "expected finite seconds"),
        (np.zeros((17, 3)), math.inf, "expected finite seconds"),
    ],
)
def test_refuses_what_is_no_pose_or_no_time(pose: Array, time: float, message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        Tracker(EXPERT).update(pose, time)


def test_refuses_a_clock_that_runs_backwards_and_repeats_a_repeated_one() -> None:
    tracker = Tracker(EXPERT)
    poses = dance(np.array([0.0, 0.1]))
    tracker.update(poses[0], 1.0)
    answer = tracker.update(poses[1], 1.1)
    assert tracker.update(poses[0], 1.1) == answer
    with pytest.raises(InvalidDataError, match="only goes forward"):
        tracker.update(poses[1], 1.05)
    assert tracker.update(poses[1], 1.2).time is not None


@pytest.mark.parametrize(
    "reference",
    [
        Reference.from_keypoints(dance(np.array([0.0])), np.array([0.0])),
        Reference.from_keypoints(dance(np.array([0.0, 0.03])), np.array([5.0, 5.03])),
        Reference.from_keypoints(dance(np.full(300, 2.0)), np.arange(300) / 30),
        Reference.from_keypoints(np.zeros((90, 17, 3)), np.arange(90) / 30),
    ],
    ids=["one frame", "two frames", "stands still throughout", "nobody in it"],
)
def test_odd_experts_give_a_state_and_no_nan(reference: Reference) -> None:
    times = np.arange(0.0, 3.0, 1 / 30)
    for answer in follow(dance(times), times, Tracker(reference)):
        assert isinstance(answer.state, State)
        if answer.time is not None:
            assert reference.times[0] <= answer.time <= reference.times[-1] + 1e-6


poses = st.lists(
    st.one_of(
        st.just(float("nan")), st.just(float("inf")), st.just(0.0), st.floats(-1e4, 1e4), st.floats(0, 1)
    ),
    min_size=51,
    max_size=51,
).map(lambda values: np.reshape(values, (17, 3)))


@settings(max_examples=60)
@given(frames=st.lists(st.tuples(poses, st.floats(0.0, 3.0)), min_size=1, max_size=12))
def test_any_input_gives_a_proper_answer(frames: list[tuple[Array, float]]) -> None:
    tracker, now = Tracker(EXPERT), 0.0
    for pose, step in frames:
        now += step
        answer = tracker.update(pose, now)
        assert 0.0 <= answer.confidence <= 1.0
        assert 0.0 <= answer.speed < 4.0
        assert answer.time is None or 0.0 <= answer.time <= EXPERT.times[-1] + 1e-6
        assert (answer.time is None) == (answer.state in (State.WAITING, State.LOST))


def test_a_section_is_tracked_on_the_clock_of_the_whole() -> None:
    times = np.arange(0.0, 6.0, 1 / 30)
    truth = np.minimum(times + 5.0, 10.0)
    tracker = Tracker(EXPERT, section=(5.0, 10.0))
    answers = follow(dance(truth), times, tracker)
    assert np.nanmax(errors(answers, truth)) < 0.25
    assert answers[-1].state is State.FINISHED
    assert answers[-1].time == pytest.approx(10.0, abs=0.1)


def test_a_looped_section_begins_again_without_losing_its_place() -> None:
    times = np.arange(0.0, 20.0, 1 / 30)
    truth = 5.0 + np.mod(times, 5.0)
    tracker = Tracker(EXPERT, section=(5.0, 10.0), loop=True)
    answers = follow(dance(truth), times, tracker)
    error = errors(answers, truth)
    error = np.minimum(error, np.abs(5.0 - error))  # the end and the beginning are the same place
    assert np.isfinite(error).all()
    assert np.percentile(error, 95) < 0.15
    assert not any(a.state in (State.FINISHED, State.LOST) for a in answers)
    assert sum(a.jumped for a in answers) == 1  # the first lock
    assert sum(a.wrapped for a in answers) == 3
    assert answers[-1].repetition == 4  # the last one has reached the end
    assert backward_steps(answers) == 0


@pytest.mark.parametrize("section", [(30.0, 40.0), (8.0, 8.0), (9.0, 4.0)])
def test_refuses_an_empty_section(section: tuple[float, float]) -> None:
    with pytest.raises(InvalidDataError, match="is empty, expected a part of"):
        Tracker(EXPERT, section=section)


def test_several_takes_of_a_piece_are_one_reference() -> None:
    """The performer does the second half as the other take has it, which alone is far from the first."""
    clock = np.arange(0.0, 12.0, 1 / 30)
    other = dance(0.9 * clock)
    other[:, [8, 10], 1] -= 60.0  # the right arm carried higher
    second = Reference.from_keypoints(other, clock)
    first = Reference.from_keypoints(dance(clock[clock < 10.8]), clock[clock < 10.8])
    times = np.arange(0.0, 11.0, 1 / 30)
    truth = 0.9 * times
    performed = np.where((times < 5.0)[:, None, None], dance(truth), 0.0)
    late = times >= 5.0
    performed[late] = dance(truth[late])
    performed[np.ix_(late, [8, 10], [1])] -= 60.0
    both, alone = Tracker([first, second]), Tracker(first)
    assert np.nanpercentile(errors(follow(performed, times, both), truth), 95) < 0.15
    follow(performed, times, alone)
    assert both._lock is not None
    assert alone._lock is not None
    assert both._lock.residual < 0.5 * alone._lock.residual


def test_refuses_no_take_at_all() -> None:
    with pytest.raises(InvalidDataError, match="no reference given"):
        Tracker([])
