from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import frames_of
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import small_files
from posesync.pose.errors import InvalidDataError, OutputError, ReferenceFileError
from posesync.reference.proxy import MAX_AREA, ProxyVideo, ProxyWriter, proxy_size

SIZE = (320, 180)


def card(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture that says which frame it is: twelve bits as black and white bars."""
    bits = [number >> bit & 1 for bit in range(12)]
    bars = np.repeat(np.array(bits, np.uint8) * 255, -(-size[0] // 12))[: size[0]]
    return np.repeat(np.tile(bars, (size[1], 1))[..., None], 3, axis=2)


def number_of(image: np.ndarray) -> int:
    width = image.shape[1]
    centers = [min(width - 1, round((bit + 0.5) * -(-width // 12))) for bit in range(12)]
    return sum(int(image[image.shape[0] // 2, x, 0] > 127) << bit for bit, x in enumerate(centers))


def written(path: Path, times: list[float]) -> Path:
    with ProxyWriter(path, *SIZE) as writer:
        for number, moment in enumerate(times):
            writer.write(card(number), moment)
    return path


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_every_moment_shows_its_nearest_frame(seed: int, tmp_path_factory: pytest.TempPathFactory):
    rng = np.random.default_rng(seed)
    times = np.cumsum(np.concatenate([[0.0], rng.uniform(0.026, 0.4, 30)]))  # variable frame rate
    with ProxyVideo.open(written(tmp_path_factory.mktemp("proxy") / "p.mov", times.tolist())) as proxy:
        assert np.abs(proxy.times - times).max() < 1e-4
        for moment in rng.uniform(-1, times[-1] + 1, 20):
            nearest = int(np.argmin(np.abs(times - moment)))
            assert number_of(proxy.frame_at(float(moment))) == nearest


def test_the_picture_is_the_source_s(clips: dict[str, Path], tmp_path: Path):
    frames = [(moment, image) for moment, image in frames_of(clips["walk"]) if moment < 0.5]
    with ProxyWriter(tmp_path / "p.mov", 1768, 994) as writer:
        for moment, image in frames:
            writer.write(image, moment)
    with ProxyVideo.open(tmp_path / "p.mov") as proxy:
        assert (proxy.width, proxy.height) == (854, 480)
        for moment, image in frames[::-3]:
            small = cv2.resize(image, (854, 480), interpolation=cv2.INTER_AREA)
            assert cv2.PSNR(proxy.frame_at(moment), small) > 32


def test_any_moment_within_five_milliseconds(clips: dict[str, Path], tmp_path: Path):
    image = next(frames_of(clips["walk"], (1920, 1080)))[1]
    with ProxyWriter(tmp_path / "p.mov", 1920, 1080) as writer:
        for number in range(30):
            writer.write(image, number / 30)
    spent = []
    with ProxyVideo.open(tmp_path / "p.mov") as proxy:
        for moment in np.random.default_rng(0).uniform(0, 1, 30):
            start = time.thread_time()  # what it costs, not what else the machine does
            proxy.frame_at(float(moment))
            spent.append(time.thread_time() - start)
    assert np.median(spent) < 0.005


def test_memory_stays_flat_while_writing(tmp_path: Path):
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    noise = np.random.default_rng(0).integers(0, 255, (480, 854, 3), np.uint8)
    with ProxyWriter(tmp_path / "p.mov", 854, 480) as writer:
        for number in range(40):
            writer.write(noise, number / 30)
        before = resident()
        for number in range(40, 240):
            writer.write(noise, number / 30)
        grown = resident() - before
    assert (tmp_path / "p.mov").stat().st_size > 30e6
    assert grown < 8e6


@pytest.mark.parametrize(("fps", "kept"), [(24, 24), (30, 30), (50, 25), (60, 30), (120, 40)])
def test_no_more_frames_than_a_screen_shows(fps: int, kept: int, tmp_path: Path):
    path = written(tmp_path / "p.mov", [number / fps for number in range(2 * fps)])
    with ProxyVideo.open(path) as proxy:
        assert len(proxy.times) == pytest.approx(2 * kept, abs=1)


@given(width=st.integers(1, 8000), height=st.integers(1, 8000))
def test_display_size(width: int, height: int):
    shown = proxy_size(width, height)
    assert shown[0] % 2 == shown[1] % 2 == 0
    assert shown[0] * shown[1] <= MAX_AREA * 1.02 or min(shown) == 2
    if min(width, height) > 50 and max(width, height) < 4 * min(width, height):
        assert shown[0] / shown[1] == pytest.approx(width / height, rel=0.06)


def test_a_picture_once_given_outlives_the_file(tmp_path: Path):
    proxy = ProxyVideo.open(written(tmp_path / "p.mov", [0, 0.1, 0.2]))
    image = proxy.frame_at(0.1)
    assert proxy.frame_at(0.12) is image
    proxy.close()
    assert number_of(image) == 1
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0] = 0


@pytest.mark.parametrize("moment", [float("nan"), float("inf")])
def test_a_time_that_is_none(moment: float, tmp_path: Path):
    with ProxyVideo.open(written(tmp_path / "p.mov", [0, 0.1])) as proxy, pytest.raises(InvalidDataError):
        proxy.frame_at(moment)


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.unlink(),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"not a video"),
        lambda p: p.write_bytes(p.read_bytes()[:-200]),
        lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    ],
    ids=["missing", "empty", "text", "no-end", "half"],
)
def test_a_damaged_file_is_one_line_with_the_next_step(damage, tmp_path: Path):
    path = written(tmp_path / "p.mov", [0, 0.1, 0.2])
    damage(path)
    with pytest.raises(ReferenceFileError, match="posesync prepare"):
        ProxyVideo.open(path)


def test_a_damaged_frame_is_said_when_it_is_asked_for(tmp_path: Path):
    path = written(tmp_path / "p.mov", [0, 0.1, 0.2])
    with ProxyVideo.open(path) as proxy:
        start, size = proxy._spans[1]
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    with ProxyVideo.open(path) as proxy:
        assert number_of(proxy.frame_at(0.2)) == 2
        with pytest.raises(ReferenceFileError, match="frame 1"):
            proxy.frame_at(0.1)


def test_an_interrupted_write_leaves_nothing(tmp_path: Path):
    def interrupted() -> None:
        with ProxyWriter(tmp_path / "p.mov", *SIZE) as writer:
            writer.write(card(0), 0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path: Path):
    with pytest.raises(OutputError, match="does not exist"):
        ProxyWriter(tmp_path / "missing" / "p.mov", *SIZE)


@pytest.mark.parametrize("limit", [3_000, 100_000])
def test_a_full_disk_leaves_nothing(limit: int, tmp_path: Path):
    # A file size limit fails the same writes, at the end (a small file is written on close) or on the way.
    with small_files(limit), pytest.raises(OutputError, match="cannot write"):
        written(tmp_path / "p.mov", [number / 30 for number in range(60)])
    assert list(tmp_path.iterdir()) == []
