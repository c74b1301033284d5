"""Every frame a second time: once, in order, with the place found later, and no return that is not told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.realtime.coaching.settling import PATIENCE, WOBBLE, Seen, Settling
from posesync.realtime.tracking.position import Position, State
from scripted import FPS, live, seen, settle


def run(answers: list[Position], *, fps: float = FPS) -> list[Seen]:
    """All that comes out, at the end too."""
    settling, out = Settling(), []
    for k, answer in enumerate(answers):
        out += settling.update(seen(k, answer, fps=fps))
    return out + settling.finish()


def frame_of(one: Seen, fps: float = FPS) -> int:
    """Which frame it was."""
    return round(one.time * fps)


def places(out: list[Seen]) -> list[float | None]:
    return [one.position.time for one in out]


def test_the_settled_place_counts_and_the_live_one_only_where_none_settled() -> None:
    answers = settle([live(k / FPS + 0.3) for k in range(60)], lambda time: time)
    settling, out = Settling(), []
    for k, answer in enumerate(answers):
        out += settling.update(seen(k, answer))
        assert len(out) == max(0, k - 6), "each as soon as it has settled"
    assert places(out) == pytest.approx([one.time for one in out])
    left = settling.finish()
    assert places(left) == pytest.approx([one.time + 0.3 for one in left])
    assert [frame_of(one) for one in out + left] == list(range(60))
    assert all(one.position.settled is None for one in out + left)


def test_nothing_waits_longer_than_its_patience_where_nothing_settles() -> None:
    settling = Settling()
    for k in range(60):
        for one in settling.update(seen(k, live(k / FPS))):
            assert PATIENCE <= (k - frame_of(one)) / FPS + 1e-9 <= PATIENCE + 1 / FPS + 2e-9
            assert one.position.time == one.time


def test_an_answer_that_is_told_twice_counts_once() -> None:
    answers = settle([live(k / FPS) for k in range(20)], lambda time: time)
    out = run([answer for answer in answers for _ in (0, 1)], fps=2 * FPS)
    assert [frame_of(one, 2 * FPS) for one in out] == list(range(40))


def test_a_place_that_was_passed_over_makes_no_return_of_the_next() -> None:
    """Only every third settles; the live places run 0.3 s ahead of what is found later."""
    answers = settle([live(k / FPS + 0.3) for k in range(60)], lambda time: time)
    out = run([answer if k % 3 else replace(answer, settled=None) for k, answer in enumerate(answers)])
    assert not any(one.position.jumped for one in out)
    assert places(out)[:53] == pytest.approx([k / FPS for k in range(53)], abs=1.01 / FPS)


def test_who_is_lost_is_judged_by_the_live_places_at_once() -> None:
    answers = settle([live(k / FPS + 0.3) for k in range(20)] + [live(None)] * 5, lambda time: time)
    settling, out = Settling(), []
    for k, answer in enumerate(answers[:21]):
        out += settling.update(seen(k, answer))
    assert len(out) == 21, "nothing of them will settle any more"
    assert places(out)[:13] == pytest.approx([k / FPS for k in range(13)])
    assert places(out)[13:20] == pytest.approx([k / FPS + 0.3 for k in range(13, 20)])
    assert places(out)[20] is None
    assert [len(settling.update(seen(k, live(None)))) for k in range(21, 25)] == [1] * 4


def looped(lead: float, *, period: float = 3.0, frames: int = 300) -> list[Position]:
    """Somebody who does a piece of three seconds over and over, the live place ``lead`` s ahead."""
    answers = []
    for k in range(frames):
        done, place = divmod(k / FPS + lead, period)
        before = int((k - 1) / FPS + lead > 0 and ((k - 1) / FPS + lead) // period) if k else 0
        answers.append(live(place, wrapped=int(done) > before, repetition=int(done), jumped=k == 0))
    return answers


@pytest.mark.parametrize("lead", [-0.2, 0.0, 0.2], ids=["live late", "alike", "live early"])
def test_a_return_is_told_where_the_settled_place_makes_it(lead: float) -> None:
    answers = looped(max(lead, 0.0))
    if lead < 0:
        late = round(-lead * FPS)
        answers = [live(0.0, jumped=True), *[live(0.0)] * late, *looped(0.0)[1 : 300 - late]]
    out = run(settle(answers, lambda time: time % 3.0))
    settled = out[: 300 - 7]
    wraps = [one.time for one in settled if one.position.wrapped]
    assert wraps == pytest.approx([3.0, 6.0, 9.0], abs=1 / FPS)
    assert [one.time for one in out if one.position.jumped] == [0.0]
    for one in settled:
        assert one.position.repetition == pytest.approx(one.time // 3.0, abs=0 if one.time % 3 > 0.05 else 1)


def test_a_jump_is_told_where_the_settled_place_makes_it() -> None:
    def truth(time: float) -> float:
        return time if time < 2.0 else time - 1.5 if time < 4.0 else time + 6.0

    answers = [live(truth(max(0.0, k / FPS - 0.15)), jumped=k == 0) for k in range(180)]
    for k in range(1, 180):
        if abs(answers[k].time - answers[k - 1].time) > 1.0:  # type: ignore[operator]
            answers[k] = live(answers[k].time, jumped=True)
    out = run(settle(answers, truth))
    assert [one.time for one in out if one.position.jumped] == pytest.approx([0.0, 2.0, 4.0], abs=1 / FPS)
    assert not any(one.position.wrapped for one in out)


def test_a_return_that_nobody_announced_is_a_jump() -> None:
    out = run(settle([live(k / FPS) for k in range(60)], lambda time: time if time < 1.0 else time - 0.5))
    assert [one.time for one in out if one.position.jumped] == [1.0]


def test_a_wobble_is_held() -> None:
    out = run(settle([live(k / FPS) for k in range(60)], lambda time: time - 0.12 * (int(time * FPS) % 2)))
    found = np.array(places(out), float)
    assert (np.diff(found) >= 0).all()
    assert not any(one.position.jumped for one in out)
    assert np.abs(found - np.arange(60) / FPS).max() <= WOBBLE


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(["on", "hold", "jump", "wrap", "lost"]), st.floats(0, 20), st.booleans()),
        min_size=1,
        max_size=80,
    )
)
def test_whatever_comes_each_frame_once_and_backwards_only_where_it_is_said(
    events: list[tuple[str, float, bool]],
) -> None:
    """Live answers and settled ones that have little to do with each other."""
    answers, place, lateness = [], 0.0, 7
    for k, (what, where, settles) in enumerate(events):
        place = {"on": place + 1 / FPS, "jump": where, "wrap": where / 20}.get(what, place)
        settled = (max(0, k - lateness) / FPS, where) if settles else None
        told = {"jumped": what == "jump", "wrapped": what == "wrap", "settled": settled}
        answers.append(live(None) if what == "lost" else live(place, **told))
    out = run(answers)
    assert [frame_of(one) for one in out] == list(range(len(events)))
    for a, b in pairwise(out):
        if a.position.time is not None and b.position.time is not None:
            told = b.position.jumped or b.position.wrapped
            assert told or b.position.time >= a.position.time
        assert (b.position.time is None) == (b.position.state is State.LOST)
