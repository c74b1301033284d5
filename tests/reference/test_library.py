"""A library of experts: many videos, some bad, some copies, and one that kills its process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from clips import PerformanceCurve, retime
from posesync.pose.errors import ModelError, SourceError
from posesync.pose.settings import PoseSettings
from posesync.reference import Progress, Reference, library
from posesync.reference.content import VideoContent
from posesync.reference.library import Outcome, State, find_videos, prepare_library, same_videos
from posesync.reference.prepare import prepare_reference

QUICK = PoseSettings(detector="keypoints")


@pytest.fixture(scope="module")
def folder(short_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short takes, a copy of one of them, a text file and a video that breaks off."""
    folder = tmp_path_factory.mktemp("library")
    for i, name in enumerate(("one", "two", "three")):
        curve = PerformanceCurve((0, 1.2), (0.1 * i, 0.1 * i + 1.2))
        retime(short_clip, folder / f"{name}.mp4", curve, duration=1.2, size=(180, 320))
    shutil.copy(folder / "one.mp4", folder / "copy.mp4")
    (folder / "bad.mp4").write_text("no video")
    (folder / "notes.txt").write_text("not looked at")
    return folder


@pytest.fixture(scope="module")
def first_run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Outcome], list[Path]]:
    """The cache, the outcomes and the videos with reported progress."""
    cache = tmp_path_factory.mktemp("prepared")
    told: list[Path] = []

    def advance(path: Path, progress: Progress) -> None:
        assert progress.frames > 0
        told.append(path)

    videos = [*find_videos([folder]), folder / "absent.mp4"]
    done: list[Outcome] = []
    outcomes = prepare_library(
        videos, settings=QUICK, cache_dir=cache, jobs=2, done=done.append, advance=advance
    )
    assert sorted(done, key=str) == sorted(outcomes, key=str)
    return cache, outcomes, told


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.path.stem: outcome.state.value for outcome in outcomes}


def test_a_bad_video_stops_no_other_and_is_named(folder: Path, first_run) -> None:
    cache, outcomes, told = first_run
    assert [outcome.path.name for outcome in outcomes] == [
        "bad.mp4", "copy.mp4", "one.mp4", "three.mp4", "two.mp4", "absent.mp4",
    ]  # fmt: skip
    assert states(outcomes) == {
        "bad": "failed", "copy": "prepared", "one": "kept", "three": "prepared", "two": "prepared",
        "absent": "failed",
    }  # fmt: skip
    by_name = {outcome.path.stem: outcome for outcome in outcomes}
    assert "not a video" in by_name["bad"].detail
    assert "does not exist" in by_name["absent"].detail
    assert "the same video as" in by_name["one"].detail
    assert all("\n" not in outcome.detail for outcome in outcomes)
    assert by_name["two"].frames == 30
    assert by_name["two"].seen > 0.5
    assert set(told) == {folder / name for name in ("copy.mp4", "two.mp4", "three.mp4")}
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 3, "a copy is not prepared again"


def test_it_is_what_preparing_one_by_one_gives(folder: Path, first_run, tmp_path: Path) -> None:
    _, outcomes, _ = first_run
    two = next(outcome for outcome in outcomes if outcome.path.stem == "two")
    assert two.folder is not None
    with prepare_reference(folder / "two.mp4", settings=QUICK, cache_dir=tmp_path) as alone:
        together = Reference.load(two.folder / "reference.npz")
        np.testing.assert_array_equal(together.keypoints, alone.reference.keypoints)
        np.testing.assert_array_equal(together.times, alone.reference.times)
        assert alone.folder.name == two.folder.name


def test_a_second_run_only_tries_what_failed(folder: Path, first_run, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(first_run[0], tmp_path / "cache"))
    two = next(outcome for outcome in first_run[1] if outcome.path.stem == "two")
    shutil.rmtree(cache / two.folder.name)
    again = prepare_library(find_videos([folder]), settings=QUICK, cache_dir=cache, jobs=1)
    assert states(again) == {
        "bad": "failed",
        "copy": "kept",
        "one": "kept",
        "three": "kept",
        "two": "prepared",
    }


def killer(video: Path, settings: PoseSettings, cache: Path, *_: object) -> Outcome:
    """In place of prepare_one, in the worker: as a decoder that crashes on one video."""
    if video.stem == "two":
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(video, State.PREPARED, str(os.getpid()))


def crashing_worker(connection, settings, cache, force) -> None:
    library.prepare_one = killer  # type: ignore[assignment]
    _serve(connection, settings, cache, force)


_serve = library._serve


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_video_that_kills_its_process_fails_alone(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(library, "_serve", crashing_worker)
    outcomes = prepare_library(find_videos([folder]), settings=QUICK, cache_dir=tmp_path, jobs=1)
    assert states(outcomes) == {
        "bad": "prepared", "copy": "prepared", "one": "kept", "three": "prepared", "two": "failed",
    }  # fmt: skip
    by_name = {outcome.path.stem: outcome for outcome in outcomes}
    assert "SIGKILL" in by_name["two"].detail
    assert by_name["bad"].detail == by_name["copy"].detail, "one process takes video after video"


PROGRAM = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
from posesync.realtime.commands import cli
if __name__ == "__main__":
    cli.main()
"""


def running(group: int) -> list[int]:
    """Processes of a group that have not ended; none where there is no /proc to look at."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if state != "Z" and int(its_group) == group:
                found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing_half_done(
    folder: Path, tmp_path: Path, number: int, code: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [
            sys.executable,
            program,
            "prepare",
            *map(str, folder.glob("*.mp4")),
            "-j",
            "2",
            "--detector",
            "keypoints",
        ],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    cache = tmp_path / "posesync" / "references"
    until = time.monotonic() + 60
    while not list(cache.glob(".*.part")) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in err
    assert not list(cache.glob(".*.part"))
    until = time.monotonic() + 10
    while (left := running(process.pid)) and time.monotonic() < until:
        time.sleep(0.05)  # Python's own helper for shared resources ends a moment later
    assert left == []


def test_a_missing_model_is_said_once_and_not_for_every_video(folder: Path, tmp_path: Path) -> None:
    settings = PoseSettings(detector="yolov5", detector_model=str(tmp_path / "none.onnx"))
    with pytest.raises(ModelError, match=r"none\.onnx does not exist"):
        prepare_library(find_videos([folder]), settings=settings, cache_dir=tmp_path, jobs=2)


def test_find_videos(folder: Path, tmp_path: Path) -> None:
    names = ["bad.mp4", "copy.mp4", "one.mp4", "three.mp4", "two.mp4"]
    assert [path.name for path in find_videos([folder])] == names
    assert [path.name for path in find_videos([folder / "t*.mp4"])] == ["three.mp4", "two.mp4"]
    assert find_videos([tmp_path / "absent.mp4"]) == [tmp_path / "absent.mp4"]
    for nothing in (tmp_path, folder / "*.mkv"):
        with pytest.raises(SourceError, match="has no video"):
            find_videos([nothing])


def test_only_files_of_equal_size_are_read(folder: Path, tmp_path: Path, monkeypatch) -> None:
    read: list[str] = []
    of = VideoContent.of

    def reading(path: Path, memory: Path) -> VideoContent:
        read.append(path.name)
        return of(path, memory)

    monkeypatch.setattr(VideoContent, "of", reading)
    twin = tmp_path / "twin.mp4"
    twin.write_text("NO video")  # as long as bad.mp4
    copies = same_videos([*find_videos([folder]), twin], tmp_path)
    assert copies == {folder / "one.mp4": folder / "copy.mp4"}
    assert sorted(read) == ["bad.mp4", "copy.mp4", "one.mp4", "twin.mp4"]
