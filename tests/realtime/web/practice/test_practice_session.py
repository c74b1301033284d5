"""A session in the browser, without one: real pictures as JPEGs in, answers, log and report out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from limits import small_files
from outputs import read_log
from posesync.pose.errors import OutputError
from posesync.pose.sources import open_source
from posesync.pose.types import Frame
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.commands.demo_performance import TempoCurve, tracking_error
from posesync.realtime.report import History
from posesync.realtime.session.config import Config, load_config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.web.practice.protocol import (
    Answer,
    Begin,
    EncodedFrame,
    Loop,
    Pause,
    ProtocolError,
    Restart,
    SetGuidance,
    Welcome,
)
from posesync.realtime.web.practice.session import PracticeSession

WIDTH, HEIGHT = 640, 360


def encoded(frame: Frame, seq: int, captured: float | None = None) -> EncodedFrame:
    small = cv2.resize(frame.image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes()
    return EncodedFrame(seq, frame.time if captured is None else captured, 0, WIDTH, HEIGHT, data)


class Page:
    """What a page hears; it sends the next frame when the last one is answered."""

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []
        self._heard = threading.Semaphore(0)

    def tell(self, text: str, latest: bool) -> None:
        message = json.loads(text)
        assert latest == (message["type"] == "answer")
        self.messages.append(message)
        self._heard.release()

    def ask(self, session: PracticeSession, frame: EncodedFrame) -> dict[str, object]:
        session.put(frame)
        assert self._heard.acquire(timeout=20), "no answer"
        return self.messages[-1]


@pytest.fixture(scope="module")
def config() -> Config:
    """As on a machine that never reached a model hub: the harder case, in which the crop loses the man."""
    return load_config(None, {"detector.kind": "keypoints", "practice.start": "now"})


@pytest.fixture(scope="module")
def frames(performance: tuple[Path, TempoCurve]) -> list[Frame]:
    with open_source(performance[0]) as source:
        return list(source)


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def start(
    expert: Expert, config: Config, page: Page, tmp_path: Path
) -> Iterator[Callable[..., PracticeSession]]:
    """Begin a session on the expert's poses; they are ended with the test."""
    begun: list[PracticeSession] = []

    def begin(settings: Config = config) -> PracticeSession:
        session = PracticeSession(
            "a-name-nobody-knows",
            Expert(expert.reference),
            settings,
            folder=tmp_path,
            history=tmp_path / "history.sqlite3",
            tell=page.tell,
        )
        begun.append(session)
        return session

    yield begin
    for session in begun:
        session.finish("quit")


def test_a_performance_is_followed_answered_logged_and_reported(
    start: Callable[..., PracticeSession],
    page: Page,
    frames: list[Frame],
    performance: tuple[Path, TempoCurve],
    tmp_path: Path,
) -> None:
    session = start()
    welcome = Welcome.model_validate_json(session.welcome(resumed=False))
    assert welcome.duration == pytest.approx(session.expert.reference.duration, abs=1e-3)
    for number, frame in enumerate(frames):
        answer = page.ask(session, encoded(frame, number, 1000.0 + frame.time))
        Answer.model_validate_json(json.dumps(answer))
        assert (answer["seq"], answer["captured"]) == (number, 1000.0 + frame.time)
    finished = session.finish("quit")
    assert session.finish("idle") is finished
    header, lines, summary = read_log(next(tmp_path.glob("*.jsonl")))
    assert header["camera"]["name"] == "browser"
    assert summary["ended"] == "quit"
    assert [line["t"] for line in lines] == pytest.approx([frame.time for frame in frames], abs=2e-3)
    error = tracking_error(lines, performance[1])
    assert error is not None
    assert error.median <= 0.080
    assert error.p95 <= 0.250
    assert finished.report is not None
    assert "<html" in finished.report.read_text(encoding="utf-8")
    with History(tmp_path / "history.sqlite3") as history:
        assert len(history.sessions()) == 1
    joints = np.array([point for message in page.messages for point in message["keypoints"]])  # type: ignore[attr-defined]
    seen = joints[joints[:, 2] > 0.5]
    assert len(seen) > 10 * len(frames)
    assert 0.0 <= seen[:, :2].min() <= seen[:, :2].max() <= 1.0
    ghosts = [message["ghost"] for message in page.messages if message["ghost"]]
    assert len(ghosts) > 0.8 * len(frames)


def test_what_cannot_be_used_is_refused_and_the_session_goes_on(
    start: Callable[..., PracticeSession], page: Page, frames: list[Frame]
) -> None:
    session = start()
    first = encoded(frames[40], 5, 1.0)
    assert page.ask(session, first)["type"] == "answer"
    with pytest.raises(ProtocolError, match="numbers must go up"):
        session.put(first)
    broken = EncodedFrame(6, 1.03, 0, WIDTH, HEIGHT, first.jpeg[:-500])
    trouble = page.ask(session, broken)
    assert (trouble["type"], trouble["code"], trouble["seq"]) == ("error", "jpeg", 6)
    answer = page.ask(session, encoded(frames[41], 7, 1.06))
    assert (answer["type"], answer["dropped"]) == ("answer", 1)
    session.renumber()
    assert page.ask(session, encoded(frames[42], 0, 1.1))["seq"] == 0


def test_commands_reach_the_coach_before_the_next_frame(
    start: Callable[..., PracticeSession], page: Page, frames: list[Frame], detector: str
) -> None:
    session = start(load_config(None, {"detector.kind": detector, "practice.start": "count"}))
    assert page.ask(session, encoded(frames[40], 0))["phase"] == "framing"
    session.obey(Begin(type="begin"))
    assert page.ask(session, encoded(frames[41], 1))["phase"] == "running"
    session.obey(SetGuidance(type="guidance", level="none"))
    answer = page.ask(session, encoded(frames[42], 2))
    assert (answer["level"], answer["show"]) == ("none", {"expert": False, "ghost": False})
    session.obey(Restart(type="restart"))
    assert page.ask(session, encoded(frames[43], 3))["phase"] == "framing"
    session.obey(Pause(type="pause", on=True))
    session.put(encoded(frames[44], 4))
    session.obey(Pause(type="pause", on=False))
    answer = page.ask(session, encoded(frames[45], 5))
    assert (answer["seq"], answer["dropped"]) == (5, 0), "what is sent in a pause is not looked at"


def test_a_section_is_practised_over_and_over(
    start: Callable[..., PracticeSession], page: Page, frames: list[Frame]
) -> None:
    session = start()
    for section in ((3.0, 3.2), (90.0, 99.0)):
        with pytest.raises(ProtocolError, match="a section of"):
            session.obey(Loop(type="loop", section=section))
    session.obey(Loop(type="loop", section=(1.0, 3.0)))
    places = [page.ask(session, encoded(frame, n))["position"] for n, frame in enumerate(frames[:60])]
    assert all(1.0 - 1e-6 <= place <= 3.0 + 1e-6 for place in places if isinstance(place, float))
    assert any(isinstance(place, float) for place in places)
    session.obey(Loop(type="loop", section=None))
    assert page.ask(session, encoded(frames[60], 60))["type"] == "answer"


def test_a_page_that_sends_nothing_leaves_nothing_behind(
    start: Callable[..., PracticeSession], tmp_path: Path
) -> None:
    session = start()
    assert session.empty
    assert session.finish("idle").report is None
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_has_its_answer_may_leave_and_come_back(
    start: Callable[..., PracticeSession], page: Page, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []
    tell = page.tell

    def leaving(text: str, latest: bool) -> None:
        found.append(session.empty)
        tell(text, latest)

    monkeypatch.setattr(page, "tell", leaving)
    session = start()
    page.ask(session, encoded(frames[0], 0))
    assert found == [False], "an empty session is not kept for a page that left"


def test_a_disk_that_is_full_costs_the_log_and_not_the_practice(
    start: Callable[..., PracticeSession],
    page: Page,
    frames: list[Frame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full: make room", reason="the disk is full")

    session = start()
    monkeypatch.setattr("posesync.realtime.session.outputs.SessionLog", full)
    answers = [page.ask(session, encoded(frame, k)) for k, frame in enumerate(frames[:3])]
    told = [message for message in page.messages if message["type"] == "error"]
    finished = session.finish("quit")
    assert session.failed is None
    assert len(answers) == 3
    assert [(message["code"], message["message"]) for message in told] == [
        ("log", "The log has stopped: the disk is full. Practice goes on.")
    ], "once"
    assert finished.report is None
    assert finished.summary["ended"] == "quit"
    assert finished.summary["missing"] == ["The log has stopped: the disk is full."]


def test_a_disk_that_fills_up_keeps_the_lines_and_the_report(
    start: Callable[..., PracticeSession], page: Page, frames: list[Frame]
) -> None:
    session = start()
    with small_files(4_000):
        for k, frame in enumerate(frames[:40]):
            page.ask(session, encoded(frame, k))
            if any(message["type"] == "error" for message in page.messages):
                break
    finished = session.finish("quit")
    (told,) = [message for message in page.messages if message["type"] == "error"]
    assert told["code"] == "log"
    assert "larger than is allowed" in str(told["message"])
    assert session.failed is None
    assert finished.report is not None, "of the lines that were kept"
    lines = finished.report.with_suffix(".jsonl").read_text().splitlines()
    assert 2 <= len([json.loads(line) for line in lines]) < 20
    assert not list(finished.report.parent.glob(".*"))


def test_frames_that_the_page_left_out_spare_the_detector(
    start: Callable[..., PracticeSession],
    page: Page,
    frames: list[Frame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, told = start(), []
    process = SessionCore.process

    def watched(self: SessionCore, frame: Frame, *, hurried: bool = False) -> Moment:
        told.append(hurried)
        return process(self, frame, hurried=hurried)

    monkeypatch.setattr(SessionCore, "process", watched)
    page.ask(session, encoded(frames[0], 0))
    behind = encoded(frames[1], 1)
    page.ask(session, EncodedFrame(1, behind.captured, 4, WIDTH, HEIGHT, behind.jpeg))
    assert told == [False, True]
