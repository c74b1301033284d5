"""The table of bad inputs, through the command: one line that ends with the next step, code 2, nothing left.

Each row is a command line, what is wrong with the machine if anything, and the line that is said.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from circumstances import (
    Circumstance,
    camera_lost,
    full_cache,
    locked,
    locked_cache,
    make_bad_files,
    new_cache,
    no_hub,
    no_onnxruntime,
    no_screen,
    no_sound,
    own_model,
    packaged_model,
    room_for,
    spoilt_model,
)
from outputs import read_log
from posesync.pose.sources import open_source
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.commands.app import run
from posesync.realtime.commands.demo_performance import TempoCurve


def live(*, headless: bool = True, **options: str) -> str:
    """A session on good input but for ``options``."""
    chosen = {"reference": "{expert}", "camera": "{performer}", "detector": "{detector}", **options}
    words = [word for name, value in chosen.items() for word in (f"--{name}", value)]
    return " ".join(["live", *(["--headless"] if headless else []), *words])


# -- the table -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """One row: ``says`` is found in the line, which ends with ``next_step``; both are regular expressions.

    ``{bad}`` in the command is a folder of bad files, ``{out}`` an empty one. ``warns`` is found in what is
    said before, and ``keeps`` names what is left on purpose, complete. ``goes_on``: the session did.
    """

    command: str
    says: str
    next_step: str
    given: Circumstance = lambda out, patch: nullcontext()
    warns: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    goes_on: bool = False


OUTPUTS = {"log": "{out}/s.jsonl", "record": "{out}/s.mp4"}
CHECK_CAMERA = "give a video file|: give one of these"
EXPERT_AGAIN = "run `posesync prepare` on the expert's video( again)?"
MODEL_AGAIN = "delete it and run `posesync models [a-z0-9_]+` to get (it again|the right one)"
FREE_SPACE = "free (some )?space.*"

TABLE = {
    "performer missing": Bad(live(camera="{bad}/none.mp4"), r"none\.mp4 does not exist", "give a camera .*"),
    "performer no video": Bad(live(camera="{bad}/text.mp4"), r"text\.mp4 is not a video", "give a .* WebM"),
    "performer empty": Bad(live(camera="{bad}/empty.mp4"), "the file is empty", "give a .* WebM"),
    "performer cut at once": Bad(
        live(camera="{bad}/cut.mp4"), r"cut\.mp4 has no video stream", "give a .* alone"
    ),
    "performer without index": Bad(live(camera="{bad}/unfinished.mp4"), "index is missing", "give a .* WebM"),
    "performer zero frames": Bad(
        live(camera="{bad}/zero.mp4"), r"zero\.mp4 .*(no frame|no video)", "(export|give) .*"
    ),
    "performer folder without images": Bad(live(camera="{bad}/folder"), "folder", ": (give|put) .*"),
    "no such camera": Bad(live(camera="77"), "there is no camera 77", CHECK_CAMERA),
    "no camera of that name": Bad(
        live(camera="no-such"), "no-such is neither a file nor a camera's name", CHECK_CAMERA
    ),
    "address refused": Bad(live(camera="http://127.0.0.1:9/x.mp4"), r"http://127\.0\.0\.1:9", ": check .*"),
    "expert missing": Bad(live(reference="{bad}/none.mp4"), r"none\.mp4 does not exist", "check the path .*"),
    "expert no video": Bad("prepare {bad}/text.mp4", r"text\.mp4 is not a video", "give a .* WebM"),
    "expert folder": Bad(
        live(reference="{bad}/folder"), "is not a file", "give the expert's video as one file"
    ),
    "library without videos": Bad("prepare {bad}/folder", "has no video", "name a folder or files .*"),
    "expert without person": Bad(
        "prepare {bad}/nobody.mp4 --detector {detector}", "shows no person", "give a video in which .*"
    ),
    "expert too short": Bad(
        live(reference="{bad}/short.mp4"), "0.7. s long, expected at least 1 s", "give a longer video .*"
    ),
    "sequence missing": Bad(live(reference="{bad}/none.npz"), r"no reference file .*none\.npz", EXPERT_AGAIN),
    "sequence corrupt": Bad(live(reference="{bad}/corrupt.npz"), "is corrupt", EXPERT_AGAIN),
    "sequence cut": Bad(live(reference="{bad}/half.npz"), "is corrupt", EXPERT_AGAIN),
    "sequence newer": Bad(
        live(reference="{bad}/newer.npz"),
        "has format 99, expected 1",
        "update with `pip install -U posesync`",
    ),
    "config missing": Bad(live(config="{bad}/none.toml"), "no such config file", ": (check|give) .*"),
    "config key": Bad(
        live(config="{bad}/key.toml"),
        r"unknown key camera\.lost_timout, did you mean camera\.lost_timeout",
        "correct it or leave it out",
    ),
    "config type": Bad(
        live(config="{bad}/type.toml"),
        r"camera\.lost_timeout is '3 s' \(a text\), expected a number from 0 to 86400 s",
        "correct it or leave it out",
    ),
    "config syntax": Bad(
        live(config="{bad}/syntax.toml"), r"syntax\.toml is not TOML .*line 1", ": correct it.*"
    ),
    "unknown pose": Bad(live(pose="heavy"), "'heavy'", "lightning, thunder or mediapipe.*"),
    "unknown detector": Bad(live(detector="magic"), "'magic'", "yolov5.*"),
    "unknown provider": Bad(live(provider="abacus"), "'abacus'", "cpu.*"),
    "model corrupt": Bad(
        "prepare {expert} --detector keypoints",
        "cannot be loaded",
        MODEL_AGAIN,
        own_model("movenet_lightning.onnx", lambda: packaged_model()[:100_000]),
        warns=("different checksum",),
    ),
    "model of wrong shape": Bad(
        live(detector="yolov5"),
        "is not a YOLO person detector",
        "name another with detector_model, or run `posesync models` .*",
        own_model("yolov5n.onnx", packaged_model),
        warns=("different checksum",),
    ),
    "model with a wrong checksum": Bad(
        live(detector="yolov5"), "wrong checksum, expected", "delete it, then .*", spoilt_model
    ),
    "model nowhere": Bad(live(pose="thunder"), "was not found", ": .*convert_movenet.*", new_cache),
    "unknown model": Bad("models nothing", "there is no model 'nothing'", "use one of .*"),
    "no hub": Bad("models yolov5n", "no connection to the hub", ": connect to the internet.*", no_hub),
    "no hub but needed": Bad(live(detector="yolov5"), "no connection", ": connect to .*", no_hub),
    "offline": Bad("models yolov5n", "is not on this machine", ": connect to the internet.*", new_cache),
    "no ONNX Runtime": Bad(live(), "ONNX Runtime", r"pip install .posesync\[cpu\]. .*", no_onnxruntime),
    "disk full, preparing": Bad(
        "prepare {expert} --detector keypoints", "cannot write", "try again", full_cache
    ),
    "disk full, log": Bad(
        live(log="{out}/s.jsonl"),
        r"the log .*s\.jsonl cannot be written further .* its first \d+ lines are kept",
        FREE_SPACE,
        room_for(9_000),
        warns=("cannot be written further", "cannot use the history"),
        keeps=("s.jsonl",),
        goes_on=True,
    ),
    "disk full, recording": Bad(
        live(record="{out}/s.mp4", config="{bad}/small.toml"),
        "cannot be written further",
        FREE_SPACE,
        room_for(80_000),
        warns=("cannot be written further",),
        keeps=("s.mp4",),
        goes_on=True,
    ),
    "read-only, log": Bad(live(log="{out}/dir/s.jsonl"), "may not be written", "--log", locked("dir")),
    "read-only, recording": Bad(
        live(log="{out}/s.jsonl", record="{out}/dir/s.mp4"), "may not be written", "--record", locked("dir")
    ),
    "read-only, cache": Bad(
        "prepare {expert} --detector keypoints", "cannot write", "try again", locked_cache
    ),
    "read-only, demo": Bad(
        "demo -o {out}/dir/new/demo.mp4", "cannot make the folder", "--output", locked("dir")
    ),
    "no folder for the log": Bad(live(log="{out}/none/s.jsonl"), "no folder", "choose another --log"),
    "log is a folder": Bad(live(log="{out}"), "is a folder", "give --log a file name"),
    "no folder for the video": Bad(live(record="{out}/none/s.mp4"), "no folder", "choose another --record"),
    "recording of another kind": Bad(live(record="{out}/s.gif"), r"s\.gif", r"use the suffix \.mp4"),
    "no screen": Bad(live(headless=False), "there is no screen", "add --headless", no_screen),
    "camera lost for good": Bad(
        live(camera="0", config="{out}/patience.toml", **OUTPUTS),
        r"was lost and did not come back within 0\.4 s",
        "check its cable, then start again",
        camera_lost(),
        warns=("lost camera 0: waiting",),
        keeps=("s.jsonl", "s.mp4", "s.html"),
    ),
    "camera lost, back, and lost for good": Bad(
        live(camera="0", config="{out}/patience.toml", **OUTPUTS),
        "was lost and did not come back",
        "check its cable, then start again",
        camera_lost(returns_after=0.2),
        warns=("lost camera 0: waiting", "camera 0 is back", "lost camera 0: waiting"),
        keeps=("s.jsonl", "s.mp4", "s.html"),
    ),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory, expert_clip: Path, expert: Expert) -> Path:
    """A folder with one of every kind of bad file."""
    folder = tmp_path_factory.mktemp("bad")
    make_bad_files(folder, expert_clip, expert.reference)
    return folder


@pytest.fixture
def call(
    tmp_path: Path, bad: Path, expert_clip: Path, performance: tuple[Path, TempoCurve], detector: str
) -> Callable[[str], int]:
    """Run a row's command line."""
    places = {"bad": bad, "out": tmp_path, "expert": expert_clip, "performer": performance[0]}
    return lambda command: run("posesync", command.format(**places, detector=detector).split())


def files(*folders: Path) -> dict[Path, tuple[int, int]]:
    """Every file below, with its size and time, but for the notes of processes that are about to end."""
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    found = [path for path in found if path.parent != Path(os.environ["XDG_CACHE_HOME"], "posesync", "users")]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def assert_warned(lines: list[str], warns: tuple[str, ...]) -> None:
    """Each line is the warning that was expected in its place."""
    assert len(lines) == len(warns), lines
    for line, says in zip(lines, warns, strict=True):
        assert line.startswith("warning: ")
        assert re.search(says, line), line


def assert_complete(path: Path) -> None:
    """A recording has every picture that was shown, a report its end, a log whole lines."""
    if path.suffix == ".mp4":
        with open_source(path) as source:
            pictures = sum(1 for _ in source)
        log = path.with_suffix(".jsonl")
        if log.is_file():  # of a camera; how many of its pictures are shown is up to the machine
            lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
            assert pictures == sum("t" in line and "dropped" not in line for line in lines) > 0
        else:
            assert pictures >= 3
    elif path.suffix == ".html":
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    else:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        assert len(lines) > 10
        assert all(json.loads(line) and line.endswith("\n") for line in lines)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_bad_input_gets_one_line_and_code_2(
    row: Bad,
    tmp_path: Path,
    bad: Path,
    call: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # Of its own, or the next command would complete what this one could not.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    places = (tmp_path, bad, Path(os.environ["XDG_CACHE_HOME"]))
    with row.given(tmp_path, monkeypatch):
        before = files(*places)
        capfd.readouterr()
        code = call(row.command)
        after = files(*places)
    said = capfd.readouterr()
    assert (code, said.out != "") == (2, row.goes_on)
    *warnings, error = said.err.splitlines()
    assert error.startswith("error: ")
    assert re.search(row.says, error), error
    assert re.search(rf"({row.next_step})$", error), error
    assert_warned(warnings, row.warns)
    kept = [tmp_path / name for name in row.keeps]
    assert after == before | {path: after.get(path) for path in kept}, "not what was to be left behind"
    for path in kept:
        assert_complete(path)


# -- what is not the end -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Helped:
    """Problems that give one warning each, with exit code 0."""

    command: str
    warns: tuple[str, ...]
    given: Circumstance = lambda out, patch: nullcontext()


HELPED = {
    "expert cut": Helped(
        "prepare {bad}/broken.mp4 --detector keypoints",
        (r"breaks off at 2\.\d s of 4\.6 s: it is used up to there",),
        new_cache,
    ),
    "performer cut": Helped(
        live(camera="{bad}/broken.mp4", log="{out}/s.jsonl"), (r"breaks off at 2\.\d s of 4\.6 s",)
    ),
    "no hub, detector auto": Helped(
        live(reference="{bad}/whole.npz", detector="auto", camera="{bad}/broken.mp4", log="{out}/s.jsonl"),
        ("no connection to the hub.*Continuing with detector keypoints", "breaks off"),
        no_hub,
    ),
    "no sound": Helped(
        live(headless=False, camera="{bad}/broken.mp4", log="{out}/s.jsonl"),
        ("no sound device", r"breaks off"),
        no_sound,
    ),
}


@pytest.mark.parametrize("row", HELPED.values(), ids=HELPED)
def test_what_can_be_gone_on_with_is_one_warning(
    row: Helped,
    tmp_path: Path,
    call: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with row.given(tmp_path, monkeypatch):
        capfd.readouterr()
        assert call(row.command) == 0
    said = capfd.readouterr()
    assert_warned(said.err.splitlines(), row.warns)
    assert said.out.count("\n") >= 2
    if "s.jsonl" in row.command:
        _, lines, summary = read_log(tmp_path / "s.jsonl")
        assert summary["ended"] == "end of source"
        assert summary["coverage"] > 0.9
        assert 60 <= len(lines) < 75
