"""A session whose process was killed is complete after the next start: log, recording, report, history."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from outputs import playable
from posesync.pose import files, remux, unfinished
from posesync.pose.errors import OutputError
from posesync.pose.files import sweep
from posesync.realtime.commands.app import run
from posesync.realtime.report import History, default_history_path, recovery
from posesync.realtime.report.recovery import begin_session, recover_sessions
from posesync.realtime.session import log as session_log

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

#: Writes so many frames of log and recording, then kills itself, or waits.
CHILD = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.feedback import Feedback
from posesync.realtime.coaching.moment import Judged, Moment
from posesync.realtime.report.history import default_history_path
from posesync.realtime.report.recovery import begin_session
from posesync.realtime.session.outputs import Outputs
from posesync.realtime.tracking.position import Position, State
out, frames = Path(sys.argv[1]), int(sys.argv[2])
header = {"posesync": "1", "reference": {"file": "a.mp4", "sha256": "ab" * 32, "duration": 4.0}}
entry = begin_session(default_history_path())
outputs = Outputs(out / "s.jsonl", out / "s.mp4", header, (64, 48), 30.0, entry=entry)
nothing = np.zeros((17, 3))
for k in range(frames):
    place = Position(k / 30, 0.9, 0.8, State.FOLLOWING)
    feedback = Feedback(dict.fromkeys(JOINT_NAMES, 5.0), 10.0, 90.0)
    moment = Moment(time=k / 30, keypoints=nothing, position=place, feedback=feedback, expert_time=k / 30,
        expert_pose=nothing, judged=(Judged(k / 30, nothing, place, feedback, nothing),), score=90.0)
    outputs.add(moment, [])
    outputs.record(lambda: np.full((48, 64, 3), k, np.uint8), k / 30)
if sys.argv[3] == "complete":
    outputs.close({"frames": frames, "ended": "quit"})
outputs._writer.finish()
print("written", flush=True)
if sys.argv[3] != "live":
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def register(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    return unfinished.register_dir()


def killed_session(out: Path, frames: int = 90, end: str = "killed") -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CHILD, str(out), str(frames), end]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    if end != "live":
        process.wait(60)
        process.stdout.close()
    return process


def recover() -> list[str]:
    said: list[str] = []
    recover_sessions(sweep(), said.append)
    return said


def times_of(log: Path) -> list[float]:
    return [row["t"] for row in map(json.loads, log.read_text().splitlines()) if "t" in row]


def history() -> int:
    with History(default_history_path()) as past:
        return len(past.sessions())


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_the_next_start_recovers_log_recording_report_and_history(
    tmp_path: Path, register: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    killed_session(out)
    assert all(name.startswith(".posesync-") for name in names(out))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("posesync", ["history", "--json"]) == 0
    found = capfd.readouterr()
    assert len(json.loads(found.out)["sessions"]) == 1
    (line,) = found.err.splitlines()
    assert "the unfinished session of " in line
    assert f"log {out / 's.jsonl'}" in line
    assert names(out) == ["s.html", "s.jsonl", "s.mp4"]
    assert times_of(out / "s.jsonl")[-1] > 2.0
    assert playable(out / "s.mp4")[-1] > 2.0
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}
    assert names(register) == ["lock"]
    assert run("posesync", ["history", "--json"]) == 0
    assert capfd.readouterr().err == "", "once"


def test_what_the_user_has_made_since_stays(tmp_path: Path) -> None:
    killed_session(tmp_path)
    for name in ("s.jsonl", "s.mp4", "s (2).html"):
        (tmp_path / name).write_text("mine")
    (line,) = recover()
    for name in ("s.jsonl", "s.mp4", "s (2).html"):
        assert (tmp_path / name).read_text() == "mine"
    assert times_of(tmp_path / "s (2).jsonl")
    assert playable(tmp_path / "s (2).mp4")
    assert "s (2) (2).html" in line
    assert len(names(tmp_path)) == 6


def test_a_living_session_is_left_alone(tmp_path: Path) -> None:
    process = killed_session(tmp_path, end="live")
    before = names(tmp_path)
    assert recover() == []
    assert names(tmp_path) == before
    process.kill()
    process.communicate()
    assert len(recover()) == 1


def test_of_a_session_that_was_complete_only_the_report_is_made(tmp_path: Path) -> None:
    killed_session(tmp_path, end="complete")
    before = (tmp_path / "s.jsonl").read_bytes()
    (line,) = recover()
    assert "report" in line
    assert "log " not in line
    assert (tmp_path / "s.jsonl").read_bytes() == before
    assert names(tmp_path) == ["s.html", "s.jsonl", "s.mp4"]
    assert history() == 1


def test_a_session_without_a_frame_leaves_nothing(tmp_path: Path, register: Path) -> None:
    killed_session(tmp_path, frames=0)
    assert recover() == []
    assert names(tmp_path) == []
    assert names(register) == ["lock"]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    killed_session(tmp_path)
    (log,) = [path for path in tmp_path.iterdir() if path.read_bytes()[:1] == b"{"]
    with log.open("ab") as file:
        file.write(b'{"t": 99, "pos')
    recover()
    assert times_of(tmp_path / "s.jsonl")[-1] < 4


STEPS = {
    "before anything": (remux, "repair_fragments"),
    "before the index comes first": (remux, "put_index_first"),
    "before the recording has its name": (remux, "keep_under_free_name"),
    "before the log is cut": (session_log, "cut_to_whole_lines"),
    "before the log has its name": (session_log, "keep_under_free_name"),
    "before the report": (recovery, "write_report"),
    "before it is forgotten": (recovery, "_recover"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_recovery_that_is_killed_is_continued(
    step: str, tmp_path: Path, register: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_session(tmp_path)

    class Killed(BaseException):
        pass

    before = recovery._recover

    def die(*given: object, **__: object) -> None:
        if step == "before it is forgotten":
            before(*given)  # type: ignore[arg-type]
        raise Killed

    entries = sweep()
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], die)
        with pytest.raises(Killed):
            recover_sessions(entries, lambda _: None)
    for entry in entries:
        entry.leave()
    recover()
    assert names(tmp_path) == ["s.html", "s.jsonl", "s.mp4"]
    assert len(playable(tmp_path / "s.mp4")) > 60
    assert history() == 1
    assert names(register) == ["lock"]


def test_a_full_disk_loses_nothing_and_the_next_start_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_session(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full: free some space", reason="the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "write_report", full)
        (line,) = recover()
    assert "cannot be recovered yet (the disk is full)" in line
    (line,) = recover()
    assert "report" in line
    assert names(tmp_path) == ["s.html", "s.jsonl", "s.mp4"]


def test_an_unfinished_history_is_tidied(capfd: pytest.CaptureFixture[str]) -> None:
    code = """
import os, sqlite3, signal
from posesync.realtime.report import History, default_history_path
with History(default_history_path()) as past:
    past._connection.execute("PRAGMA cache_size = 1")
    past._connection.execute("BEGIN IMMEDIATE")
    for k in range(500):
        row = (f"{k:064x}", "now", "", "x" * 500, *[None] * 8, "{}", "[]")
        past._connection.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    journal = default_history_path().with_name("history.sqlite3-journal")
    assert journal.exists()
    assert run("posesync", ["config"]) == 0
    assert not journal.exists()
    assert history() == 0
    assert capfd.readouterr().err == ""


def test_an_entry_with_a_session_is_private_and_on_the_disk(register: Path) -> None:
    entry = begin_session(None)
    (path,) = register.glob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["pid"] == os.getpid()
    entry.end()
    assert names(register) == ["lock"]
    assert files.sweep() == []
