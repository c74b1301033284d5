"""One session without a window or a page: what it makes of frames, and what it keeps of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from idle import IdleEstimator
from moving import dance
from moving import expert as drawn_expert
from outputs import read_log
from posesync.pose.errors import ModelError
from posesync.pose.estimator import PoseResult
from posesync.pose.frame_source import SourceInfo
from posesync.pose.performer import Lock, Succession
from posesync.pose.types import Box, Frame, Keypoints
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.coaching.settings import GuidanceLevel
from posesync.realtime.pipeline.workers import Processed
from posesync.realtime.session.config import load_config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.session.moments import MomentCollector
from posesync.realtime.session.record import LONGEST_HELD, WorstMoments
from posesync.realtime.tracking.position import Position, State

FPS = 30.0
SIZE = (1280, 720)
CAMERA = SourceInfo("drawn", "camera", *SIZE)


class DrawnDancer(IdleEstimator):
    """Sees the dancer as drawn, from 2 s of the piece on."""

    def __init__(self, poses: np.ndarray) -> None:
        self._poses = poses

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        return PoseResult(Keypoints.from_array(self._poses[frame.index]), None, Lock.LOCKED)


def dancing(seconds: float) -> np.ndarray:
    return dance(2.0 + np.arange(round(seconds * FPS)) / FPS).astype(np.float32).astype(np.float64)


def frame(k: int, shade: int = 0) -> Frame:
    return Frame(np.full((SIZE[1], SIZE[0], 3), shade, np.uint8), k / FPS, k)


def make_core(estimator: IdleEstimator, **settings: Any) -> SessionCore:
    config = load_config(None, {key.replace("__", "."): value for key, value in settings.items()})
    return SessionCore(estimator, Expert(drawn_expert()), config, waits=False)  # type: ignore[arg-type]


class Failing(IdleEstimator):
    """Its models fail at these calls."""

    def __init__(self, calls: range) -> None:
        self._calls = calls
        self._count = 0

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        self._count += 1
        if self._count in self._calls:
            raise ModelError("model m.onnx failed: check it")
        return super().update(frame, hurried=hurried)


@pytest.mark.parametrize(("failures", "survives"), [(1, True), (9, True), (10, False)])
def test_models_that_fail_are_forgiven_for_a_moment(
    failures: int, survives: bool, caplog: pytest.LogCaptureFixture
) -> None:
    core = make_core(Failing(range(5, 5 + failures)))
    with nullcontext() if survives else pytest.raises(ModelError, match="check it"):
        for number in range(20):
            core.process(frame(number))
    assert len(caplog.records) == min(failures, 9)


def test_a_frame_gives_the_moment_that_its_keypoints_give() -> None:
    poses = dancing(3.0)
    of_frames, of_keypoints = make_core(DrawnDancer(poses)), make_core(IdleEstimator())
    for k, pose in enumerate(poses):
        seen = of_frames.process(frame(k))
        told = of_keypoints.update(pose, k / FPS, size=SIZE)
        assert (seen.position, seen.score, seen.framing) == (told.position, told.score, told.framing)
        assert (seen.lock, told.lock) == (Lock.LOCKED, None)
    assert told.position.state is State.FOLLOWING
    assert told.score == pytest.approx(100.0, abs=1.0)


class Successor(DrawnDancer):
    """The same dancer, who from frame 60 on has the place of somebody who only stood there."""

    def update(self, frame: Frame, *, hurried: bool = False) -> PoseResult:
        succession = Succession(Box(0, 0, 10, 20), frame.time - 0.5, 0.0) if frame.index == 60 else None
        return replace(super().update(frame, hurried=hurried), succeeded=succession)


def test_who_takes_the_performer_s_place_is_looked_for_anew() -> None:
    core = make_core(Successor(dancing(3.0)))
    moments = [core.process(frame(k)) for k in range(62)]
    assert moments[59].position.state is State.FOLLOWING
    assert (moments[60].position.state, moments[60].score) == (State.WAITING, None)


def test_a_new_beginning_forgets_the_performer() -> None:
    core = make_core(DrawnDancer(dancing(3.0)))
    moments = [core.process(frame(k)) for k in range(60)]
    assert moments[-1].position.state is State.FOLLOWING
    core.restart()
    assert core.process(frame(60)).position.state is State.WAITING


def test_guidance_is_decided_once_and_told_with_the_moment() -> None:
    core = make_core(DrawnDancer(dancing(3.0)), guidance__level="mistakes", guidance__automatic=False)
    moments = [core.process(frame(k)) for k in range(60)]
    assert core.level is GuidanceLevel.MISTAKES
    assert {(moment.shown.expert, moment.shown.ghost) for moment in moments} == {(True, False)}
    assert core.choose_guidance().level is GuidanceLevel.NONE
    shown = core.process(frame(60)).shown
    assert (shown.expert, shown.ghost, shown.level) == (False, False, GuidanceLevel.NONE)
    assert core.choose_guidance() == replace(shown, expert=True, ghost=True, level=GuidanceLevel.FULL)
    assert core.choose_guidance(GuidanceLevel.MISTAKES).ghost is False, (
        "who does it well errs no more than before"
    )


def test_moments_are_counted_and_logged(tmp_path: Path) -> None:
    core = make_core(DrawnDancer(dancing(2.0)))
    log = tmp_path / "s.jsonl"
    outputs = core.open(CAMERA, log=log, size=SIZE)
    assert (outputs.log is not None, outputs.video) == (True, None)
    for k in range(50):
        missed = [(k - 0.5) / FPS] if k == 30 else []
        core.note(Processed(frame(k), core.process(frame(k)), 0.0, 0.02), missed)
    core.note_missed([50 / FPS, 51 / FPS])
    summary, timing = core.summarise("quit", timed=False, warning="a bad cable")
    core.close(summary)
    header, lines, logged = read_log(log)
    assert (header["camera"]["name"], header["models"]) == ("drawn", {})
    assert [line["t"] for line in lines if "dropped" in line] == pytest.approx(
        [29.5 / FPS, 50 / FPS, 51 / FPS], abs=1e-5
    )
    assert len(lines) == 53
    assert logged == summary
    assert (logged["processed"], logged["dropped"], logged["duration"]) == (50, 3, round(51 / FPS, 4))
    assert (logged["warning"], logged["moments"], "timing" in logged) == ("a bad cable", [], False)
    assert timing["latency_ms"] == {"p50": 20.0, "p95": 20.0}
    assert core.summarise("quit")[0]["timing"] == timing


@pytest.mark.parametrize(("ended", "kept"), [("failed", False), ("quit", True)])
def test_of_a_session_that_failed_before_its_first_moment_nothing_is_kept(
    ended: str, kept: bool, tmp_path: Path
) -> None:
    core = make_core(IdleEstimator())
    core.open(CAMERA, log=tmp_path / "s.jsonl", size=SIZE)
    core.close(core.summarise(ended)[0])
    assert (len(list(tmp_path.iterdir())) == 1) is kept


@pytest.mark.parametrize(("log", "pictures"), [(None, True), ("s.jsonl", False)])
def test_pictures_are_kept_for_a_log_alone_and_where_they_are_wanted(
    log: str | None, pictures: bool, tmp_path: Path
) -> None:
    core = make_core(IdleEstimator(), session__pictures=pictures)
    core.open(CAMERA, log=None if log is None else tmp_path / log, size=SIZE)
    summary, _ = core.summarise("quit")
    core.close(summary)
    assert "moments" not in summary


# -- the worst moments ---------------------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float | None, int]]:
    """What the collector is shown: time, place, and the picture's shade."""
    found: list[tuple[float, float | None, int]] = []

    def noting(
        self: MomentCollector, time: float, position: Position, score: float | None, **how: Any
    ) -> bool:
        found.append((time, position.time, int(how["image"][0, 0, 0])))
        return False

    monkeypatch.setattr(MomentCollector, "update", noting)
    return found


def test_the_worst_moments_show_the_frame_that_was_judged(
    given: list[tuple[float, float | None, int]],
) -> None:
    """Its own picture, and the place where it settled: not what is seen 0.2 s later."""
    core = make_core(DrawnDancer(dancing(2.0)))
    worst = WorstMoments(core.expert)
    judged = []
    for k in range(60):
        moment = core.process(frame(k, shade=k))
        worst.add(frame(k, shade=k), moment)
        judged += moment.judged
    assert given == [(one.time, one.position.time, round(one.time * FPS)) for one in judged]
    assert len(given) > 40


def test_no_frame_is_held_for_long(
    given: list[tuple[float, float | None, int]], make_moment: Callable[..., Moment]
) -> None:
    """Nothing of them is judged, or only what nobody has a picture of any more."""
    worst = WorstMoments(Expert(drawn_expert()))
    for k in range(90):
        worst.add(frame(k), replace(make_moment(k / FPS), judged=()))
        assert len(worst._frames) <= LONGEST_HELD * FPS + 1
    late = make_moment(0.5).judged
    worst.add(frame(90), replace(make_moment(3.0), judged=late))
    assert given == []
    worst.add(frame(91), make_moment(91 / FPS))
    assert [time for time, _, _ in given] == [91 / FPS]
    assert not worst._frames, "what was judged, and all before it, is let go of"
