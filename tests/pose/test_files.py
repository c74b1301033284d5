"""Files are private, complete or not there, and what a killed process leaves is removed by the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from posesync.pose import files, unfinished
from posesync.pose.errors import OutputError
from posesync.pose.files import PartFile, atomic_file, keep_under_free_name, make_private_folder, sweep
from posesync.pose.writer import VideoWriter

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and signals of POSIX")


@pytest.fixture(autouse=True)
def register(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    return unfinished.register_dir()


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def write(path: Path, text: str = "new", *, secret: bool = False) -> None:
    with atomic_file(path, secret=secret) as file:
        file.write(text.encode())


# -- private -------------------------------------------------------------------------------------------------


@posix
def test_files_and_folders_are_for_their_owner_whatever_the_umask(
    umask: int, tmp_path: Path, register: Path
) -> None:
    folder = tmp_path / "a" / "b"
    make_private_folder(folder)
    write(folder / "report.html")
    with VideoWriter(folder / "v.mp4", 64, 48, 30) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
        assert [mode(path) for path in folder.glob(".*")] == [0o600]
        assert [mode(path) for path in register.glob("*.json")] == [0o600]
    with files.scratch_folder(tmp_path) as scratch:
        assert mode(scratch) == 0o700
    assert not scratch.exists()
    assert [mode(path) for path in (tmp_path / "a", folder, register)] == [0o700] * 3
    assert {path.name: mode(path) for path in folder.iterdir()} == {"report.html": 0o600, "v.mp4": 0o600}


@posix
def test_who_opened_a_file_to_others_meant_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, "old")
    path.chmod(0o644)
    write(path)
    assert (path.read_text(), mode(path)) == ("new", 0o644)
    write(path, secret=True)
    assert mode(path) == 0o600, "but a key stays the owner's"


@posix
@pytest.mark.parametrize("kind", ["log", "video", "random"])
def test_a_planted_link_is_not_followed(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    names = {
        "log": f".s.jsonl.{os.getpid()}.part",
        "video": f".s.mp4.{os.getpid()}.part",
        "random": f".posesync-{'0' * 16}.part",
    }
    (out / names[kind]).symlink_to(precious)
    if kind == "random":  # even one that guessed the name
        monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 2 * n)
        with pytest.raises(OutputError, match="cannot write"):
            write(out / "s.html")
    elif kind == "video":
        with VideoWriter(out / "s.mp4", 64, 48, 30) as writer:
            writer.write(np.zeros((48, 64, 3), np.uint8))
    else:
        from posesync.realtime.session.log import SessionLog

        SessionLog(out / "s.jsonl", {"posesync": "1"}).close({})
    assert precious.read_text() == "mine"


@posix
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "s.html").symlink_to(precious)
    write(tmp_path / "s.html")
    assert precious.read_text() == "mine"
    assert (tmp_path / "s.html").read_text() == "new"
    assert not (tmp_path / "s.html").is_symlink()


# -- what killed processes leave -----------------------------------------------------------------------------

CHILD = """
import sys, time
from pathlib import Path
from posesync.pose.files import PartFile, scratch_folder
out = Path(sys.argv[1])
part = PartFile(out / "a.mp4")
with part.open() as file:
    file.write(b"half")
with scratch_folder(out) as scratch:
    inner = PartFile(scratch / "b.mov")
    print("begun", flush=True)
    time.sleep(60)
"""


def begin(out: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(out)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@posix
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(
    tmp_path: Path, register: Path
) -> None:
    with begin(tmp_path) as dead, begin(tmp_path) as living:
        assert sweep() == []
        assert len(list(tmp_path.iterdir())) == 4, "both live"
        dead.kill()
        dead.wait()
        assert sweep() == []
        assert len(list(tmp_path.iterdir())) == 2
        living.send_signal(signal.SIGKILL)
        living.wait()
        assert sweep() == []
    assert list(tmp_path.iterdir()) == []
    assert [path.name for path in register.iterdir()] == ["lock"]


def leave(register: Path, values: dict[str, object], age: float = 0.0) -> Path:
    """An entry of a process that is gone."""
    make_private_folder(register)
    path = register / f"{len(list(register.iterdir())):016x}.json"
    path.write_text(json.dumps(values) + "\n")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_another_machine_s_files_on_a_shared_disk_stay_until_nobody_can_be_writing(
    tmp_path: Path, register: Path
) -> None:
    part = tmp_path / f".posesync-{'1' * 16}.part"
    part.write_text("half")
    foreign = {"host": "another", "boot": "another", "scratch": [str(part)]}
    path = leave(register, foreign)
    assert sweep() == []
    assert part.exists()
    os.utime(path, (time.time() - 2 * unfinished.FOREIGN,) * 2)
    assert sweep() == []
    assert not part.exists()
    assert not path.exists()


@pytest.mark.parametrize("name", ["notes.txt", ".bashrc", "holiday.part", ".posesync"])
def test_nothing_is_swept_but_what_is_called_as_ours_is(name: str, tmp_path: Path, register: Path) -> None:
    mine = tmp_path / name
    mine.write_text("mine")
    leave(register, {"host": unfinished.platform.node(), "scratch": [str(mine), str(tmp_path), 7]})
    assert sweep() == []
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]\n", "null\n", '{"scratch": 7}\n', "\x00" * 40])
def test_a_damaged_entry_is_no_obstacle(text: str, tmp_path: Path, register: Path) -> None:
    make_private_folder(register)
    (register / "0.json").write_text(text)
    part = PartFile(tmp_path / "a")
    sweep()
    part.take_place()
    assert (tmp_path / "a").exists()


def test_a_disk_that_is_not_there_is_waited_for(tmp_path: Path, register: Path) -> None:
    part = tmp_path / "disk" / f".posesync-{'1' * 16}.part"
    path = leave(register, {"host": unfinished.platform.node(), "scratch": [str(part)]})
    sweep()
    assert path.exists()
    part.parent.mkdir()
    part.write_text("half")
    sweep()
    assert not part.exists()
    assert not path.exists()


def test_of_two_starts_at_once_one_cleans_up(register: Path) -> None:
    leave(register, {"host": unfinished.platform.node(), "session": "now"})
    (mine,) = sweep()
    assert sweep() == [], "the other start"
    mine.leave()
    (again,) = sweep()
    again.end()
    assert sweep() == []


def test_without_a_register_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    write(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "new"
    assert sweep() == []


# -- a free name ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("links", [True, False])
def test_a_recovered_file_never_takes_the_place_of_another(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # as on a FAT disk
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(1, "no links")))
    (tmp_path / "s.mp4").write_text("mine")
    (tmp_path / "s (2).mp4").symlink_to(tmp_path / "nowhere")
    part = tmp_path / "part"
    part.write_text("recovered")
    assert keep_under_free_name(part, tmp_path / "s.mp4") == tmp_path / "s (3).mp4"
    assert (tmp_path / "s.mp4").read_text() == "mine"
    assert (tmp_path / "s (3).mp4").read_text() == "recovered"
    assert not part.exists()
    assert not (tmp_path / "nowhere").exists()


def test_interrupted_after_the_link_it_comes_to_the_same_name(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_text("recovered")
    os.link(part, tmp_path / "s.mp4")
    assert keep_under_free_name(part, tmp_path / "s.mp4") == tmp_path / "s.mp4"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.mp4"]


def test_a_name_at_the_limit_is_shortened(tmp_path: Path) -> None:
    long = tmp_path / f"{'ü' * 124}x.jsonl"  # 255 bytes
    long.write_text("mine")
    part = tmp_path / "part"
    part.write_text("recovered")
    assert keep_under_free_name(part, long).read_text() == "recovered"
