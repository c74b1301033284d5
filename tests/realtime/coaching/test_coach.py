"""The coach on keypoints: what begins the piece, what is said of it, and the section that is practised."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from moving import dance
from moving import expert as drawn_expert
from outputs import read_log
from posesync.pose.errors import InvalidDataError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.settings import PoseSettings
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.sources import open_source
from posesync.realtime.coaching.coach import Coach
from posesync.realtime.coaching.confidence import DoubtWatch
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.feedback import compare_nearest
from posesync.realtime.coaching.moment import Judged, Moment
from posesync.realtime.coaching.settings import PracticeSettings, Start
from posesync.realtime.coaching.start import Phase
from posesync.realtime.commands.demo_performance import TempoCurve
from posesync.realtime.session.outputs import Outputs
from posesync.realtime.session.statistics import SessionStatistics
from posesync.realtime.tracking.position import Position, State
from posesync.reference import Reference
from scripted import FPS, ScriptedCoach, ScriptedTracker, live, settle
from session_logs import HEADER

Keypoints = list[tuple[float, np.ndarray]]


@pytest.fixture(scope="module")
def keypoints(performance: tuple[Path, TempoCurve], detector: str) -> Keypoints:
    """Of the demo's performance: time, (17, 3) px."""
    estimator = PoseEstimator(PoseSettings(detector=detector, every="auto"))
    with open_source(performance[0]) as source:
        frames = itertools.islice(source, 75)
        return [(frame.time, estimator.update(frame).keypoints.to_array()) for frame in frames]


@pytest.fixture(scope="module")
def counted(keypoints: Keypoints, expert: Expert) -> list[Moment]:
    """A session that is counted in."""
    settings = PracticeSettings(start=Start.COUNT, seconds=1.0, settle=0.2, patience=0.5)
    coach = Coach(expert.reference, practice=settings)
    return [coach.update(pose, time, size=(1280, 720)) for time, pose in keypoints]


def test_nothing_is_judged_before_the_count_is_over(counted: list[Moment]) -> None:
    begun = next(i for i, moment in enumerate(counted) if moment.practice.started)
    assert 0.8 <= counted[begun].time <= 2.0
    for moment in counted[:begun]:
        assert (moment.position.state, moment.position.time) == (State.WAITING, None)
        assert (moment.feedback.score, moment.cue) == (None, None)
    assert [moment.practice.countdown for moment in counted[:begun] if moment.practice.tick] == ["1"]
    later = counted[begun + 5 :]
    assert {moment.practice.phase for moment in later} == {Phase.RUNNING}
    assert all(moment.position.time is not None for moment in later[15:]), "begun in the middle, found soon"


def test_the_same_moves_give_no_correction_and_a_score_near_100(counted: list[Moment]) -> None:
    scores = [moment.feedback.score for moment in counted if moment.feedback.score is not None]
    assert np.mean(scores) >= 90
    assert not any(moment.said for moment in counted)


def test_a_section_is_practised_over_and_over_and_a_key_begins(keypoints: Keypoints, expert: Expert) -> None:
    coach = Coach(expert.reference, practice=PracticeSettings(start=Start.HAND))

    def update(k: int) -> Moment:
        time, pose = keypoints[k]
        return coach.update(pose, time)

    assert update(0).practice.phase is not Phase.RUNNING
    coach.begin()
    coach.practise((1.0, 2.0))
    assert update(1).practice.started
    places = [update(k).position.time for k in range(2, 50)]
    found = [place for place in places if place is not None]
    assert found
    assert 0.95 <= min(found) <= max(found) <= 2.05
    coach.practise(None)
    assert update(50).expert_time <= keypoints[50][0] + 0.5


def test_a_coach_needs_keypoints_and_a_time_alone() -> None:
    """The surface that other programs hold on to."""
    import posesync.realtime as public

    coach = public.Coach([drawn_expert()])
    for k, pose in enumerate(dance(PLACES)):
        moment = coach.update(pose, k / FPS)
    assert isinstance(moment, public.Moment)
    assert (moment.time, moment.position.state) == (149 / FPS, State.FOLLOWING)
    assert moment.position.time == pytest.approx(PLACES[-1], abs=0.1)
    assert moment.score == pytest.approx(100.0, abs=1.0)
    assert set(moment.joints) == set(JOINT_NAMES)
    assert (moment.cue, moment.framing, moment.lock) == (None, None, None)
    assert moment.shown.ghost
    with pytest.raises(InvalidDataError, match=r"expected \(17, 3\)"):
        coach.update(pose[:5], 6.0)
    with pytest.raises(InvalidDataError, match="only goes forward"):
        coach.update(pose, 0.0)
    with pytest.raises(InvalidDataError, match="at least one"):
        public.Coach([])


def test_where_to_stand_is_said_to_who_tells_the_size_of_the_picture() -> None:
    beside = dance(np.full(60, 3.0))
    beside[..., 0] -= 400
    for size, words in ((SIZE, "move to the left"), (None, None)):
        coach = Coach(drawn_expert())
        assert [coach.update(pose, k / FPS, size=size).framing for k, pose in enumerate(beside)][-1] == words
        nobody = [coach.update(np.zeros((17, 3)), 2 + k / FPS, size=size).framing for k in range(120)]
        assert nobody[-1] == "nobody in view"


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


def follow(
    answers: list[Position], places: np.ndarray, *, at: dict[int, Callable[[Coach], None]] | None = None
) -> list[Moment]:
    """Moments of a dancer who is at ``places``, s in the piece, at 30 per s."""
    coach = ScriptedCoach(drawn_expert(), answers)
    moments = []
    for k, pose in enumerate(dance(places)):
        if at is not None and k in at:
            at[k](coach)
        moments.append(coach.update(pose, k / FPS, size=SIZE))
    return moments


def frame_of(one: Judged) -> int:
    """Which frame it was."""
    return round(one.time * FPS)


SIZE = (1280, 720)
PLACES = 2.0 + np.arange(150) / FPS


@pytest.mark.parametrize(
    ("live_off", "settled_off"), [(0.5, 0.0), (0.0, 0.5)], ids=["live off", "settled off"]
)
def test_the_settled_place_is_judged_and_the_live_one_drawn(live_off: float, settled_off: float) -> None:
    answers = settle([live(m + live_off) for m in PLACES], lambda time: 2.0 + time + settled_off)
    moments = follow(answers, PLACES)
    judged = [one for moment in moments for one in moment.judged]
    assert [one.position.time for one in judged] == pytest.approx(
        [2.0 + one.time + settled_off for one in judged]
    )
    assert [frame_of(one) for one in judged] == list(range(150 - 7))
    drawn = [moment.feedback.score for moment in moments]
    shown = [moment.score for moment in moments if moment.score is not None]
    assert len(shown) == 150 - 7
    better, worse = (shown, drawn) if live_off else (drawn, shown)
    assert min(better) == pytest.approx(100.0, abs=0.5)
    assert np.mean(worse) < 80.0
    assert any(moment.cue is not None for moment in moments) == bool(settled_off), (
        "what is said is judged too"
    )
    assert moments[50].expert_time == pytest.approx(PLACES[50] + live_off), "what is shown is not late"
    assert [moment.timing.speed for moment in moments[60:]] == pytest.approx([1.0] * 90)


@pytest.mark.parametrize(("section", "shown"), [(None, 1.0), ((0.0, 4.0), 1.0), ((3.0, 6.0), 3.0)])
def test_until_somebody_is_found_the_expert_is_shown_and_not_their_empty_room(
    section: tuple[float, float] | None, shown: float
) -> None:
    times = np.arange(0.0, 8.0, 0.05)
    poses = dance(times)
    poses[times < 1.0 - 1e-6, :, 2] = 0.0
    reference = Reference.from_keypoints(poses, times)
    assert Expert(reference, section=section or (None, None)).opening == pytest.approx(shown)
    coach = Coach(reference)
    coach.practise(section)
    moment = coach.update(np.zeros((17, 3)), 0.0)
    assert moment.expert_time == pytest.approx(shown)
    assert moment.expert_pose[:, 2].max() > 0


@pytest.mark.parametrize("then", ["doubt", "finished"])
def test_of_a_doubtful_place_nothing_is_stated(then: str) -> None:
    """Neither a score of before nor a cue about what has passed."""
    known = [live(m + 0.5) for m in PLACES]
    for k in range(100, 150):
        change = {"confidence": 0.2} if then == "doubt" else {"state": State.FINISHED}
        known[k] = replace(known[k], **change)  # type: ignore[arg-type]
    moments = follow(settle(known, lambda time: 2.5 + time), PLACES)
    before, after = moments[99], moments[100 + (10 if then == "doubt" else 0) :]
    assert before.cue is not None
    assert not before.doubtful
    assert all(moment.cue is None for moment in after)
    assert all(moment.timing.speed is None for moment in after)
    assert {moment.doubtful for moment in after} == {then == "doubt"}
    if then == "doubt":
        assert all(moment.score is None for moment in after)


def test_the_pace_of_who_stands_is_not_judged_on_screen() -> None:
    standing_still = [replace(live(m), state=State.HOLDING, speed=0.0) for m in PLACES]
    moments = follow(settle(standing_still, lambda time: 2.0 + time), PLACES)
    assert all(moment.timing.label is None for moment in moments)


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
    poses = dance(PLACES)
    poses[40:60, :, 2] = 0.0  # out of sight for 0.7 s, which the tracker coasts through
    answers = settle(
        [*map(live, PLACES[:100]), *[live(None)] * 10, *map(live, PLACES[110:])], lambda t: 2 + t
    )
    coach = ScriptedCoach(drawn_expert(), answers)
    shown = [coach.update(pose, k / FPS).score is not None for k, pose in enumerate(poses)]
    assert shown == [False] * 7 + [True] * 93 + [False] * 17 + [True] * 33


def test_each_frame_is_judged_once_whatever_begins_anew() -> None:
    answers = settle(list(map(live, PLACES)), lambda time: 2.0 + time)
    anew = {50: Coach.restart, 90: lambda coach: coach.practise((1.0, 4.0)), 91: Coach.restart}
    moments = follow(answers, PLACES, at=anew)  # type: ignore[arg-type]
    judged = [frame_of(one) for moment in moments for one in moment.judged]
    assert judged == list(range(150 - 7))
    assert (moments[50].score, moments[50].timing.speed, moments[50].cue) == (None, None, None)


def test_who_takes_the_place_of_somebody_else_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracker believed what another person did: none of it is theirs."""
    resets: list[int] = []
    monkeypatch.setattr(ScriptedTracker, "reset", lambda _: resets.append(1))
    answers = settle(list(map(live, PLACES)), lambda time: 2.0 + time)
    moments = follow(answers, PLACES, at={50: Coach.change_performer})
    assert resets == [1]
    assert (moments[49].score is None, moments[50].score) == (False, None)
    assert [frame_of(one) for moment in moments for one in moment.judged] == list(range(150 - 7))


def test_the_log_of_a_loop_runs_backwards_only_where_it_begins_again(tmp_path: Path) -> None:
    """Through coach and outputs, the live place 0.2 s ahead of the settled one."""
    answers = []
    for k in range(300):
        passes, place = divmod(k / FPS + 0.2, 3.0)
        wrapped = k > 0 and place < (answers[-1].time or 0.0)
        answers.append(live(place, wrapped=wrapped, repetition=int(passes), jumped=k == 0))
    moments = follow(settle(answers, lambda time: time % 3.0), np.arange(300) / FPS % 3.0)
    logs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in logs:
        outputs, statistics = Outputs(path, None, HEADER, (64, 36), FPS), SessionStatistics()
        for moment in moments:
            statistics.add(moment, now=moment.time)
            outputs.add(moment, [])
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
