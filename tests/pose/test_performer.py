"""The lock: chosen once, kept through gaps and bystanders, never handed over in passing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.performer import START_SCORE, Lock, Performer
from posesync.pose.types import Box

FRAME = (1280, 720)
STEP = 1 / 30


def person(x: float, y: float = 360, height: float = 300, score: float = 0.8) -> Box:
    """A standing person centred at x, y."""
    return Box(x - height / 5, y - height / 2, x + height / 5, y + height / 2, score)


@pytest.mark.parametrize(
    ("people", "chosen"),
    [
        ([person(640), person(200)], 0),  # the central one
        ([person(640, height=120), person(400, height=400)], 1),  # the large one
        ([person(600, score=0.4), person(680, score=0.9)], 1),  # the sure one
        ([person(640, score=START_SCORE - 0.01)], None),  # too weak to start with
        ([], None),
    ],
)
def test_choice_at_acquisition(people: list[Box], chosen: int | None) -> None:
    performer = Performer()
    box = performer.update(people, 0.0, FRAME)
    assert box is (None if chosen is None else people[chosen])
    assert performer.state is (Lock.SEARCHING if chosen is None else Lock.LOCKED)
    assert performer.acquisitions == (chosen is not None)


def test_larger_and_more_central_newcomer_does_not_take_over() -> None:
    performer = Performer()
    performer.update([person(300, height=200)], 0.0, FRAME)
    for i in range(1, 60):
        mine = person(300, height=200, score=0.5)
        assert performer.update([person(640, height=500, score=0.95), mine], i * STEP, FRAME) is mine


def test_bystander_who_passes_in_front_keeps_being_the_bystander() -> None:
    """The performer stands still and is hidden for a third of a second by somebody who walks by."""
    performer = Performer()
    for i in range(120):
        x = 100 + i * 9.0
        walker, mine = person(x, height=310), person(640)
        hidden = abs(x - 640) < 45
        people = [walker] if hidden else [walker, mine]
        box = performer.update(people, i * STEP, FRAME) if i else performer.update([mine], 0.0, FRAME)
        assert box is not walker, f"the lock went to the passer-by in frame {i}"
        if not hidden:
            assert box is mine
    assert performer.acquisitions == 1


def test_parts_of_the_performer_do_not_become_somebody_else() -> None:
    """A detector now and then gives the trunk as a second box; later only that one."""
    performer = Performer()
    whole, trunk = person(640), Box(590, 215, 690, 400, 0.6)
    for i in range(5):
        assert performer.update([whole, trunk], i * STEP, FRAME) is whole
    assert performer.update([trunk], 5 * STEP, FRAME) is trunk


def test_weak_box_continues_but_does_not_bring_back() -> None:
    performer = Performer()
    performer.update([person(640)], 0.0, FRAME)
    weak = person(642, score=0.12)
    assert performer.update([weak], STEP, FRAME) is weak
    assert performer.update([], 2 * STEP, FRAME) is None
    assert performer.state is Lock.LOST
    assert performer.update([weak], 0.6, FRAME) is None
    sure = person(650, score=0.5)
    assert performer.update([sure], 0.7, FRAME) is sure
    assert performer.state is Lock.LOCKED
    assert performer.acquisitions == 1


@pytest.mark.parametrize(
    ("away", "elsewhere", "back"),
    [
        (0.5, False, True),  # back at the same place
        (0.5, True, False),  # somebody at the other end, at once: not them
        (2.0, True, True),  # after the patience is over, anybody
    ],
)
def test_loss_and_reacquisition(away: float, elsewhere: bool, back: bool) -> None:
    performer = Performer(patience=1.5)
    performer.update([person(200)], 0.0, FRAME)
    time = 0.0
    while time < away:
        time += STEP
        assert performer.update([], time, FRAME) is None
        assert performer.state is Lock.LOST
    somebody = person(1150 if elsewhere else 210)
    assert (performer.update([somebody], time, FRAME) is somebody) is back
    assert performer.state is (Lock.LOCKED if back else Lock.LOST)
    assert performer.acquisitions == (2 if back and elsewhere else 1)


@pytest.mark.parametrize("looked", [True, False])
def test_passer_by_does_not_inherit_a_lock_whose_reach_grows(looked: bool) -> None:
    """Somebody who was there all the time is a bystander, even when only the performer was looked at."""
    performer, fps = Performer(patience=1.5), 20.0
    for i in range(10):
        performer.update([person(640)], i / fps, FRAME)
    if looked:
        performer.was_beside([person(640), person(1100)], 9 / fps)
    taken = []
    for i in range(10, 36):  # 1.3 s: the performer is behind something, the other one comes close
        walking = person(1100 - 15 * (i - 9), score=0.9)
        taken.append(performer.update([walking], i / fps, FRAME) is walking)
    assert any(taken) is not looked
    back = person(650)
    assert (performer.update([back, person(720)], 36 / fps, FRAME) is back) is looked


def test_the_performer_elsewhere_in_the_next_picture_is_not_a_new_person() -> None:
    """A camera that stood still for a moment: nobody was beside them."""
    performer, fps = Performer(patience=1.5), 20.0
    for i in range(10):
        performer.update([person(400)], i / fps, FRAME)
    performer.was_beside([person(400), Box(370, 215, 430, 400, 0.6)], 9 / fps)
    taken = [performer.update([person(800)], i / fps, FRAME) is not None for i in range(10, 40)]
    assert taken.index(True) / fps < 1.0
    assert performer.acquisitions == 1


def test_bystander_becomes_the_performer_only_after_twice_the_patience() -> None:
    performer, fps = Performer(patience=1.5), 20.0
    for i in range(10):
        performer.update([person(400), person(1000)], i / fps, FRAME)
    taken = [performer.update([person(1000)], i / fps, FRAME) is not None for i in range(10, 90)]
    first = (10 + taken.index(True)) / fps
    assert 2 * 1.5 < first - 9 / fps <= 2 * 1.5 + 2 / fps
    assert performer.acquisitions == 2


def test_somebody_new_is_taken_before_a_bystander() -> None:
    performer, fps = Performer(patience=1.5), 20.0
    for i in range(10):
        performer.update([person(640), person(400)], i / fps, FRAME)
    for i in range(10, 45):
        assert performer.update([person(400)], i / fps, FRAME) is None
    new = person(1150, score=0.5)
    assert performer.update([person(400), new], 45 / fps, FRAME) is new


def test_reset_forgets() -> None:
    performer = Performer()
    performer.update([person(640)], 0.0, FRAME)
    performer.reset()
    assert (performer.state, performer.box, performer.acquisitions) == (Lock.SEARCHING, None, 0)
    assert performer.unseen(1.0) == float("inf")


@settings(max_examples=60)
@given(
    seen=st.lists(st.booleans(), min_size=30, max_size=90),
    swap=st.lists(st.booleans(), min_size=90, max_size=90),
    jitter=st.lists(st.floats(-12, 12), min_size=90, max_size=90),
    fps=st.sampled_from([10.0, 30.0, 60.0]),
)
def test_lock_never_changes_hands_between_two_people_apart(
    seen: list[bool], swap: list[bool], jitter: list[float], fps: float
) -> None:
    """Whatever the order of the boxes, the jitter and the gaps, for as long as both are there."""
    performer = Performer()
    performer.update([person(420), person(1000)], 0.0, FRAME)
    for i, there in enumerate(seen, start=1):
        mine, other = person(420 + jitter[i - 1]), person(1000 - jitter[i - 1] - i)
        people = [mine, other] if there else [other]
        box = performer.update(people[::-1] if swap[i - 1] else people, i / fps, FRAME)
        if performer.acquisitions > 1:
            assert i / fps > performer.patience
            break
        assert box is (mine if there else None)
