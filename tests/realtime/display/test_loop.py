"""Whole sessions on real video with the real models: through one thread, and live through all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeCamera
from limits import small_files
from outputs import playable, read_log
from posesync.pose.errors import DisplayError, OutputError, SourceError
from posesync.pose.settings import CameraSettings
from posesync.pose.sources import open_source
from posesync.pose.types import Frame
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.commands.app import run
from posesync.realtime.commands.demo_performance import TempoCurve, tracking_error
from posesync.realtime.display.keys import Command
from posesync.realtime.display.loop import check_session, run_session
from posesync.realtime.display.overlay import Overlay, Scene
from posesync.realtime.display.window import Window
from posesync.realtime.pipeline.workers import CaptureWorker
from posesync.realtime.report import History
from posesync.realtime.report.keeping import sessions_dir
from posesync.realtime.session.config import Config, load_config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.session.options import SessionOptions


@pytest.fixture(scope="module")
def config(detector: str) -> Config:
    return load_config(None, {"detector.kind": detector, "display.height": 360})


@pytest.fixture(scope="module")
def images(performance: tuple[Path, TempoCurve]) -> list[np.ndarray]:
    with open_source(performance[0]) as source:
        return [frame.image for frame in source]


def test_a_file_is_followed_closely_and_the_same_on_every_run(
    tmp_path: Path, expert: Expert, config: Config, performance: tuple[Path, TempoCurve]
) -> None:
    path, curve = performance
    logs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    recording = tmp_path / "a.mp4"
    for log, record in zip(logs, (recording, None), strict=True):
        result = run_session(SessionOptions(str(path), True, log, record), expert, config)
        assert result.ended == "end of source"
    assert logs[0].read_bytes() == logs[1].read_bytes()
    _, lines, summary = read_log(logs[0])
    with open_source(path) as source:
        times = [frame.time for frame in source]
    assert [line["t"] for line in lines] == [round(time, 6) for time in times]
    assert playable(recording) == pytest.approx(times, abs=1e-3)
    error = tracking_error(lines, curve)
    assert error is not None
    assert error.median <= 0.060
    assert error.p95 <= 0.200
    assert error.coverage >= 0.95
    assert summary["score"] >= 90
    assert summary["states"]["holding"] >= 10, "the hold of 1.5 s was not seen"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "a.mp4", "b.jsonl"]


def test_a_camera_that_dies_and_returns_is_one_complete_session(
    tmp_path: Path, expert: Expert, config: Config, images: list[np.ndarray]
) -> None:
    device = FakeCamera(images, fps=25, dies_after=20, returns_after=0.0)
    camera = device.camera()
    log = tmp_path / "s.jsonl"

    class Ending:
        """The fake camera runs on a fake clock, far ahead of the real one; it ends after 60 images."""

        info, is_live, warning = camera.info, True, None
        reopen, close = camera.reopen, camera.close

        def read(self) -> Frame | None:
            threading.Event().wait(0.02)
            if device.delivered >= 60:
                device.dies_after, device.returns_after, device._died = 0, None, device.clock()
            return camera.read()

        def __enter__(self) -> Ending:
            return self

        def __exit__(self, *_: object) -> None:
            camera.close()

    quick = replace(config, camera=CameraSettings(lost_timeout=0.4, retry_interval=0.05))
    with pytest.raises(SourceError, match=r"did not come back within 0\.4 s: check its cable"):
        run_session(SessionOptions("0", True, log, None), expert, quick, source=Ending())  # type: ignore[arg-type]
    header, lines, summary = read_log(log)
    assert header["camera"]["kind"] == "camera"
    assert len(lines) == device.delivered >= 60
    assert summary["ended"] == "camera lost"
    assert summary["dropped"] == sum("dropped" in line for line in lines)
    assert summary["timing"]["latency_ms"]["p50"] > 0


class Scripted(Window):
    """The real window on SDL's dummy driver, with keys pressed after so many pictures."""

    script: tuple[tuple[int, Command], ...] = ()
    shown = 0
    pictures: tuple[np.ndarray, ...] = ()

    def show(self, image: np.ndarray) -> None:
        super().show(image)
        Scripted.shown += 1
        Scripted.pictures = (*Scripted.pictures[-40:], image)

    def poll(self) -> list[Command]:
        asked = super().poll()
        due = [command for when, command in Scripted.script if when <= Scripted.shown]
        Scripted.script = tuple(item for item in Scripted.script if item[0] > Scripted.shown)
        return asked + due


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Scripted]]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr("posesync.realtime.display.loop.Window", Scripted)
    Scripted.shown, Scripted.pictures = 0, ()
    yield Scripted
    Scripted.script = ()


def test_keys_work_in_a_window_and_q_ends_it(
    tmp_path: Path,
    expert: Expert,
    config: Config,
    performance: tuple[Path, TempoCurve],
    scripted: type[Scripted],
) -> None:
    scripted.script = (
        (5, Command.DETAILS),
        (8, Command.MIRROR),
        (10, Command.PAUSE),
        (14, Command.PAUSE),  # while paused, pictures go on
        (15, Command.VIEW),
        (16, Command.VIEW),
        (17, Command.GUIDANCE),
        (18, Command.RESTART),
        (20, Command.BEGIN),
        (21, Command.SLOW),
        (23, Command.SLOW),
        (24, Command.SOUND),
        (25, Command.LOOP),
        (27, Command.LOOP),
        (30, Command.QUIT),
    )
    log, video = tmp_path / "s.jsonl", tmp_path / "s.mp4"
    result = run_session(SessionOptions(str(performance[0]), False, log, video), expert, config)
    assert result.ended == "quit"
    assert scripted.script == ()
    _, lines, summary = read_log(log)
    assert summary["ended"] == "quit"
    timing = summary["timing"]
    assert len(playable(video)) + timing.get("unrecorded", 0) == timing["shown"] > 10
    assert timing["shown_latency_ms"]["p50"] >= timing["latency_ms"]["p50"] > 0
    assert summary["processed"] + summary["dropped"] == len(lines)


def test_guidance_changes_in_a_pause_too(
    expert: Expert,
    config: Config,
    performance: tuple[Path, TempoCurve],
    scripted: type[Scripted],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenes: list[Scene] = []
    draw = Overlay.draw

    def noting(self: Overlay, scene: Scene) -> np.ndarray:
        scenes.append(scene)
        return draw(self, scene)

    monkeypatch.setattr(Overlay, "draw", noting)
    scripted.script = ((4, Command.PAUSE), (8, Command.GUIDANCE), (8, Command.GUIDANCE), (10, Command.QUIT))
    run_session(SessionOptions(str(performance[0])), expert, config)
    assert [scene.show_expert for scene in scenes[5:]] == [True] * 3 + [False] * 2
    assert len({scene.time for scene in scenes[6:]}) == 1
    assert scenes[-1].notice == "Paused"


def test_the_window_of_a_whole_file_shows_its_own_pace(
    tmp_path: Path,
    expert: Expert,
    config: Config,
    performance: tuple[Path, TempoCurve],
    scripted: type[Scripted],
) -> None:
    log = tmp_path / "s.jsonl"
    result = run_session(SessionOptions(str(performance[0]), False, log, None), expert, config)
    _, lines, summary = read_log(log)
    assert result.ended == "end of source"
    assert len(lines) == 152, "dropped frames have their line too"
    placed = [line for line in lines if line["position"] is not None]
    error = tracking_error(placed, performance[1])
    assert error is not None
    assert error.median <= 0.120, "frames may be dropped on a busy machine, but the place stays right"
    assert scripted.shown >= summary["timing"]["shown"] > 0


def test_a_full_disk_is_said_in_the_window_and_practice_goes_on(
    tmp_path: Path,
    expert: Expert,
    config: Config,
    performance: tuple[Path, TempoCurve],
    scripted: type[Scripted],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notices: list[str | None] = []
    draw = Overlay.draw

    def noting(self: Overlay, scene: Scene) -> np.ndarray:
        notices.append(scene.notice)
        return draw(self, scene)

    monkeypatch.setattr(Overlay, "draw", noting)
    log = tmp_path / "s.jsonl"
    with small_files(4_000):
        result = run_session(SessionOptions(str(performance[0]), False, log, None), expert, config)
    assert result.ended == "end of source", "to its end"
    assert [missing.what for missing in result.missing] == ["log"]
    assert f"{result.missing[0].words} Practice goes on." in notices
    assert len(log.read_text().splitlines()) > 3
    assert run("posesync", ["report", str(log), "--no-history"]) == 0, "what is kept can be read"


def test_an_error_in_the_models_ends_the_session_and_keeps_the_log(
    tmp_path: Path,
    expert: Expert,
    config: Config,
    performance: tuple[Path, TempoCurve],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = SessionCore.process

    def failing(self: SessionCore, frame: Frame) -> Moment:
        if frame.index == 12:
            raise OutputError("something broke: try again")
        return process(self, frame)

    monkeypatch.setattr(SessionCore, "process", failing)
    log, video = tmp_path / "s.jsonl", tmp_path / "s.mp4"
    with pytest.raises(OutputError, match="something broke"):
        run_session(SessionOptions(str(performance[0]), True, log, video), expert, config)
    _, lines, summary = read_log(log)
    assert (len(lines), summary["ended"]) == (12, "failed")
    assert len(playable(video)) == 12


def test_no_thread_is_left_behind(
    expert: Expert, config: Config, performance: tuple[Path, TempoCurve], scripted: type[Scripted]
) -> None:
    scripted.script = ((3, Command.QUIT),)
    run_session(SessionOptions(str(performance[0])), expert, config)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"capture", "inference"}


def test_a_stored_sequence_without_pictures_is_followed_too(
    tmp_path: Path, expert: Expert, config: Config, performance: tuple[Path, TempoCurve]
) -> None:
    video = tmp_path / "s.mp4"
    alone = Expert(expert.reference)
    assert alone.image_at(1.0) is None
    assert alone.size == (480, 600)
    result = run_session(SessionOptions(str(performance[0]), True, None, video), alone, config)
    assert result.summary["coverage"] >= 0.95
    assert len(playable(video)) == 152


@pytest.mark.parametrize("option", ["log", "record"])
def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path, option: str) -> None:
    for path, reason in ((tmp_path / "none" / "x.mp4", "no folder"), (tmp_path, "is a folder")):
        options = SessionOptions("0", True, **{option: path})  # type: ignore[arg-type]
        with pytest.raises(OutputError, match=reason):
            check_session(options)


def test_a_source_is_closed_when_a_worker_ends(images: list[np.ndarray]) -> None:
    from posesync.realtime.pipeline.workers import Mailbox

    device = FakeCamera(images, dies_after=3)
    worker = CaptureWorker(
        device.camera(),
        Mailbox(lambda captured: captured.frame.time),
        settings=CameraSettings(lost_timeout=0.0),
    )
    worker.start()
    assert worker.join()
    assert device.released >= 1


def test_a_session_with_a_window_is_kept_with_its_report_also_when_it_fails(
    expert_clip: Path,
    performance: tuple[Path, TempoCurve],
    detector: str,
    scripted: type[Scripted],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    command = ["--reference", str(expert_clip), "--camera", str(performance[0]), "--detector", detector]
    scripted.script = ((12, Command.QUIT),)
    assert run("posesync-live", command) == 0
    (log,) = sessions_dir().glob("*.jsonl")
    assert f"report: {log.with_suffix('.html')}" in capfd.readouterr().out
    assert "</html>" in log.with_suffix(".html").read_text(encoding="utf-8")
    with History() as history:
        assert len(history.sessions()) == 1

    def closing(_: Window, __: np.ndarray) -> None:
        if Scripted.shown >= 4:
            raise DisplayError("the screen has gone: start again")
        Scripted.shown += 1

    monkeypatch.setattr(Scripted, "show", closing)
    scripted.shown = 0
    assert run("posesync-live", [*command, "--log", str(tmp_path / "s.jsonl")]) == 2
    assert (tmp_path / "s.html").is_file()
    assert capfd.readouterr().err.splitlines()[-1].startswith("error: the screen has gone")
