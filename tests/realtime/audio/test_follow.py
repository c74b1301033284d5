"""Sound as pure functions: no click for any request, the clock and the lead, when to hold and continue."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.errors import InvalidDataError
from posesync.realtime.audio.follow import ClockSound, ExpertClock, FollowSound
from posesync.realtime.audio.head import FADE, PlayHead
from posesync.realtime.audio.track import RATE, Samples
from posesync.realtime.tracking.position import Position, State
from sounds import TONE_STEP, largest_step, tone_reader

#: What a fade may add to the tone's own steps: the steepest slope of half a cosine, times the loudness.
ALLOWED = TONE_STEP + 0.3 * np.pi / 2 / (0.014 * RATE)


def blocks(head: PlayHead, count: int, size: int = 512) -> Samples:
    return np.concatenate([head.block(size) for _ in range(count)])


def test_it_plays_what_is_there() -> None:
    head = PlayHead(tone_reader())
    assert not blocks(head, 3).any()  # held from the start
    head.play(1.0)
    sound = blocks(head, 20)
    faded = round(FADE * RATE)
    expected = tone_reader()(RATE + faded, len(sound) - faded)
    np.testing.assert_allclose(sound[faded:], expected, atol=1e-6)
    assert head.time == pytest.approx(1.0 + len(sound) / RATE)


def test_a_cut_without_a_fade_would_click() -> None:
    """The measure works: it sees the click that the head avoids."""
    read = tone_reader()
    cut = np.concatenate([read(0, 700), read(0, 700) * 0.0])
    assert largest_step(cut) > 3 * ALLOWED


@given(
    st.lists(st.sampled_from(["hold", "play", "jump", "mute", "loud", "duck"]), min_size=1, max_size=30),
    st.sampled_from([64, 512, 1000, 4096]),
)
@settings(max_examples=60)
def test_nothing_that_is_asked_clicks(commands: list[str], size: int) -> None:
    head = PlayHead(tone_reader())
    head.play(0.0)
    parts = [blocks(head, 3, size)]
    for number, command in enumerate(commands):
        if command == "hold":
            head.hold()
        elif command == "play":
            head.play()
        elif command == "jump":
            head.play(number * 0.777)
        else:
            head.level = {"mute": 0.0, "loud": 1.0, "duck": 0.35}[command]
        parts.append(blocks(head, 2, size))
    assert largest_step(np.concatenate(parts)) <= ALLOWED


def test_held_it_stays_and_muted_it_goes_on() -> None:
    head = PlayHead(tone_reader())
    head.play(0.0)
    blocks(head, 10)
    head.hold()
    blocks(head, 10)
    assert head.silent
    held = head.time
    assert not blocks(head, 10).any()
    assert head.time == held
    head.play()
    head.level = 0.0
    assert not blocks(head, 10)[1024:].any()
    assert head.time == pytest.approx(held + 10 * 512 / RATE)


def test_a_level_is_as_loud_as_it_says() -> None:
    head = PlayHead(tone_reader())
    head.level = 0.35
    head.play(0.0)
    assert np.abs(blocks(head, 20)[2048:]).max() == pytest.approx(0.3 * 0.35, rel=0.01)


def test_the_clock_runs_pauses_and_ends() -> None:
    clock = ExpertClock(2.0, 10.0)
    assert (clock.time(50.0), clock.lead(3.0, 50.0)) == (2.0, None)
    clock.start(100.0)
    assert clock.time(103.0) == pytest.approx(5.0)
    clock.pause(104.0)
    assert clock.time(200.0) == pytest.approx(6.0)
    clock.resume(300.0)
    assert clock.time(301.0) == pytest.approx(7.0)
    assert clock.lead(7.5, 301.0) == pytest.approx(0.5)
    assert clock.lead(6.0, 301.0) == pytest.approx(-1.0)
    assert clock.lead(None, 301.0) is None
    assert not clock.ended(303.0)
    assert clock.ended(305.0)
    assert clock.time(999.0) == 10.0
    assert clock.started
    clock.reset()
    assert not clock.started
    clock.resume(999.0)  # nothing was begun
    assert clock.time(1010.0) == 2.0
    clock.practise(4.0, 5.0, loop=True)
    clock.start(0.0)
    assert clock.time(1.5) == pytest.approx(4.5)


@pytest.mark.parametrize(("position", "lead"), [(9.5, -1.0), (2.9, 0.4), (5.5, 3.0)])
def test_in_a_loop_the_shorter_way_round_counts(position: float, lead: float) -> None:
    clock = ExpertClock(2.0, 10.0, loop=True)
    clock.start(0.0)
    assert clock.time(8.5) == pytest.approx(2.5)
    assert clock.lead(position, 8.5) == pytest.approx(lead)
    assert not clock.ended(1e6)


@given(st.floats(-50, 50), st.floats(0.5, 300), st.booleans(), st.floats(0, 1e4), st.floats(0, 400))
@settings(max_examples=60)
def test_the_clock_stays_in_its_part(
    begin: float, length: float, loop: bool, now: float, place: float
) -> None:
    clock = ExpertClock(begin, begin + length, loop=loop)
    clock.start(0.0)
    assert begin - 1e-6 <= clock.time(now) <= begin + length + 1e-6
    lead = clock.lead(begin + place, now)
    assert lead is not None
    assert not loop or abs(lead) <= length / 2 + 1e-6


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="empty"):
        ExpertClock(3.0, 3.0)
    with pytest.raises(InvalidDataError, match="empty"):
        ExpertClock(0.0, 3.0).practise(2.0, 1.0, loop=False)


def position(
    time: float | None, speed: float = 1.0, state: State = State.FOLLOWING, **more: bool
) -> Position:
    return Position(time, speed, 0.9, state, **more)


LOST = position(None, 0.0, State.LOST)


class Hall:
    """Plays what a policy asks for, exactly, and keeps what was heard: (s, s in the piece or None)."""

    def __init__(self, policy: FollowSound | ClockSound, *, drift: float = 0.0) -> None:
        self.policy, self.drift = policy, drift
        self.now, self.at = 0.0, 0.0
        self.heard: float | None = None
        self.moves: list[tuple[float, float]] = []
        self.log: list[tuple[float, float | None]] = []

    def step(self, place: Position, seconds: float = 0.05) -> None:
        aim = self.policy.update(self.now, place, self.heard)
        if aim.time is not None:
            self.moves.append((round(self.now, 3), aim.time))
            self.at = aim.time
        self.heard = self.at if aim.playing else None
        self.log.append((self.now, self.heard))
        self.now += seconds
        self.at += seconds * (1.0 + self.drift) * aim.playing

    def perform(self, speed: float, seconds: float, start: float, state: State = State.FOLLOWING) -> float:
        place = start
        for _ in range(round(seconds / 0.05)):
            self.step(position(place, speed, state))
            place += speed * 0.05
        return place


def test_in_step_the_sound_begins_once_and_goes_on() -> None:
    hall = Hall(FollowSound())
    hall.perform(1.0, 10.0, 3.0)
    assert len(hall.moves) == 1
    assert hall.moves[0] == (pytest.approx(0.4, abs=0.06), pytest.approx(3.4, abs=0.06))
    assert hall.log[-1][1] == pytest.approx(3.0 + hall.log[-1][0])


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.5, 2.0])
def test_out_of_step_there_is_none(speed: float) -> None:
    hall = Hall(FollowSound())
    hall.perform(speed, 6.0, 0.0)
    assert hall.moves == []
    assert all(heard is None for _, heard in hall.log)


def test_it_is_held_when_the_performer_stops_and_begins_where_they_go_on() -> None:
    hall = Hall(FollowSound())
    place = hall.perform(1.0, 4.0, 0.0)
    hall.perform(0.0, 3.0, place, State.HOLDING)
    held = [heard for time, heard in hall.log if time > 4.1]
    assert set(held) == {None}
    hall.perform(1.0, 3.0, place)
    assert len(hall.moves) == 2
    assert hall.moves[1][1] == pytest.approx(place + 0.4, abs=0.06)


def test_it_begins_again_with_the_section_when_one_comes_soon() -> None:
    hall = Hall(FollowSound(starts=[0.0, 5.0, 20.0]))
    hall.perform(1.0, 3.0, 4.0)
    assert hall.moves[0][1] == pytest.approx(5.0, abs=0.06)
    hall = Hall(FollowSound(starts=[0.0, 5.0, 20.0]))
    hall.perform(1.0, 3.0, 8.0)
    assert hall.moves[0][1] == pytest.approx(8.4, abs=0.06)


def test_a_little_slower_is_caught_up_with_now_and_then_not_all_the_time() -> None:
    hall = Hall(FollowSound())
    hall.perform(0.9, 20.0, 0.0)
    assert 2 <= len(hall.moves) <= 10
    assert all(b - a >= 2.0 for (a, _), (b, _) in itertools.pairwise(hall.moves))
    start = hall.moves[0][0]
    apart = [abs(heard - 0.9 * time) for time, heard in hall.log if heard is not None and time > start]
    assert max(apart) < 0.45


def test_a_jump_takes_the_sound_along_and_loss_holds_it() -> None:
    hall = Hall(FollowSound())
    hall.perform(1.0, 1.5, 0.0)  # too soon after its beginning for a move without a jump
    hall.step(position(20.0, jumped=True))
    assert hall.moves[-1][1] == 20.0
    hall.step(LOST)
    assert hall.log[-1][1] is None


@pytest.mark.parametrize("told", [True, False], ids=["told", "the answer that told it was left out"])
def test_a_piece_begun_again_takes_the_sound_along(told: bool) -> None:
    hall = Hall(FollowSound())
    hall.perform(1.0, 1.5, 3.0)
    hall.step(position(0.1, wrapped=told))
    assert hall.moves[-1][1] == 0.1
    hall.perform(1.0, 1.0, 0.15)
    assert len(hall.moves) == 2


@pytest.mark.parametrize(("confidence", "followed"), [(0.2, False), (0.45, True)])
def test_doubt_is_not_followed(confidence: float, followed: bool) -> None:
    policy = FollowSound()
    aims = [
        policy.update(frame / 20, Position(frame / 20, 1.0, confidence, State.FOLLOWING), None)
        for frame in range(100)
    ]
    assert any(aim.playing for aim in aims) == followed


def test_the_clocks_sound_keeps_to_the_clock_whatever_the_performer_does() -> None:
    clock = ExpertClock(1.0, 9.0)
    hall = Hall(ClockSound(clock))
    hall.step(LOST)
    clock.start(hall.now)
    for _ in range(240):
        hall.step(LOST)
    playing = [(time, heard) for time, heard in hall.log if heard is not None]
    assert len(hall.moves) == 1
    assert playing[0][1] == pytest.approx(1.0)
    assert playing[-1][1] == pytest.approx(9.0, abs=0.06)
    assert hall.log[-1][1] is None  # the end


def test_a_sound_card_with_a_clock_of_its_own_is_brought_back() -> None:
    clock = ExpertClock(0.0, 600.0)
    clock.start(0.0)
    hall = Hall(ClockSound(clock), drift=0.002)  # 0.2 %: ten times what cards do
    for _ in range(6000):
        hall.step(LOST)
    assert max(abs(heard - time) for time, heard in hall.log if heard is not None) < 0.18
    assert 3 <= len(hall.moves) <= 8


def test_a_loop_of_the_clock_begins_the_sound_again() -> None:
    clock = ExpertClock(2.0, 5.0, loop=True)
    clock.start(0.0)
    hall = Hall(ClockSound(clock))
    for _ in range(round(10 / 0.05)):
        hall.step(LOST)
    assert [time for _, time in hall.moves] == pytest.approx([2.0] * 4, abs=0.06)
