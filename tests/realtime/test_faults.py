"""Faults in real sessions, in processes of their own: a short version of benchmarks/faults.py."""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from posesync.pose.camera import Camera
from posesync.realtime.commands import cli
from posesync.realtime.pipeline.signals import StopSignals

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import faults
from _faulty import Fault, FaultyCamera, read_images

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

SHORT = ("all together", "all together, disk full", "screen lost")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> faults.Bench:
    return faults.Bench(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("name", SHORT)
def test_a_session_with_faults_ends_well(name: str, bench: faults.Bench, tmp_path: Path) -> None:
    (case,) = (case for case in faults.CASES if case.name == name)
    outcome = faults.check_case(bench, case, tmp_path)
    assert outcome.problems == []
    assert outcome.frames > 20


@pytest.mark.parametrize("seed", range(6))
def test_a_signal_at_a_random_moment(seed: int, bench: faults.Bench, tmp_path: Path) -> None:
    what, outcome = faults.check_signal(bench, tmp_path, random.Random(seed), latest=4.0)
    assert outcome.problems == [], what


def test_a_kill_at_a_random_moment_loses_nothing_and_leaves_nothing(
    bench: faults.Bench, tmp_path: Path
) -> None:
    """One of each command; on a busy machine the last second may become some."""
    killed = faults.kill_many(bench, tmp_path, 5, seed=3, most_lost=4.0)
    assert [each.problems for each in killed] == [[]] * 5


@pytest.fixture(scope="module")
def images(bench: faults.Bench) -> list[np.ndarray]:
    return read_images(bench.performer)[:10]


@pytest.mark.parametrize(
    ("kind", "usable"),
    [
        ("grey", True),
        ("flat", True),
        ("alpha", True),
        ("deep", True),
        ("two", True),
        ("black", True),
        ("bytes", False),
        ("tiny", False),
        ("empty", False),
        ("none", False),
    ],
)
def test_whatever_a_driver_delivers_is_an_image_or_nothing(
    kind: str, usable: bool, images: list[np.ndarray]
) -> None:
    device = FaultyCamera(images, [Fault(kind, 2, 3)], fps=500)
    camera = Camera(0, opener=device.open)
    frames = [camera.read() for _ in range(8)]
    camera.close()
    for frame in frames:
        assert frame is not None
        assert (frame.image.shape, frame.image.dtype) == (images[0].shape, np.uint8)
    assert device.count == (8 if usable else 11)


def test_a_driver_that_raises_has_a_hiccup(images: list[np.ndarray]) -> None:
    device = FaultyCamera(images, [Fault("raises", 2, 3)], fps=500)
    camera = Camera(0, opener=device.open)
    assert all(camera.read() is not None for _ in range(6))
    assert device.opened == 1


def test_a_camera_is_not_let_go_of_while_its_driver_hangs(images: list[np.ndarray]) -> None:
    device = FaultyCamera(images, [Fault("stall", 3, 1.2)], fps=500)
    camera = Camera(0, opener=device.open)
    reader = threading.Thread(target=lambda: [camera.read() for _ in range(5)])
    reader.start()
    time.sleep(0.3)
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 1.0, "closing does not wait for the driver"
    assert device.released == 0
    reader.join(5)
    assert device.released == 1, "the thread in the driver releases the device"
    assert device.trampled == 0
    assert camera.read() is None


def test_a_signal_that_was_swallowed_before_the_session_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python drops an exception that a signal raises inside a destructor; the wish to end must stay."""
    monkeypatch.setattr(StopSignals, "pending", False)
    monkeypatch.setattr(StopSignals, "ended", False)
    with pytest.raises(KeyboardInterrupt):
        cli._interrupt(2, None)
    with StopSignals() as stop:
        assert stop.asked
    cli._terminate(15, None)  # after a session there is nothing to break off
