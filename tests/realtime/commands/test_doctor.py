"""``posesync doctor``: the command as a user meets it, and checks that fail or hang."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from posesync.pose.diagnosis import Finding, Severity, worst
from posesync.pose.errors import ModelError
from posesync.realtime.commands import diagnosis, doctor, speed_test
from posesync.realtime.commands.app import run
from posesync.realtime.commands.diagnosis import Check
from posesync.realtime.commands.speed_test import Speed
from posesync.realtime.session.config import load_config

FINE = Finding("fine", Severity.OK, "all is well")
BAD = Finding("bad", Severity.BLOCKER, "it is broken " * 12, "repair it " * 12)
POOR = Finding("poor", Severity.WARNING, "not so good", "make it better")


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    wanted: list[Finding] = []
    monkeypatch.setattr(diagnosis, "checks", lambda config, cache: [Check("all", lambda: wanted)])
    return wanted


@pytest.mark.parametrize(
    ("given", "code", "last"),
    [
        ([FINE], 0, "PoseSync works here."),
        ([FINE, POOR], 0, "PoseSync works here, with 1 warning."),
        ([FINE, POOR, BAD], 1, "1 thing stops PoseSync from working here."),
    ],
)
def test_exit_code_and_text(
    given: list[Finding],
    code: int,
    last: str,
    findings: list[Finding],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    findings += given
    assert run("posesync", ["doctor"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == last
    assert max(map(len, lines)) <= 80
    for finding in given:
        assert finding.text.split()[0] in " ".join(lines)
        assert not finding.remedy or "→ " + finding.remedy.split()[0] in " ".join(lines)
    assert run("posesync", ["doctor", "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] == (code == 0)
    assert [item["severity"] for item in said["findings"]] == [f.severity.value for f in given]


def test_a_check_that_fails_or_hangs_is_a_finding_and_the_rest_goes_on() -> None:
    def refuse() -> list[Finding]:
        raise ModelError("the model is gone: get it again")

    def bug() -> list[Finding]:
        raise ValueError("a bug\nin two lines")

    def lacking() -> list[Finding]:
        raise ImportError("libGL.so.1")

    checks = [
        Check("hang", lambda: [FINE] * threading.Event().wait(20)),
        Check("refuse", refuse),
        Check("bug", bug, main_thread=True),
        Check("lacking", lacking),
        Check("fine", lambda: [FINE]),
    ]
    hang, refused, broken, unchecked, fine = diagnosis.examine(checks, limit=0.3)
    assert (hang.severity, hang.topic) == (Severity.WARNING, "hang")
    assert "no answer within" in hang.text
    assert (refused.text, refused.remedy) == ("the model is gone", "get it again")
    assert broken.text == "could not be checked (a bug in two lines)"
    assert unchecked.severity is Severity.NOTE
    assert fine is FINE
    assert worst([hang, refused, broken, fine]) is Severity.BLOCKER


@pytest.mark.parametrize(
    ("fps", "severity"), [(60.0, Severity.OK), (20.0, Severity.NOTE), (9.0, Severity.WARNING)]
)
def test_verdict_on_the_speed(fps: float, severity: Severity, monkeypatch: pytest.MonkeyPatch) -> None:
    speed = Speed(fps, 1000 / fps, 100, "YOLOv5", ["CPUExecutionProvider"])
    monkeypatch.setattr(speed_test, "measure", lambda config, seconds: speed)
    (finding,) = diagnosis.check_speed(load_config())
    assert finding.severity is severity
    assert f"expect {fps:.0f} fps at 720p on CPU" in finding.text
    assert bool(finding.remedy) == (severity is not Severity.OK)


def test_the_speed_test_runs_a_real_session(detector: str) -> None:
    config = load_config(None, {"detector.kind": detector, "display.height": 360})
    speed = speed_test.measure(config, seconds=0.8)
    assert speed.processed >= 3
    assert speed.latency_ms > 0
    assert speed.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize("driver", ["dummy", None])
def test_screen(driver: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if driver:
        monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    elif not sys.platform.startswith("linux"):
        pytest.skip("a screen is only known to be missing on Linux")
    (finding,) = diagnosis.check_screen()
    assert finding.details["screen"] == bool(driver)
    assert finding.severity is (Severity.OK if driver else Severity.WARNING)
    assert driver or "--headless" in finding.remedy


@pytest.mark.parametrize(("driver", "sound"), [("dummy", True), ("no-such-driver", False)])
def test_sound(driver: str, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", driver)
    (finding,) = diagnosis.check_sound()
    assert finding.details["sound"] is sound
    assert finding.severity is (Severity.OK if sound else Severity.NOTE)


def test_the_doctor_comes_even_when_a_library_is_broken(tmp_path: Path) -> None:
    """The real command with an OpenCV that cannot be imported names it, and ends with code 1."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: no such file')")
    first = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code = f"{first}; from posesync.realtime.commands import cli; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--json"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == doctor.BLOCKED, done.stderr
    said = json.loads(done.stdout)
    (library,) = [item for item in said["findings"] if item["topic"] == "libraries"]
    assert library["severity"] == "blocker"
    assert library["remedy"] == "pip install --force-reinstall opencv-python-headless"
    done = subprocess.run([sys.executable, "-c", code, "demo"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("run posesync doctor\n")
