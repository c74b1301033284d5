"""The command line: messages for bad input, and sessions ended by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from outputs import playable, read_log
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.commands.app import run
from posesync.realtime.commands.demo_performance import TempoCurve
from posesync.realtime.pipeline.signals import ENDING

Arguments = list[str]


def command(program: str, arguments: Arguments, **environment: str) -> subprocess.Popen[str]:
    """The real program in a process of its own."""
    main = "live_main" if program == "posesync-live" else "main"
    # A shell starts what runs in the background with Ctrl-C ignored, and nohup with SIGHUP; so would be what
    # the tests start.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "if hasattr(signal, 'SIGHUP'): signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        f"from posesync.realtime.commands import cli; cli.{main}()"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**env, **environment},
    )


def test_a_wrong_option_gives_no_traceback() -> None:
    process = command("posesync", ["live", "--refrence", "x.mp4"])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--refrence" in err
    assert "Traceback" not in err


def test_ctrl_c_while_a_class_is_being_made_gives_no_traceback(tmp_path: Path) -> None:
    """Up to Python 3.11 the interpreter wraps it in a RuntimeError."""
    (tmp_path / "typer.py").write_text(
        "class Interrupts:\n"
        "    def __set_name__(self, owner, name):\n"
        "        import os, signal\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "class Typer:\n"
        "    field = Interrupts()\n"
    )
    first = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code = f"{first}; from posesync.realtime.commands import cli; cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


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


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
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
    # Log and recording: bytes in both mean that frames go through.
    wait_for(lambda: sum(p.stat().st_size > 0 for p in tmp_path.glob(".posesync-*.part")) == 2)
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
