"""Every command, with an output that is something it reads: one line, code 2, and everything is as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from posesync.realtime.commands.app import run

LIVE = "live --headless --reference e.mp4 --camera a.mp4 --config c.toml"
SYNC = "sync e.mp4 a.mp4 --config c.toml"

TABLE = {
    "log, reference": f"{LIVE} --log e.mp4",
    "log, second take": f"{LIVE} --reference t.npz --log t.npz",
    "log, camera": f"{LIVE} --log a.mp4",
    "log, settings": f"{LIVE} --log c.toml",
    "log, model": f"{LIVE} --config m.toml --log m.onnx",
    "log, recording": f"{LIVE} --log new.mp4 --record ./new.mp4",
    "recording, reference": f"{LIVE} --record e.mp4",
    "recording, camera": f"{LIVE} --record ../{{here}}/a.mp4",
    "page, log": f"{LIVE} --log new.html",
    "page, a page of the user's": f"{LIVE} --log page.jsonl",
    "log, the kernel's": f"{LIVE} --log /dev/full",
    "sync, attempt": f"{SYNC} -o a.mp4",
    "sync, settings": f"{SYNC} --path c.toml",
    "sync, plot and path": f"{SYNC} --path x.png --plot x.png",
    "sync, path over a video": f"{SYNC} --path other.mp4",
    "report, log": "report s.jsonl -o s.jsonl",
    "report, history": "report s.jsonl --csv --history h.csv -o h.csv",
    "report, a page of the user's": "report page.jsonl",
    "report, a video": "report s.jsonl --json -o e.mp4",
    "demo, its own log": "demo --headless -o new.mp4 --log new.mp4",
    "demo, settings": "demo --headless --config c.toml --log c.toml",
    "history, a video": "history --history e.mp4",
    "report, history is a video": "report s.jsonl --history e.mp4 -o new.html",
    "history, a log": "history --history s.jsonl",
}


@pytest.fixture
def here(expert_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file of every kind."""
    for name in ("e.mp4", "a.mp4", "other.mp4"):
        shutil.copy(expert_clip, tmp_path / name)
    for name in ("c.toml", "t.npz", "m.onnx", "h.csv"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "m.toml").write_text('[detector]\nmodel = "m.onnx"\n')
    frame = '{"t": 0.0, "position": 0.1, "state": "following"}\n'
    for name in ("s.jsonl", "page.jsonl"):
        (tmp_path / name).write_text('{"posesync": "0.1.0", "schema": 1}\n' + frame)
    (tmp_path / "page.html").write_text("<!doctype html><title>My own</title>")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", TABLE.values(), ids=TABLE)
def test_nothing_is_overwritten(command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    assert run("posesync", command.format(here=here.name).split()) == 2
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_the_demo_replaces_nothing_that_is_called_as_it_is(
    here: Path, detector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "demo.mp4").write_bytes(b"the user's own")
    assert run("posesync", ["demo", "--headless", "--detector", detector]) == 0
    assert (here / "demo.mp4").read_bytes() == b"the user's own"
    assert (here / "demo (2).mp4").is_file()
    assert (here / "demo (2).jsonl").is_file()
    assert "video: demo (2).mp4" in capsys.readouterr().out
