"""The command line: what bad input is told, and how a session ends by a signal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import encode, frames_of, truncate
from outputs import playable, read_log
from posesync.realtime.commands import run
from posesync.realtime.demo_performance import TempoCurve
from posesync.realtime.expert import Expert

Arguments = list[str]


def command(program: str, arguments: Arguments, **environment: str) -> subprocess.Popen[str]:
    """The real program in a process of its own."""
    code = f"from posesync.realtime import cli; cli.{'live_main' if program == 'posesync-live' else 'main'}()"
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**env, **environment},
    )


@pytest.fixture
def bad(tmp_path: Path, expert_clip: Path) -> Path:
    """A folder with one of every kind of bad input."""
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    grey = np.full((120, 160, 3), 128, np.uint8)
    encode(tmp_path / "nobody.mp4", ((k / 10, grey) for k in range(20)), fps=10)
    short = [item for item in frames_of(expert_clip) if item[0] < 0.7]
    encode(tmp_path / "short.mp4", short, fps=30)
    truncate(tmp_path / "short.mp4", tmp_path / "headless.mp4", 0.001)
    (tmp_path / "corrupt.npz").write_bytes(b"PK\x03\x04 not really")
    (tmp_path / "key.toml").write_text("[camera]\nlost_timout = 3\n")
    (tmp_path / "type.toml").write_text('[camera]\nlost_timeout = "3 s"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"--camera": "{bad}/none.mp4"}, ["none.mp4"]),
        ({"--camera": "{bad}/text.mp4"}, ["text.mp4"]),
        ({"--camera": "{bad}/empty.mp4"}, ["empty.mp4"]),
        ({"--camera": "{bad}/headless.mp4"}, ["headless.mp4"]),
        ({"--camera": "{bad}/folder"}, ["folder"]),
        ({"--camera": "77"}, ["there is no camera 77"]),
        ({"--camera": "no-such-camera"}, ["no-such-camera"]),
        ({"--reference": "{bad}/none.mp4"}, ["none.mp4"]),
        ({"--reference": "{bad}/text.mp4"}, ["text.mp4"]),
        ({"--reference": "{bad}/nobody.mp4"}, ["nobody.mp4", "person"]),
        ({"--reference": "{bad}/short.mp4"}, ["short.mp4", "at least 1 s"]),
        ({"--reference": "{bad}/corrupt.npz"}, ["corrupt.npz"]),
        ({"--reference": "{bad}/none.npz"}, ["none.npz"]),
        ({"--config": "{bad}/key.toml"}, ["camera.lost_timout", "did you mean camera.lost_timeout"]),
        ({"--config": "{bad}/type.toml"}, ["camera.lost_timeout", "'3 s'", "a number from 0"]),
        ({"--config": "{bad}/none.toml"}, ["no such config file"]),
        ({"--log": "{bad}/none/s.jsonl"}, ["no folder", "--log"]),
        ({"--log": "{bad}/folder"}, ["is a folder", "--log"]),
        ({"--record": "{bad}/none/s.mp4"}, ["no folder", "--record"]),
        ({"--record": "{bad}/s.gif"}, ["s.gif", ".mp4"]),
        ({"--pose": "heavy"}, ["pose.model", "'heavy'", "lightning or thunder"]),
        ({"--detector": "magic"}, ["detector.kind", "'magic'", "yolov5"]),
        ({"--provider": "abacus"}, ["pose.provider", "'abacus'", "cpu"]),
    ],
    ids=lambda value: " ".join(map("".join, value.items())) if isinstance(value, dict) else "",
)
def test_bad_input_gets_one_line_and_code_2(
    changes: dict[str, str],
    parts: list[str],
    bad: Path,
    expert: Expert,
    expert_clip: Path,
    performance: tuple[Path, TempoCurve],
    detector: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    options = {"--reference": str(expert_clip), "--camera": str(performance[0]), "--detector": detector}
    options |= {name: value.format(bad=bad) for name, value in changes.items()}
    before = sorted(bad.rglob("*"))
    code = run("posesync-live", ["--headless", *[part for item in options.items() for part in item]])
    said = capfd.readouterr()
    assert code == 2
    assert said.out == ""
    errors = [line for line in said.err.splitlines() if not line.startswith("warning: ")]
    assert len(errors) == 1, said.err
    assert errors[0].startswith("error: ")
    for part in parts:
        assert part in errors[0]
    assert ": " in errors[0].removeprefix("error: ") or ", " in errors[0], "it names no next step"
    assert sorted(bad.rglob("*")) == before, "something was left behind"


def test_a_window_without_a_screen(
    expert_clip: Path, performance: tuple[Path, TempoCurve], detector: str
) -> None:
    arguments = ["--reference", str(expert_clip), "--camera", str(performance[0]), "--detector", detector]
    process = command("posesync-live", arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert re.fullmatch(r"error: there is no screen .*: add --headless\n", err)


def test_a_wrong_option_is_told_without_a_traceback() -> None:
    process = command("posesync", ["live", "--refrence", "x.mp4"])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--refrence" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("program", ["posesync", "posesync-live"])
def test_help_names_the_fixed_options(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(program, ["live", "--help"] if program == "posesync" else ["--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--reference", "--camera", "--headless", "--log", "--record", "--config"):
        assert option in said


def test_prepare_says_that_the_second_time_is_at_once(
    expert: Expert, expert_clip: Path, detector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    assert run("posesync", ["prepare", str(expert_clip), "--detector", detector]) == 0
    said = capsys.readouterr().out
    assert "demo_expert.mp4 is prepared already: 4.5 s, 137 frames" in said
    assert time.monotonic() - began < 3.0


def test_models_lists_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("posesync", ["models"]) == 0
    said = capsys.readouterr().out
    for name in ("movenet_lightning", "movenet_thunder", "yolov5n"):
        assert name in said
    assert "ready" in next(line for line in said.splitlines() if line.startswith("movenet_lightning"))
    assert run("posesync", ["models", "movenet_lightning"]) == 0
    assert "movenet_lightning.onnx" in capsys.readouterr().out
    assert run("posesync", ["models", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("frames", [1, 40])
def test_a_signal_leaves_a_complete_log_and_a_playable_recording(
    number: signal.Signals,
    frames: int,
    tmp_path: Path,
    expert: Expert,
    expert_clip: Path,
    performance: tuple[Path, TempoCurve],
    detector: str,
) -> None:
    log, video = tmp_path / "s.jsonl", tmp_path / "s.mp4"
    arguments = ["--reference", str(expert_clip), "--camera", str(performance[0]), "--detector", detector]
    process = command("posesync-live", [*arguments, "--headless", "--log", str(log), "--record", str(video)])
    # The log is buffered; the recording's fragments are not: some bytes mean that frames go through.
    wait_for(lambda: any(p.stat().st_size > frames for p in tmp_path.glob(".s.mp4*.part")))
    time.sleep(0.02 * frames)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    _, lines, summary = read_log(log)
    assert summary["ended"] in ("interrupted", "end of source")
    if lines:
        assert "ended: interrupted" in out or summary["ended"] == "end of source"
        assert len(playable(video)) == len(lines)
    assert not list(tmp_path.glob(".*"))


def test_ctrl_c_before_the_session_begins_leaves_nothing(
    tmp_path: Path, clips: dict[str, Path], detector: str
) -> None:
    log = tmp_path / "s.jsonl"
    arguments = ["--reference", str(clips["walk"]), "--camera", str(clips["walk"]), "--detector", detector]
    process = command(
        "posesync-live", [*arguments, "--headless", "--log", str(log)], XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    wait_for(lambda: any((tmp_path / "cache").rglob("*.part")))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not log.exists()
    # ONNX Runtime keeps files of its own in the same cache.
    assert [p for p in (tmp_path / "cache" / "posesync").rglob("*") if p.is_file()] == []


def wait_for(ready: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it never began"
        time.sleep(0.01)
