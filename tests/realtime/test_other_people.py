"""The tracker on behaviour of other people that the expert's re-timed video does not have."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from moving import Array, dance, expert
from posesync.realtime import Position, State, Tracker
from posesync.realtime.tracking.online_warping import WarpingRow
from posesync.realtime.tracking.progress import Periods
from posesync.realtime.tracking.reference_table import ReferenceTable
from posesync.realtime.tracking.settings import SpeedModel
from posesync.reference import Reference

FPS = 30.0


def clock(frames: int) -> Array:
    return np.arange(frames) / FPS


def follow(tracker: Tracker, poses: Array) -> list[Position]:
    return [tracker.update(pose, float(t)) for pose, t in zip(poses, clock(len(poses)), strict=True)]


def raises(repetitions: int, *, seconds: float = 2.0, still: float = 0.4, depth: float = 1.0) -> Array:
    """Both arms raised sideways and let down, ``repetitions`` times: (N, 17, 3)."""
    one = np.arange(0.0, seconds, 1 / FPS)
    lift = depth * 0.5 * (1 - np.cos(2 * np.pi * one / seconds))
    rest = np.zeros(round(still * FPS))
    curve = np.concatenate([rest, *[np.concatenate([lift, rest])] * repetitions])
    poses = np.repeat(dance(np.array([0.0])), len(curve), axis=0)
    for shoulder, elbow, wrist, side in ((5, 7, 9, 1), (6, 8, 10, -1)):
        angle = 2.6 * curve
        for joint, length in ((elbow, 60.0), (wrist, 115.0)):
            poses[:, joint, 0] = poses[:, shoulder, 0] + side * length * np.sin(angle)
            poses[:, joint, 1] = poses[:, shoulder, 1] + length * np.cos(angle)
    return poses


def reference(poses: Array) -> Reference:
    return Reference.from_keypoints(poses, clock(len(poses)))


def nobody(seconds: float) -> Array:
    return np.zeros((round(seconds * FPS), 17, 3))


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.0), (0.0, 1.0), (1.5, 1.5)])
def test_an_expert_who_comes_and_goes_is_followed_as_one_who_is_always_there(
    before: float, after: float
) -> None:
    poses = dance(np.arange(0.0, 10.0, 1 / FPS))
    tracker = Tracker(reference(np.concatenate([nobody(before), poses, nobody(after)])))
    answers = follow(tracker, poses)
    errors = [abs(a.time - before - k / FPS) for k, a in enumerate(answers) if a.time is not None]
    assert len(errors) == len(answers)
    assert np.percentile(errors, 95) < 0.15
    assert not any(a.state is State.FINISHED for a in answers[: round(9.5 * FPS)])


def test_who_has_just_begun_has_not_finished() -> None:
    """Two seconds of a dance, then gone to the end at once: the end is reached, and nothing is earned."""
    moments = np.concatenate([np.arange(0.0, 2.0, 1 / FPS), np.arange(17.0, 19.9, 1 / FPS)])
    answers = follow(Tracker(expert()), dance(np.append(moments, [19.9] * 40)))
    assert any(a.time is not None and a.time > 19.5 for a in answers)
    assert not any(a.state is State.FINISHED for a in answers)


def test_a_finish_is_taken_back_by_going_on() -> None:
    moments = np.concatenate([np.arange(0.0, 19.9, 1 / FPS), np.full(40, 19.9), np.arange(0.0, 3.0, 1 / FPS)])
    answers = follow(Tracker(expert()), dance(moments))
    assert answers[round(21.0 * FPS)].state is State.FINISHED
    assert answers[-1].state is State.FOLLOWING
    assert answers[-1].time == pytest.approx(3.0, abs=0.25)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(("shown", "done"), [(1, 4), (3, 5)])
def test_repetitions_are_counted_and_wrap_by_themselves(shown: int, done: int, loop: bool) -> None:
    tracker = Tracker(reference(raises(shown)), loop=loop)
    answers = follow(tracker, raises(done, seconds=2.4, depth=0.9))
    assert sum(a.wrapped for a in answers) == -(-done // shown) - 1
    assert answers[-1].repetition == done
    assert not any(a.wrapped and a.jumped for a in answers)


def test_a_place_runs_back_only_where_it_says_so() -> None:
    answers = follow(Tracker(reference(raises(1))), raises(4, seconds=1.7))
    for before, after in pairwise(answers):
        if before.time is not None and after.time is not None and after.time < before.time - 1e-9:
            assert after.jumped or after.wrapped


def test_a_dance_that_ends_as_it_begins_is_done_once() -> None:
    moments = np.arange(0.0, 8.0, 1 / FPS)
    home = dance(np.array([0.0]))[0]
    fade = np.clip(np.minimum(moments, 8.0 - moments) / 1.0, 0.0, 1.0)[:, None, None]
    poses = home * (1 - fade) + dance(moments) * fade
    table = ReferenceTable.build([reference(poses)], cell=1 / FPS, motion_span=0.2)
    assert not Periods.of(table).closed
    answers = follow(Tracker(reference(poses)), np.concatenate([poses, np.repeat(poses[-1:], 60, axis=0)]))
    assert not any(a.wrapped for a in answers)
    assert answers[-1].repetition == 1


def test_somebody_doing_something_else_is_not_followed() -> None:
    """A tracker that is shown arm raises only, before a dancer whose every limb moves otherwise."""
    answers = follow(Tracker(reference(raises(2))), dance(np.arange(3.0, 15.0, 1 / FPS)))
    late = answers[round(4.0 * FPS) :]
    away = np.mean([a.state in (State.WAITING, State.LOST) for a in late])
    assert away >= 0.8
    assert not any(a.state is State.FINISHED for a in answers)


def test_every_followed_update_settles_once_and_in_order() -> None:
    answers = follow(Tracker(expert()), dance(np.arange(0.0, 8.0, 1 / FPS)))
    settled = [a.settled for a in answers if a.settled is not None]
    times = [time for time, _ in settled]
    assert times == sorted(set(times))
    assert set(times) <= set(clock(len(answers)).tolist())
    assert len(times) >= len(answers) - 12
    assert np.percentile([abs(place - time) for time, place in settled], 95) < 0.1
    late = [k / FPS - a.settled[0] for k, a in enumerate(answers) if a.settled is not None]
    assert max(late) <= 0.4


def test_the_anchor_remembers_where_the_paths_were() -> None:
    """A row that only goes on at the expert's pace: 0.2 s later the anchor lies 0.2 s behind."""
    table = ReferenceTable.build([expert(4.0)], cell=1 / FPS, motion_span=0.2)
    row = WarpingRow(table, SpeedModel(speeds=(0.0, 1.0), stop=0.0, go=0.0, skip=0.0), delay=0.1, anchors=1)
    row.belief[1, 30] = 1.0
    row.anchor()
    for _ in range(6):
        row.predict(1 / FPS)
    assert int(row.belief[1].argmax()) == 36
    assert row.origin(0, 30, 45) == pytest.approx(30.0, abs=0.01)
