"""Where models are looked for and fetched, and the messages when that fails. The hub is an HTTP server."""

from __future__ import annotations

import hashlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from posesync.pose import model_files as models
from posesync.pose import onnx_session
from posesync.pose.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
GOOD = b"a model" * 40_000


class Hub(BaseHTTPRequestHandler):
    """Serves /good, /other (wrong bytes), /stalls (half, then nothing), /silent (never answers)."""

    asked: list[str] = []  # noqa: RUF012
    stop = threading.Event()

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if self.path == "/silent":
            self.stop.wait(20)
            return
        if self.path == "/gone":
            self.send_error(404)
            return
        data = GOOD if self.path != "/other" else GOOD[::-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body and self.path == "/stalls":
            self.wfile.write(data[:100_000])
            self.wfile.flush()
            self.stop.wait(20)
        elif body:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.asked.clear()
    Hub.stop.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Hub.stop.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty machine: no model folder named, an empty cache, and a hub may be asked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(models.MODEL_DIR_VARIABLE, raising=False)
    monkeypatch.delenv(models.OFFLINE_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(models, "HUB_TIMEOUT", 0.6)
    monkeypatch.setattr(models, "STALL_TIMEOUT", 0.6)
    models._hub_problem.cache_clear()
    return tmp_path


def publish(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Make yolov5n a model that this hub serves."""
    info = replace(models.model_info("yolov5n"), url=url, sha256=(hashlib.sha256(GOOD).hexdigest(),))
    monkeypatch.setattr(models, "known_models", lambda: {"yolov5n": info})


def test_embedded_model_is_the_listed_one_and_notice_names_every_file() -> None:
    path = models.PACKAGED / "movenet_lightning.onnx"
    info = models.model_info("movenet_lightning")
    assert models.sha256_of(path) in info.sha256
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for model in models.known_models().values():
        assert all(checksum in notice for checksum in model.sha256), model.name


@pytest.mark.parametrize(
    ("own", "cached", "expected"),
    [
        (True, True, "own"),
        (False, True, "cache"),
        (False, False, "package"),
    ],
)
def test_places_are_looked_at_in_order(
    place: Path, monkeypatch: pytest.MonkeyPatch, own: bool, cached: bool, expected: str
) -> None:
    folders = {"own": place / "own", "cache": models.cache_dir(), "package": models.PACKAGED}
    monkeypatch.setenv(models.MODEL_DIR_VARIABLE, str(folders["own"]))
    for name, wanted in (("own", own), ("cache", cached)):
        if wanted:
            folders[name].mkdir(parents=True)
            shutil.copy(models.PACKAGED / "movenet_lightning.onnx", folders[name])
    assert models.find_model("movenet_lightning").parent == folders[expected]
    status = {status.name: status for status in models.list_models()}["movenet_lightning"]
    assert status.path is not None
    assert status.path.parent == folders[expected]
    assert status.checksum_ok is True
    assert status.size == 4678181


def test_unknown_copy_in_own_folder_is_used_with_a_warning(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(models.MODEL_DIR_VARIABLE, str(place))
    (place / "yolov5n.onnx").write_bytes(b"mine")
    assert models.find_model("yolov5n") == place / "yolov5n.onnx"
    assert "not a copy PoseSync knows" in caplog.text
    assert {s.name: s.checksum_ok for s in models.list_models()}["yolov5n"] is False


def test_spoilt_cache_is_an_error_offline_and_mended_online(
    place: Path, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{hub}/good")
    path = models.cache_dir() / "yolov5n.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    with pytest.raises(ModelError, match="wrong checksum"):
        models.find_model("yolov5n", download=False)
    assert models.find_model("yolov5n") == path
    assert path.read_bytes() == GOOD


def test_download_is_checked_and_done_once(place: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, f"{hub}/good")
    path = models.find_model("yolov5n")
    assert path == models.cache_dir() / "yolov5n.onnx"
    assert path.read_bytes() == GOOD
    assert models.find_model("yolov5n") == path
    assert Hub.asked == ["HEAD /good", "GET /good"]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("other", "wrong checksum, expected"),
        ("gone", "the hub answered 404"),
        ("silent", "could not be fetched"),
        ("stalls", "the download of yolov5n.onnx failed"),
    ],
)
def test_failed_download_leaves_nothing_and_never_hangs(
    place: Path, hub: str, monkeypatch: pytest.MonkeyPatch, page: str, message: str
) -> None:
    publish(monkeypatch, f"{hub}/{page}")
    started = time.monotonic()
    with pytest.raises(ModelError, match=message) as caught:
        models.find_model("yolov5n")
    assert time.monotonic() - started < 5
    assert "\n" not in str(caught.value)
    assert not [path for path in place.rglob("*") if path.is_file()], "a partial file was left"


def test_absent_hub_is_asked_once_in_a_process(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "http://127.0.0.1:9/yolov5n.onnx")  # the discard port: nobody listens
    with pytest.raises(ModelError, match="no connection to the hub"):
        models.find_model("yolov5n")
    started = time.monotonic()
    with pytest.raises(ModelError, match=models.MODEL_DIR_VARIABLE):
        models.find_model("yolov5n")
    assert time.monotonic() - started < 0.1


def test_offline_never_asks(place: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, f"{hub}/good")
    monkeypatch.setenv(models.OFFLINE_VARIABLE, "1")
    with pytest.raises(ModelError, match="not on this machine"):
        models.find_model("yolov5n")
    assert Hub.asked == []


def test_cache_that_cannot_be_written(place: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, f"{hub}/good")
    (place / "cache").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="cannot be written"):
        models.find_model("yolov5n")


@pytest.mark.parametrize(
    ("name", "message"),
    [("yolo", "there is no model 'yolo'"), ("movenet_thunder", "convert_movenet")],
)
def test_model_that_is_nowhere_names_the_remedy(place: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        models.find_model(name)


# -- sessions ------------------------------------------------------------------------------------------------


def test_missing_onnxruntime_names_both_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"posesync\[cpu\].*posesync\[gpu\]"):
        onnx_session.create_session(models.PACKAGED / "movenet_lightning.onnx")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, {}, "does not exist"),
        (b"", {}, "cannot be loaded"),
        (b"not a model at all", {}, "cannot be loaded"),
        ("half", {}, "cannot be loaded"),
        ("whole", {"provider": "abacus"}, "no provider 'abacus'"),
        ("whole", {"threads": 0}, "0 threads"),
    ],
)
def test_unusable_model_file_is_one_line(
    tmp_path: Path, content: bytes | str | None, options: dict[str, object], message: str
) -> None:
    path = tmp_path / "model.onnx"
    real = (models.PACKAGED / "movenet_lightning.onnx").read_bytes()
    if content is not None:
        path.write_bytes({"half": real[: len(real) // 2], "whole": real}.get(content, content))  # type: ignore[arg-type,call-overload]
    with pytest.raises(ModelError, match=message) as caught:
        onnx_session.create_session(path, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
