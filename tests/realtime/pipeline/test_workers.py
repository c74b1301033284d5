"""Threads and mailboxes, with a simulated camera."""

from __future__ import annotations

import threading
import time

import pytest
from fakes import FakeCamera
from posesync.pose.errors import SourceError
from posesync.pose.settings import CameraSettings
from posesync.realtime.pipeline.workers import Captured, CaptureWorker, Mailbox, Worker, WorkerState


def frames_box() -> Mailbox[Captured]:
    return Mailbox(lambda captured: captured.frame.time)


def collect(box: Mailbox[Captured], seconds: float = 5.0) -> tuple[list[float], list[float]]:
    """Times taken and times missed until the box is finished."""
    taken, missed = [], []
    end = time.monotonic() + seconds
    while not box.finished and time.monotonic() < end:
        item = box.take(0.05)
        if item is not None:
            taken.append(item[0].frame.time)
            missed += item[1]
    return taken, missed


def test_the_newest_wins_and_what_it_replaced_is_known() -> None:
    box: Mailbox[float] = Mailbox(lambda item: item)
    for item in (1.0, 2.0, 3.0):
        box.put(item)
    assert box.take(0) == (3.0, [1.0, 2.0])
    assert box.take(0.01) is None
    box.put(4.0)
    box.close()
    box.put(5.0)
    assert not box.finished
    assert box.take(0) == (4.0, [])
    assert box.finished


def test_taking_wakes_up_when_something_comes_or_the_box_closes() -> None:
    box: Mailbox[float] = Mailbox(lambda item: item)
    threading.Timer(0.05, box.put, [7.0]).start()
    began = time.monotonic()
    assert box.take(5.0) == (7.0, [])
    threading.Timer(0.05, box.close).start()
    assert box.take(5.0) is None
    assert time.monotonic() - began < 2.0


def test_every_captured_frame_is_taken_or_known_as_missed() -> None:
    camera = FakeCamera(dies_after=200)
    box = frames_box()
    worker = CaptureWorker(
        camera.camera(), box, settings=CameraSettings(lost_timeout=0.0, retry_interval=0.01)
    )
    worker.start()
    taken, missed = collect(box)
    assert worker.join()
    assert len(taken) + len(missed) == 200
    assert sorted(taken + missed) == sorted(set(taken + missed))
    assert worker.gone
    assert worker.state is WorkerState.ENDED


def test_a_camera_that_returns_is_waited_for() -> None:
    camera = FakeCamera(dies_after=5, returns_after=0.0)
    box = frames_box()
    worker = CaptureWorker(
        camera.camera(), box, settings=CameraSettings(lost_timeout=5.0, retry_interval=0.01)
    )
    worker.start()
    end = time.monotonic() + 10
    while camera.delivered < 50 and time.monotonic() < end:
        box.take(0.01)
    worker.stop()
    assert worker.join()
    assert camera.opened >= 2
    assert camera.delivered >= 50
    assert not worker.gone
    assert worker.lost_since is None


def test_a_camera_that_stays_away_is_given_up_after_the_time_set() -> None:
    box = frames_box()
    worker = CaptureWorker(
        FakeCamera(dies_after=3).camera(), box, settings=CameraSettings(lost_timeout=0.3, retry_interval=0.05)
    )
    began = time.monotonic()
    worker.start()
    taken, _ = collect(box)
    assert worker.join()
    assert 0.2 <= time.monotonic() - began < 3.0
    assert worker.gone
    assert taken[-1] <= 1.0


def test_stopping_does_not_wait_for_a_lost_camera() -> None:
    worker = CaptureWorker(
        FakeCamera(dies_after=1).camera(),
        frames_box(),
        settings=CameraSettings(lost_timeout=60.0, retry_interval=30.0),
    )
    worker.start()
    end = time.monotonic() + 5
    while worker.state is not WorkerState.WAITING and time.monotonic() < end:
        time.sleep(0.01)
    assert worker.lost_since is not None
    began = time.monotonic()
    worker.stop()
    assert worker.join()
    assert time.monotonic() - began < 2.0
    assert not worker.gone


def test_frames_of_a_paused_camera_pass_by() -> None:
    camera = FakeCamera(dies_after=100)
    box = frames_box()
    worker = CaptureWorker(camera.camera(), box, settings=CameraSettings(lost_timeout=0.0))
    worker.paused = True
    worker.start()
    assert collect(box) == ([], [])
    assert camera.delivered == 100
    assert worker.paused


@pytest.mark.parametrize("error", [SourceError("lost it"), ValueError("a bug")])
def test_an_error_in_a_thread_is_kept_for_the_main_thread(error: Exception) -> None:
    class Failing(Worker):
        def _work(self) -> None:
            raise error

    worker = Failing("failing")
    worker.start()
    assert worker.join()
    assert worker.state is WorkerState.FAILED
    assert worker.error is error
