"""The coach on real frames: what begins the piece, what is said of it, and the section that is practised."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from moving import dance
from moving import expert as drawn_expert
from outputs import read_log
from posesync.pose.estimator import PoseEstimator, PoseResult
from posesync.pose.performer import Lock, Succession
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.types import Box, Frame, Keypoints
from posesync.realtime.coaching.coach import Coach, Step
from posesync.realtime.coaching.confidence import DoubtWatch
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.feedback import compare_nearest
from posesync.realtime.coaching.settings import PracticeSettings, Start
from posesync.realtime.coaching.start import Phase
from posesync.realtime.commands.demo_performance import TempoCurve
from posesync.realtime.session.moments import MomentCollector
from posesync.realtime.session.outputs import Outputs
from posesync.realtime.session.record import look_back
from posesync.realtime.session.statistics import SessionStatistics
from posesync.realtime.tracking.position import Position, State
from posesync.reference import Reference
from scripted import FPS, ScriptedTracker, live, settle
from session_logs import HEADER


@pytest.fixture(scope="module")
def frames(performance: tuple[Path, TempoCurve]) -> list[Frame]:
    with open_source(performance[0]) as source:
        return [frame for frame in source if frame.index < 75]


@pytest.fixture(scope="module")
def estimator(detector: str) -> PoseEstimator:
    return PoseEstimator(PoseSettings(detector=detector, every="auto"))


@pytest.fixture(scope="module")
def counted(frames: list[Frame], estimator: PoseEstimator, expert: Expert) -> list[Step]:
    """A session that is counted in."""
    settings = PracticeSettings(start=Start.COUNT, seconds=1.0, settle=0.2, patience=0.5)
    coach = Coach(estimator, expert, practice=settings)
    return [coach.process(frame) for frame in frames]


def test_nothing_is_judged_before_the_count_is_over(counted: list[Step]) -> None:
    begun = next(i for i, step in enumerate(counted) if step.practice.started)
    assert 0.8 <= counted[begun].frame.time <= 2.0
    for step in counted[:begun]:
        assert (step.position.state, step.position.time) == (State.WAITING, None)
        assert (step.feedback.score, step.cue) == (None, None)
    assert [step.practice.countdown for step in counted[:begun] if step.practice.tick] == ["1"]
    later = counted[begun + 5 :]
    assert {step.practice.phase for step in later} == {Phase.RUNNING}
    assert all(step.position.time is not None for step in later[15:]), "begun in the middle, found soon"


def test_the_same_moves_give_no_correction_and_a_score_near_100(counted: list[Step]) -> None:
    scores = [step.feedback.score for step in counted if step.feedback.score is not None]
    assert np.mean(scores) >= 90
    assert not any(step.said for step in counted)


def test_a_section_is_practised_over_and_over_and_a_key_begins(
    frames: list[Frame], estimator: PoseEstimator, expert: Expert
) -> None:
    estimator.reset()
    coach = Coach(estimator, expert, practice=PracticeSettings(start=Start.HAND))
    assert coach.process(frames[0]).practice.phase is not Phase.RUNNING
    coach.begin()
    coach.practise((1.0, 2.0))
    assert coach.process(frames[1]).practice.started
    places = [coach.process(frame).position.time for frame in frames[2:50]]
    found = [place for place in places if place is not None]
    assert found
    assert 0.95 <= min(found) <= max(found) <= 2.05
    coach.practise(None)
    assert coach.process(frames[50]).expert_time <= frames[50].time + 0.5


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_performer_is_judged_by_the_moment_most_alike(mirrored: bool) -> None:
    poses = dance(np.arange(5.0, 5.5, 0.1))
    performer = poses[3].copy()
    if mirrored:
        from posesync.pose.features import swap_left_right

        performer = swap_left_right(performer)
    found, nearest = compare_nearest(performer, poses, mirrored=mirrored)
    assert nearest == 3
    assert found.score == 100
    unseen = poses[0].copy()
    unseen[:, 2] = 0.0
    found, nearest = compare_nearest(unseen, poses)
    assert (nearest, found.score) == (2, None), "the middle one, and no judgement"


# -- what is judged: a drawn dancer, and a tracker that gives the answers that were written down -------------


class DrawnDancer:
    """In the estimator's place: the dancer as drawn at each frame's moment."""

    def __init__(self, poses: np.ndarray) -> None:
        self._poses = poses

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        return PoseResult(Keypoints.from_array(self._poses[frame.index]), None, Lock.LOCKED)

    def reset(self) -> None:
        """Nothing is remembered."""


class ScriptedExpert(Expert):
    """The drawn dancer's expert, followed by a script."""

    def __init__(self, answers: list[Position]) -> None:
        super().__init__(drawn_expert())
        self._answers = iter(answers)

    def tracker(self, section: tuple[float, float] | None = None, settings: object = None) -> Any:
        return ScriptedTracker(self._answers)


def follow(
    answers: list[Position], moments: np.ndarray, *, at: dict[int, Callable[[Coach], None]] | None = None
) -> list[Step]:
    """Steps of a dancer who is at ``moments``, s in the piece, at 30 per s."""
    poses = dance(moments)
    coach = Coach(DrawnDancer(poses), ScriptedExpert(answers))  # type: ignore[arg-type]
    image = np.zeros((720, 1280, 3), np.uint8)
    steps = []
    for k in range(len(answers)):
        if at is not None and k in at:
            at[k](coach)
        steps.append(coach.process(Frame(image, k / FPS, k)))
    return steps


MOMENTS = 2.0 + np.arange(150) / FPS


@pytest.mark.parametrize(
    ("live_off", "settled_off"), [(0.5, 0.0), (0.0, 0.5)], ids=["live off", "settled off"]
)
def test_the_settled_place_is_judged_and_the_live_one_drawn(live_off: float, settled_off: float) -> None:
    answers = settle([live(m + live_off) for m in MOMENTS], lambda time: 2.0 + time + settled_off)
    steps = follow(answers, MOMENTS)
    judged = [one for step in steps for one in step.judged]
    assert [one.position.time for one in judged] == pytest.approx(
        [2.0 + one.time + settled_off for one in judged]
    )
    assert [one.frame.index for one in judged] == list(range(150 - 7))
    drawn = [step.feedback.score for step in steps]
    shown = [step.score for step in steps if step.score is not None]
    assert len(shown) == 150 - 7
    better, worse = (shown, drawn) if live_off else (drawn, shown)
    assert min(better) == pytest.approx(100.0, abs=0.5)
    assert np.mean(worse) < 80.0
    assert any(step.cue is not None for step in steps) == bool(settled_off), "what is said is judged too"
    assert steps[50].expert_time == pytest.approx(MOMENTS[50] + live_off), "what is shown is not late"
    assert [step.timing.speed for step in steps[60:]] == pytest.approx([1.0] * 90)


@pytest.mark.parametrize(("section", "shown"), [(None, 1.0), ((0.0, 4.0), 1.0), ((3.0, 6.0), 3.0)])
def test_until_somebody_is_found_the_expert_is_shown_and_not_their_empty_room(
    section: tuple[float, float] | None, shown: float
) -> None:
    times = np.arange(0.0, 8.0, 0.05)
    poses = dance(times)
    poses[times < 1.0 - 1e-6, :, 2] = 0.0
    expert = Expert(Reference.from_keypoints(poses, times))
    assert expert.opening(section) == pytest.approx(shown)
    nobody = np.zeros((3, 17, 3))
    coach = Coach(DrawnDancer(nobody), expert)  # type: ignore[arg-type]
    coach.practise(section)
    step = coach.process(Frame(np.zeros((720, 1280, 3), np.uint8), 0.0, 0))
    assert step.expert_time == pytest.approx(shown)
    assert step.expert_pose[:, 2].max() > 0


@pytest.mark.parametrize("then", ["doubt", "finished"])
def test_of_a_doubtful_place_nothing_is_stated(then: str) -> None:
    """Neither a score of before nor a cue about what has passed."""
    known = [live(m + 0.5) for m in MOMENTS]
    for k in range(100, 150):
        change = {"confidence": 0.2} if then == "doubt" else {"state": State.FINISHED}
        known[k] = replace(known[k], **change)  # type: ignore[arg-type]
    steps = follow(settle(known, lambda time: 2.5 + time), MOMENTS)
    before, after = steps[99], steps[100 + (10 if then == "doubt" else 0) :]
    assert before.cue is not None
    assert not before.doubtful
    assert all(step.cue is None for step in after)
    assert all(step.timing.speed is None for step in after)
    assert {step.doubtful for step in after} == {then == "doubt"}
    if then == "doubt":
        assert all(step.score is None for step in after)


def test_the_pace_of_who_stands_is_not_judged_on_screen() -> None:
    standing_still = [replace(live(m), state=State.HOLDING, speed=0.0) for m in MOMENTS]
    steps = follow(settle(standing_still, lambda time: 2.0 + time), MOMENTS)
    assert all(step.timing.label is None for step in steps)


def test_doubt_has_two_limits_and_must_last() -> None:
    watch = DoubtWatch()

    def doubts(*given: float | None) -> list[bool]:
        """Of confidences, each for half a second, at 10 per s: the last answer to each."""
        nonlocal now
        answers = []
        for confidence in given:
            for _ in range(5):
                now += 0.1
                answer = watch.update(confidence, now)
            answers.append(answer)
        return answers

    now = 0.0
    assert doubts(0.9, 0.4, 0.36, 0.4, 0.44, 0.46, 0.4) == [False, False, True, True, True, False, False]
    assert doubts(None, 0.3, None) == [False, True, False]
    watch.reset()
    assert watch.update(0.2, 0.0), "nothing was sure before"
    watch.reset()
    dip = [0.9] * 5 + [0.1] * 3 + [0.9] * 5
    assert not any(watch.update(confidence, k / 10) for k, confidence in enumerate(dip))


def test_the_score_stays_while_a_performer_is_followed() -> None:
    poses = dance(MOMENTS)
    poses[40:60, :, 2] = 0.0  # out of sight for 0.7 s, which the tracker coasts through
    answers = settle(
        [*map(live, MOMENTS[:100]), *[live(None)] * 10, *map(live, MOMENTS[110:])], lambda t: 2 + t
    )
    coach = Coach(DrawnDancer(poses), ScriptedExpert(answers))  # type: ignore[arg-type]
    shown = [
        coach.process(Frame(np.zeros((720, 1280, 3), np.uint8), k / FPS, k)).score is not None
        for k in range(150)
    ]
    assert shown == [False] * 7 + [True] * 93 + [False] * 17 + [True] * 33


def test_each_frame_is_judged_once_whatever_begins_anew() -> None:
    answers = settle(list(map(live, MOMENTS)), lambda time: 2.0 + time)
    anew = {50: Coach.restart, 90: lambda coach: coach.practise((1.0, 4.0)), 91: Coach.restart}
    steps = follow(answers, MOMENTS, at=anew)  # type: ignore[arg-type]
    judged = [one.frame.index for step in steps for one in step.judged]
    assert judged == list(range(150 - 7))
    assert (steps[50].score, steps[50].timing.speed, steps[50].cue) == (None, None, None)


class Successor(DrawnDancer):
    """The same dancer, who from frame 50 on has the place of somebody who only stood there."""

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        succession = Succession(Box(0, 0, 10, 20), frame.time - 0.5, 0.0) if frame.index == 50 else None
        return replace(super().update(frame, hurried=hurried), succeeded=succession)


def test_who_takes_the_place_of_somebody_else_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracker believed what another person did: none of it is theirs."""
    steps: list[Step] = []
    resets: list[int] = []
    monkeypatch.setattr(ScriptedTracker, "reset", lambda _: resets.append(len(steps)))
    answers = settle(list(map(live, MOMENTS)), lambda time: 2.0 + time)
    coach = Coach(Successor(dance(MOMENTS)), ScriptedExpert(answers))  # type: ignore[arg-type]
    for k in range(150):
        steps += [coach.process(Frame(np.zeros((720, 1280, 3), np.uint8), k / FPS, k))]
    assert resets == [50]
    assert (steps[49].score is None, steps[50].score) == (False, None)
    assert [one.frame.index for step in steps for one in step.judged] == list(range(150 - 7))


def test_the_log_of_a_loop_runs_backwards_only_where_it_begins_again(tmp_path: Path) -> None:
    """Through coach and outputs, the live place 0.2 s ahead of the settled one."""
    answers = []
    for k in range(300):
        passes, place = divmod(k / FPS + 0.2, 3.0)
        wrapped = k > 0 and place < (answers[-1].time or 0.0)
        answers.append(live(place, wrapped=wrapped, repetition=int(passes), jumped=k == 0))
    steps = follow(settle(answers, lambda time: time % 3.0), np.arange(300) / FPS % 3.0)
    logs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in logs:
        outputs, statistics = Outputs(path, None, HEADER, (64, 36), FPS), SessionStatistics()
        for step in steps:
            statistics.add(step, now=step.frame.time)
            outputs.add(step, [])
        outputs.close(statistics.summary("quit", 20.0))
    assert logs[0].read_bytes() == logs[1].read_bytes()
    _, lines, summary = read_log(logs[0])
    assert len(lines) == 300
    assert summary["repetitions"] == 3
    wraps = [line["t"] for line in lines if line.get("wrapped")]
    assert wraps == pytest.approx([3.0, 6.0, 9.0], abs=1e-3)
    back = [b["t"] for a, b in itertools.pairwise(lines) if b["position"] < a["position"]]
    assert back == wraps
    assert [line["repetition"] for line in lines[:-7]] == [k // 90 for k in range(293)]
    assert all(line["score"] > 99 for line in lines[:-7] if line["score"] is not None)
    assert np.abs([line["position"] - line["t"] % 3.0 for line in lines[:-7]]).max() < 1e-4


def test_the_worst_moments_show_the_frame_that_was_judged(expert: Expert) -> None:
    """Its own picture, its own keypoints, and the expert where it settled: not what is seen 0.2 s later."""
    answers = settle([live(m + 0.3) for m in MOMENTS], lambda time: 2.0 + time)
    given: list[tuple[float, float | None, int]] = []

    class Noting(MomentCollector):
        def update(self, time: float, position: Position, score: float | None, **how: Any) -> bool:
            given.append((time, position.time, int(how["image"][0, 0, 0])))
            return False

    poses = dance(MOMENTS)
    coach = Coach(DrawnDancer(poses), ScriptedExpert(answers))  # type: ignore[arg-type]
    for k in range(60):
        step = coach.process(Frame(np.full((720, 1280, 3), k, np.uint8), k / FPS, k))
        look_back(Noting(), step, expert)
    assert given == [(k / FPS, pytest.approx(2.0 + k / FPS), k) for k in range(53)]
