"""The store of experts: prepared one by one in a separate process, kept, opened, removed, ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import PerformanceCurve, retime
from posesync.pose.errors import ReferenceFileError, SourceError
from posesync.pose.settings import PoseSettings
from posesync.realtime.session.config import load_config
from posesync.realtime.web.library import preparing
from posesync.realtime.web.library import upload_store as shelf
from posesync.realtime.web.library.experts import ExpertInfo, ExpertStore
from posesync.realtime.web.library.thumbnails import best_moment
from posesync.reference.playable import playable_cache_dir
from posesync.reference.prepare import reference_cache_dir

CONFIG = load_config(None, {"detector.kind": "keypoints"})


def until(condition: Callable[[], object], patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def settled(store: ExpertStore) -> bool:
    return all(info.state in ("ready", "failed") for info in store.list())


@pytest.fixture(scope="module")
def takes(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A short video, the same with other content, and a file that is not a video."""
    folder = tmp_path_factory.mktemp("takes")
    first, second, broken = (folder / name for name in ("take 0.mp4", "take 1.mp4", "broken.mp4"))
    curve = PerformanceCurve((0, 1.2), (0, 1.2))
    retime(clips["cam01"], first, curve, duration=1.2, size=(180, 320), audio=True)
    second.write_bytes(first.read_bytes() + b"\0\0\0\x08free")
    broken.write_text("no video")
    return first, second, broken


@dataclass(frozen=True)
class Run:
    """A store that has prepared the first take and a file that is not a video, and its reports meanwhile."""

    store: ExpertStore
    cache: Path
    said: list[ExpertInfo]
    left: list[Path]


@pytest.fixture(scope="module")
def run(takes: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    cache = tmp_path_factory.mktemp("prepared")
    said: list[ExpertInfo] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        store = ExpertStore(CONFIG, [takes[0], takes[2]], folder=tmp_path_factory.mktemp("experts"))
        store.start()
        until(lambda: said.append(store.list()[0]) or settled(store))
        until(lambda: children() == [])
        yield Run(store, cache, said, leftovers(cache))
        store.close()


@pytest.fixture(scope="module")
def cache(run: Run) -> Path:
    """A cache in which they have been prepared."""
    return run.cache


@pytest.fixture
def prepared(cache: Path, tmp_path: Path, monkeypatch) -> Path:
    """A copy of that cache, in use."""
    copy = Path(shutil.copytree(cache, tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(copy))
    return copy


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., ExpertStore]]:
    """A started store; closed in the end, and no process left."""
    stores: list[ExpertStore] = []

    def started(*references: Path) -> ExpertStore:
        stores.append(ExpertStore(CONFIG, references, folder=tmp_path / "experts"))
        stores[-1].start()
        return stores[-1]

    yield started
    for store in stores:
        store.close()
    assert children() == []


def children() -> list[int]:
    """Child processes of ours that prepare; none where there is no /proc to look at."""
    found = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended has none
            found += [int(child) for child in path.read_text().split() if prepares(child)]
    return found


def prepares(process: str) -> bool:
    """Whether a process is one that prepares; one that has just ended is not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def upload(store: ExpertStore, video: Path, name: str = "dance.mp4") -> ExpertInfo:
    shutil.copy(video, store.folder / ".upload-1.mp4")
    info = store.add_upload(store.folder / ".upload-1.mp4", name)
    assert not (store.folder / ".upload-1.mp4").exists()
    return info


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".") or path.suffix == ".part"]


def test_an_expert_becomes_ready_step_by_step(run: Run) -> None:
    states = list(dict.fromkeys(info.state for info in run.said))
    assert states[-2:] == ["preparing", "ready"]
    shares = [info.progress for info in run.said if info.progress is not None]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 2
    assert all(0 <= share <= 1 for share in shares)
    assert any(info.left is not None and info.left >= 0 for info in run.said)
    ready, failed = run.store.list()
    assert (ready.name, ready.uploaded, ready.width, ready.height) == ("take 0.mp4", False, 180, 320)
    assert ready.duration == pytest.approx(1.16, abs=0.05)
    assert ready.sections
    assert ready.progress is ready.left is None
    assert json.loads(json.dumps(ready.to_dict()))["sections"] == [list(s) for s in ready.sections]
    assert failed.state == "failed"
    assert failed.detail.startswith("broken.mp4 is not a video")
    assert "\n" not in failed.detail
    assert run.left == []


def test_picture_and_video_are_there(run: Run) -> None:
    (identity, _) = (info.id for info in run.store.list())
    image = cv2.imread(str(run.store.thumbnail(identity)))
    assert image.shape[1] == 180
    assert image.std() > 10
    assert run.store.video(identity).read_bytes()[4:8] == b"ftyp"


def test_every_session_has_its_own(run: Run, takes) -> None:
    identity = run.store.list()[0].id
    first, second = run.store.open(identity), run.store.open(identity)
    assert first.proxy is not None
    assert first.proxy is not second.proxy
    first.proxy.close()
    assert second.image_at(0.5).shape == (320, 180, 3)
    second.proxy.close()
    assert first.reference.origin.file == "take 0.mp4"
    assert first.video == takes[0]


def test_the_picture_is_taken_where_it_is_sharp(run: Run) -> None:
    """Of a video that is blurred but for a moment at which she is well seen, that moment is taken."""
    expert = run.store.open(run.store.list()[0].id)
    assert expert.proxy is not None
    visible = expert.reference.keypoints[:, 5:, 2].mean(axis=1)
    good = np.flatnonzero(visible >= np.quantile(visible, 0.75))
    decode, sharp = expert.proxy._decode, int(good[len(good) // 2])
    expert.proxy._decode = lambda i: decode(i) if i == sharp else cv2.GaussianBlur(decode(i), (0, 0), 6)
    assert best_moment(expert.reference, expert.proxy) == pytest.approx(
        expert.reference.times[sharp], abs=1e-3
    )
    expert.proxy.close()


def test_an_uploaded_one_is_kept_over_restarts(takes, prepared: Path, make) -> None:
    store = ExpertStore(CONFIG, [], folder=prepared.parent / "experts")
    info = upload(store, takes[0], "Straße\n<b>.mp4")
    assert (info.name, info.uploaded) == ("Straße <b>.mp4", True)
    store.close()
    again = make()
    assert again.get(info.id).name == "Straße <b>.mp4"
    until(lambda: settled(again))
    expert = again.open(info.id)
    assert expert.reference.origin.file == "Straße <b>.mp4"
    expert.proxy.close()
    assert sorted(path.name for path in again.folder.iterdir()) == [f"{info.id}.json", f"{info.id}.mp4"]


def test_the_same_file_is_kept_once(takes, tmp_path: Path) -> None:
    store = ExpertStore(CONFIG, [takes[0]], folder=tmp_path / "experts")
    first = upload(store, takes[1], "one.mp4")
    assert upload(store, takes[1], "two.mp4").id == first.id
    assert upload(store, takes[0], "three.mp4").uploaded is False, "the server was given it"
    assert [info.name for info in store.list()] == ["take 0.mp4", "one.mp4"]
    assert len(list(store.folder.glob("*.mp4"))) == 1


def test_removed_it_is_gone_with_all_that_was_made_of_it(takes, prepared: Path, make) -> None:
    store = make(takes[2])
    info = upload(store, takes[0])
    until(lambda: settled(store))
    practising = store.open(info.id)
    store.remove(info.id)
    assert store.get(info.id) is None
    assert list(store.folder.iterdir()) == []
    assert list(prepared.rglob(f"*{info.id}*")) == []
    assert practising.image_at(0.9) is not None, "a running practice continues"
    practising.proxy.close()
    with pytest.raises(SourceError, match="no such expert"):
        store.remove(info.id)
    with pytest.raises(SourceError, match="was not uploaded"):
        store.remove(store.list()[0].id)
    assert takes[2].exists()


def test_removed_while_it_is_prepared_it_is_gone(takes, make, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = make()
    info = upload(store, takes[0])
    until(lambda: store.get(info.id).progress)
    store.remove(info.id)
    until(lambda: children() == [])
    assert list(tmp_path.rglob(f"*{info.id}*")) == []
    assert leftovers(tmp_path) == []


def test_closing_ends_the_process_at_once_and_leaves_nothing(
    takes, make, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = make(*takes)
    until(lambda: store.list()[0].progress)
    begun = time.monotonic()
    store.close()
    assert time.monotonic() - begun < 9.0
    assert children() == []
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_a_process_that_dies_fails_its_video_alone(takes, make, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = make(takes[0], takes[2])
    until(lambda: store.list()[0].progress)
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    until(lambda: store.list()[0].state == "failed")
    assert "SIGKILL" in store.list()[0].detail
    with pytest.raises(ReferenceFileError, match="could not be prepared"):
        store.open(store.list()[0].id)
    assert store.retry(store.list()[0].id).state in ("waiting", "preparing")
    until(lambda: settled(store))
    assert [info.state for info in store.list()] == ["ready", "failed"]


def test_what_failed_is_tried_again_when_it_is_uploaded_again(takes, prepared: Path, make) -> None:
    store = make()
    info = upload(store, takes[2], "stage.mp4")
    until(lambda: settled(store))
    detail = store.get(info.id).detail
    assert detail.startswith("stage.mp4 is not a video")
    assert info.id not in detail, "the name of the stored file is nobody's business"
    assert upload(store, takes[2]).state == "waiting"


def test_who_is_not_ready_is_not_opened(takes, prepared: Path, make) -> None:
    store = ExpertStore(CONFIG, [takes[0]], folder=prepared / "experts")
    (info,) = store.list()
    assert info.state == "waiting"
    for ask in (store.open, store.video, store.thumbnail):
        with pytest.raises(ReferenceFileError, match="not prepared yet"):
            ask(info.id)
        with pytest.raises(SourceError, match="no such expert"):
            ask("../../etc/passwd")
    store.close()


def test_an_emptied_cache_is_filled_again(takes, prepared: Path, make) -> None:
    store = make(takes[0])
    until(lambda: settled(store))
    (info,) = store.list()
    for gone in playable_cache_dir().glob("*.jpg"):
        gone.unlink()
    assert store.video(info.id).is_file()
    with pytest.raises(ReferenceFileError, match="prepared again"):
        store.thumbnail(info.id)
    until(lambda: settled(store))
    assert store.thumbnail(info.id).is_file()
    shutil.rmtree(reference_cache_dir())
    with pytest.raises(ReferenceFileError, match="prepared again"):
        store.open(info.id)
    assert store.get(info.id).state in ("waiting", "preparing")


@pytest.mark.parametrize(
    ("reference", "message"),
    [("none.mp4", "does not exist"), ("expert.npz", "has no pictures"), (".", "not a file")],
)
def test_a_reference_that_cannot_be_is_said_at_once(reference: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        ExpertStore(CONFIG, [tmp_path / reference], folder=tmp_path / "experts")


def test_a_hostile_or_damaged_folder_harms_nothing(takes, tmp_path: Path) -> None:
    folder = tmp_path / "experts"
    folder.mkdir()
    for number, card in enumerate(
        (b"", b"{", b'"x"', b'{"name": 5, "added": "now"}', b"[" * 100_000, b"\xff" * 70_000,
         json.dumps({"name": "../../x\u202e", "added": "2026-01-02T03:04:05+00:00"}).encode())
    ):  # fmt: skip
        identity = f"{number:016x}"
        shutil.copy(takes[0], folder / f"{identity}.mp4")
        (folder / f"{identity}.json").write_bytes(card)
    outside = tmp_path / "outside.mp4"
    shutil.copy(takes[0], outside)
    (folder / f"{'a' * 16}.mp4").symlink_to(outside)
    (folder / "notes.txt").write_text("mine")
    (folder / "holiday.mp4").write_text("mine")
    old = time.time() - 2 * 24 * 3600
    for name in (".upload-dead.part", f"{'b' * 16}.json"):
        (folder / name).write_text("{}")
        os.utime(folder / name, (old, old))
    (folder / ".upload-live.part").write_text("just now")
    store = ExpertStore(CONFIG, [], folder=folder)
    assert sorted(info.name for info in store.list()) == ["../../x\ufffd", *["video"] * 6]
    names = {path.name for path in folder.iterdir()}
    assert {"notes.txt", "holiday.mp4", ".upload-live.part"} <= names
    assert not {".upload-dead.part", f"{'b' * 16}.json"} & names


def test_names_of_our_own_endings_only(tmp_path: Path) -> None:
    upload_ = tmp_path / "x.exe"
    upload_.write_bytes(b"data")
    item = shelf.put(tmp_path, "0" * 16, upload_, "..\\evil\x00.exe")
    assert item.path == tmp_path / f"{'0' * 16}.mp4"
    assert item.name == "..\\evil\ufffd.exe"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_process_is_deaf_to_ctrl_c_from_its_first_instruction() -> None:
    preparer = preparing.Preparer(PoseSettings())
    try:
        status = Path(f"/proc/{preparer.process.pid}/status").read_text()
        (blocked,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigBlk"))
        assert int(blocked, 16) & 1 << (signal.SIGINT - 1)
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set()), "we still hear it"
    finally:
        preparer.end(at_once=True)


def test_warnings_of_the_process_are_said_once(caplog) -> None:
    class Pipe:
        def __init__(self) -> None:
            self.sent = [("log", (30, "no detector"))] * 3 + [("done", "failed")]

        def send(self, _: object) -> None: ...

        def poll(self, _: float) -> bool:
            return True

        def recv(self) -> object:
            return self.sent.pop(0)

    preparer = preparing.Preparer.__new__(preparing.Preparer)
    preparer.connection, preparer._said = Pipe(), set()
    caplog.set_level("WARNING", logger="posesync")
    assert preparer.prepare(Path("x"), lambda *_: None, lambda: True) == "failed"
    assert [record.getMessage() for record in caplog.records] == ["no detector"]
