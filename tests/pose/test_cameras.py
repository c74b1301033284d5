"""Live sources without a device: cameras that stall, die and return; streams over a real socket."""

from __future__ import annotations

import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from fakes import FakeCamera, grey_scale
from posesync.pose import camera as camera_module
from posesync.pose.errors import SourceError
from posesync.pose.sources import CameraInfo, open_source, resume
from posesync.pose.stream import without_credentials


def test_camera_delivers_with_the_time_of_the_grab():
    fake = FakeCamera(grey_scale(7, (320, 240)), fps=20, dies_after=8)
    with fake.camera(max_height=120) as camera:
        assert camera.is_live
        assert (camera.info.width, camera.info.height, camera.info.fps) == (160, 120, 20)
        frames = list(camera)
    np.testing.assert_allclose([f.time for f in frames], np.arange(8) / 20, atol=1e-9)
    assert [f.index for f in frames] == list(range(8))
    assert fake.released >= 1


def test_grey_camera_becomes_bgr():
    fake = FakeCamera([np.full((48, 64), 77, np.uint8)])
    frame = fake.camera().read()
    assert frame is not None
    assert frame.image.shape == (48, 64, 3)


def test_single_failed_grabs_are_not_a_loss():
    fake = FakeCamera(hiccups=[1, 4, 5, 9], dies_after=12)
    assert len(list(fake.camera())) == 12


def test_lost_camera_comes_back_and_time_goes_on():
    fake = FakeCamera(dies_after=5, returns_after=4.0)
    camera = fake.camera()
    before = list(camera)
    assert (len(before), camera.lost) == (5, True)
    assert camera.read() is None, "a lost camera stays lost until it is opened again"
    wait = partial(resume, camera, clock=fake.clock, sleep=fake.clock.sleep)
    assert not wait(patience=1.0)
    assert wait(patience=10.0)
    again = camera.read()
    assert again is not None
    assert again.index == 5
    assert 4.0 < again.time < 7.0, "the gap belongs to the session's time"
    assert not camera.lost


def test_waiting_for_a_camera_ends():
    fake = FakeCamera(dies_after=1)
    camera = fake.camera()
    assert len(list(camera)) == 1
    start = fake.clock.now
    assert not resume(camera, patience=5.0, clock=fake.clock, sleep=fake.clock.sleep)
    assert 4.0 <= fake.clock.now - start <= 5.0
    assert not resume(camera, patience=5.0, stopped=lambda: True, clock=fake.clock, sleep=fake.clock.sleep)
    camera.close()
    assert not camera.reopen()


@pytest.mark.parametrize(
    ("spec", "cameras", "says"),
    [
        (7, [CameraInfo(0, "Integrated Camera")], r"no camera 7, found 0 \(Integrated Camera\): give one"),
        ("7", [], "no camera 7, none was found: plug one in"),
        ("/dev/video7", [], "no camera 7"),
        ("logi", [CameraInfo(0, "Integrated Camera")], r"neither a file nor a camera's name, found 0"),
    ],
)
def test_no_such_camera_names_what_there_is(spec, cameras, says, monkeypatch):
    monkeypatch.setattr(camera_module, "list_cameras", lambda: cameras)
    monkeypatch.setattr(camera_module, "open_device", FakeCamera(indexes=(0,)).open)
    with pytest.raises(SourceError, match=says):
        open_source(spec)


def test_missing_device_makes_no_noise(capfd):
    with pytest.raises(SourceError, match="no camera 63"):
        open_source(63)
    assert capfd.readouterr().err == ""


def test_a_busy_camera_is_distinguished_from_a_missing_one(monkeypatch, tmp_path):
    monkeypatch.setattr(camera_module, "_LINUX", True)
    monkeypatch.setattr(camera_module, "_DEVICES", tmp_path)
    (tmp_path / "video0").touch()
    fake = FakeCamera(dies_after=0)
    with pytest.raises(SourceError, match=r"camera 0 .* delivers no image: close other programs"):
        fake.camera()
    assert 4.0 < sum(fake.clock.slept) < 6.0, "a slow camera is given five seconds"


@pytest.mark.parametrize("spec", [2, "2", "/dev/video2", "logitech"])
def test_camera_is_found_by_number_device_and_name(spec, monkeypatch):
    cameras = [CameraInfo(0, "Integrated"), CameraInfo(2, "Logitech C920")]
    monkeypatch.setattr(camera_module, "list_cameras", lambda: cameras)
    monkeypatch.setattr(camera_module, "open_device", FakeCamera(indexes=(0, 2)).open)
    with open_source(spec) as source:
        assert source.camera.index == 2  # type: ignore[attr-defined]


def test_linux_cameras_leave_out_metadata_nodes(tmp_path):
    for node, name, index in (
        ("video10", "C920", "0"),
        ("video2", "Built-in", "0"),
        ("video3", "Built-in", "1"),
    ):
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(name + "\n")
        (tmp_path / node / "index").write_text(index + "\n")
    (tmp_path / "video4").mkdir()  # a node that vanished half-way
    assert camera_module._linux_cameras(tmp_path) == [CameraInfo(2, "Built-in"), CameraInfo(10, "C920")]
    assert camera_module._linux_cameras(tmp_path / "none") == []


@pytest.fixture
def server(short):
    """The short clip's folder, served over HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(short.parent)))
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


def test_video_on_a_server_is_read_like_a_file(server):
    with open_source(f"{server}/short.mp4", max_height=90) as source:
        times = [frame.time for frame in source]
    assert not source.is_live
    assert source.info.duration == pytest.approx(2.0, abs=0.1)
    np.testing.assert_allclose(times, np.arange(48) / 24, atol=1e-6)


class _MotionJpeg(threading.Thread):
    """A network camera: multipart JPEG over a bare socket; each connection gets five images and is cut."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
        head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
        part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(head + part * 5)


def test_live_stream_is_lost_and_comes_back():
    camera = _MotionJpeg()
    camera.start()
    with open_source(f"http://user:secret@127.0.0.1:{camera.port}/live") as source:
        assert source.is_live
        assert "secret" not in source.info.name
        first = [frame.time for frame in source]
        assert len(first) >= 4
        assert source.reopen()
        second = [frame.time for frame in source]
        assert second[0] > first[-1]
        camera.socket.close()
        assert source.read() is None


@pytest.mark.parametrize("path", ["missing.mp4", "short.txt"])
def test_bad_address_is_one_line_without_the_password(path, server):
    address = server.replace("://", "://me:secret@") + "/" + path
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        open_source(address)
    assert "secret" not in str(caught.value)


def test_credentials_and_query_are_left_out():
    assert without_credentials("rtsp://a:b@cam.local:554/x?token=1") == "rtsp://cam.local:554/x"
