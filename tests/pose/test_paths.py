"""What a command may write to: nothing that is read, nothing that a user made, nothing twice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from posesync.pose.errors import OutputError
from posesync.pose.paths import Output, check_outputs, free_name, same_file

LOG = "a session's log"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a video, links to it, and files of every kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.mp4").write_bytes(b"video")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "1.png").write_bytes(b"picture")
    if sys.platform != "win32":
        (tmp_path / "soft.jsonl").symlink_to("e.mp4")
        (tmp_path / "dangling.jsonl").symlink_to("later.jsonl")
        os.link(tmp_path / "e.mp4", tmp_path / "hard.jsonl")
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@pytest.mark.parametrize(
    "path", ["e.mp4", "./e.mp4", "inside/../e.mp4", "soft.jsonl", "hard.jsonl", "{here}/e.mp4"]
)
def test_no_output_is_what_is_read(path: str, here: Path) -> None:
    with pytest.raises(OutputError, match=r"is the expert's video, .*: choose another --log$"):
        check_outputs(
            [Output("--log", Path(path.format(here=here)), LOG)], [("the expert's video", Path("e.mp4"))]
        )
    assert (here / "e.mp4").read_bytes() == b"video"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("new.mp4", "new.mp4"),
        ("new.mp4", "inside/../new.mp4"),
        ("new.mp4", "NEW.mp4"),
        ("caf\u00e9.mp4", "cafe\u0301.mp4"),
        ("dangling.jsonl", "later.jsonl"),
    ],
)
def test_no_two_outputs_are_one_file(one: str, two: str, here: Path) -> None:
    with pytest.raises(OutputError, match=r"two results, --record and --log: choose two names$"):
        check_outputs([Output("--record", Path(one), "a video"), Output("--log", Path(two), LOG)])


def test_a_picture_of_a_folder_that_is_read_is_no_output(here: Path) -> None:
    read = [("what --camera names", here / "inside")]
    with pytest.raises(OutputError, match="is what --camera names"):
        check_outputs([Output("--path", here / "inside" / "1.png")], read)
    check_outputs([Output("--path", here / "inside" / "new.csv")], read)


@pytest.mark.parametrize(
    ("name", "kind", "content", "said"),
    [
        ("own.mp4", LOG, b"video", "exists and is not a session's log of PoseSync's"),
        ("notes.txt", LOG, b"dear diary", "exists and is not a session's log"),
        ("dance.html", "a report", b"<!doctype html><title>My dance</title>", "exists and is not a report"),
        ("own.npz", "", b"PK", "exists and is a stored sequence"),
        ("own.toml", "", b"[pose]", "exists and is a settings file"),
        ("own.jsonl", "a video", b"{}", "exists and is a session's log"),
    ],
)
def test_nothing_of_another_kind_is_replaced(
    name: str, kind: str, content: bytes, said: str, here: Path
) -> None:
    (here / name).write_bytes(content)
    with pytest.raises(OutputError, match=said):
        check_outputs([Output("--log", Path(name), kind)])
    assert (here / name).read_bytes() == content


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("s.jsonl", LOG, b'{"posesync": "0.1.0", "schema": 1}\n'),
        ("s.jsonl", LOG, b""),
        ("s.html", "a report", b"<!doctype html><head><title>Practice report: a</title>"),
        ("s.mp4", "a video", b"earlier"),
        ("s.csv", "", b"earlier"),
        ("new.mp4", "a video", None),
    ],
)
def test_an_earlier_result_of_its_kind_may_be_replaced(
    name: str, kind: str, content: bytes | None, here: Path
) -> None:
    if content is not None:
        (here / name).write_bytes(content)
    check_outputs([Output("--output", Path(name), kind)], [("the expert's video", here / "e.mp4")])


@pytest.mark.skipif(sys.platform == "win32", reason="has none")
@pytest.mark.parametrize(
    "path", ["/dev/null", "/dev/full", "/dev/stdout", "/dev/new.jsonl", "/proc/self/x", "pipe"]
)
def test_no_device_is_replaced_by_a_file(path: str, here: Path) -> None:
    os.mkfifo(here / "pipe")
    with pytest.raises(OutputError, match=r"is a device or a pipe, .*: choose another --log$"):
        check_outputs([Output("--log", Path(path), LOG)])


@pytest.mark.parametrize(("length", "fits"), [(200, True), (255, True), (256, False), (5000, False)])
def test_a_name_is_as_long_as_the_file_system_takes(length: int, fits: bool, here: Path) -> None:
    output = Output("--log", here / f"{'n' * (length - 6)}.jsonl", LOG)
    if fits:
        check_outputs([output])
        return
    with pytest.raises(OutputError, match=rf"has {length} bytes, expected 255 at most"):
        check_outputs([output])


def test_a_free_name_is_no_file_nor_its_companions(tmp_path: Path) -> None:
    wanted = tmp_path / "demo.mp4"
    assert free_name(wanted, ".jsonl") == wanted
    (tmp_path / "demo.jsonl").touch()
    wanted.with_name("demo (2).mp4").touch()
    assert free_name(wanted, ".jsonl") == tmp_path / "demo (3).mp4"
    assert free_name(wanted) == wanted


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_loop_of_links_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert not same_file(tmp_path / "a", tmp_path / "c")
