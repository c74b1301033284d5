"""Form and timing, each on its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving import dance, expert
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import swap_left_right
from posesync.realtime.coaching.scoring import FORM_SLACK, Timing, TimingMeter, form_score, timing_score
from posesync.realtime.tracking.position import Position, State
from posesync.realtime.tracking.tracker import Tracker


def test_form_is_not_charged_for_being_early() -> None:
    around = dance(np.array([5.0 + slack for slack in FORM_SLACK]))
    early = dance(np.array([5.1]))[0]
    score = form_score(early, around)
    assert score == 100.0
    assert form_score(early, dance(np.array([5.0]))[0]) < score
    assert form_score(swap_left_right(early), around, mirrored=True) == 100.0


def test_form_tells_the_piece_from_anything_else() -> None:
    moments = np.linspace(1, 18, 60)
    poses = dance(moments)
    itself = [form_score(pose, pose) for pose in poses]
    other = [form_score(a, b) for a, b in zip(poses, np.roll(poses, 17, axis=0), strict=True)]
    assert min(itself) == 100.0
    assert np.median(other) <= 35.0
    assert form_score(np.zeros((17, 3)), poses) is None
    with pytest.raises(InvalidDataError):
        form_score(poses[0], poses[0][:4])


@pytest.mark.parametrize(
    ("speed", "score"),
    [(1, 100), (1.08, 100), (1.2, 84), (1.4, 50), (1.7, 20), (2.0, 8), (0, 0), (np.inf, 0)],
)
def test_the_documented_curve(speed: float, score: float) -> None:
    assert timing_score(speed) == pytest.approx(score, abs=0.5)


@given(st.floats(0.1, 10), st.floats(1, 3))
def test_haste_and_delay_cost_the_same_and_more_costs_more(speed: float, more: float) -> None:
    assert timing_score(speed) == pytest.approx(timing_score(1 / speed), abs=1e-6)
    further = speed * more if speed >= 1 else speed / more
    assert 0.0 <= timing_score(further) <= timing_score(speed) <= 100.0


@pytest.mark.parametrize("speed", [-0.1, float("nan")])
def test_a_pace_that_is_none(speed: float) -> None:
    with pytest.raises(InvalidDataError, match="expected 0 or more"):
        timing_score(speed)


@pytest.mark.parametrize(
    ("pace", "label"), [(0.7, Timing.DRAGGING), (1.0, Timing.ON_TIME), (1.4, Timing.RUSHING)]
)
def test_the_tracker_tells_the_pace(pace: float, label: Timing) -> None:
    tracker, meter = Tracker(expert()), TimingMeter()
    readings = [
        meter.update(tracker.update(pose, now), now)
        for now in np.arange(0, 9, 1 / 15)
        for pose in dance(np.array([1.0 + pace * now]))
    ]
    known = [reading for reading in readings[30:] if reading.label is not None]
    assert len(known) > 90
    assert np.mean([reading.label is label for reading in known]) > 0.95
    assert np.median([reading.speed for reading in known]) == pytest.approx(pace, rel=0.05)
    assert (np.median([reading.score for reading in known]) > 95) == (label is Timing.ON_TIME)


def at(place: float | None, state: State = State.FOLLOWING, **more: bool) -> Position:
    return Position(place, 1.0, 0.9, state, **more)


def test_a_jump_is_no_haste() -> None:
    meter = TimingMeter()
    before = [meter.update(at(now), now) for now in np.arange(0, 3, 0.1)]
    assert [reading.score is None for reading in before[:12]] == [True] * 10 + [False] * 2
    after = [meter.update(at(now + 20, jumped=now == 3.0), now) for now in np.arange(30, 60) / 10]
    assert [reading.label for reading in after] == [None] * 10 + [Timing.ON_TIME] * 20


@pytest.mark.parametrize("period", [1.5, 4.0])
def test_a_piece_begun_again_is_measured_on(period: float) -> None:
    """Shorter than a measurement takes, or longer: there is a pace at every moment, the performer's own."""
    meter, readings = TimingMeter(), []
    for frame in range(600):
        now, place = frame / 30, 0.8 * frame / 30 % period
        wrapped = frame > 0 and place < 0.8 * (frame - 1) / 30 % period
        position = Position(place, 0.8, 0.9, State.FOLLOWING, wrapped=wrapped, jumped=frame == 0)
        readings.append(meter.update(position, now))
    assert all(reading.score is not None for reading in readings[31:])
    assert [reading.speed for reading in readings[31:]] == pytest.approx([0.8] * 569, abs=1e-6)
    assert {reading.label for reading in readings[31:]} == {Timing.DRAGGING}


def test_standing_still_is_dragging_and_nowhere_is_nothing() -> None:
    meter = TimingMeter()
    for now in np.arange(0, 3, 0.1):
        meter.update(at(now), now)
    held = [meter.update(at(3.0, State.HOLDING), now) for now in np.arange(3, 6, 0.1)]
    assert (held[-1].label, held[-1].speed, held[-1].score) == (Timing.DRAGGING, 0.0, 0.0)
    for position in (at(None, State.LOST), at(9.0, State.FINISHED)):
        assert meter.update(position, 7.0).label is None


def test_the_word_does_not_flicker() -> None:
    meter, place, words = TimingMeter(), 0.0, []
    for number, now in enumerate(np.arange(0, 20, 0.1)):
        place += 0.1 * (1.15 + 0.01 * (-1) ** (number // 20))
        words.append(meter.update(at(place), now).label)
    assert len({word for word in words if word}) == 1
