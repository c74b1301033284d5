"""A recording truncated anywhere is cut after its last complete picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from posesync.pose.fragments import repair
from posesync.pose.writer import VideoWriter


def decoded(path: Path) -> int:
    """Pictures that decode; an error in decoding is an error."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture(scope="module")
def fragments(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """150 pictures in fragments, as they lie on the disk while a session records."""
    folder = tmp_path_factory.mktemp("fragments")
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 255, (200, 320, 3), np.uint8)
    writer = VideoWriter(folder / "v.mp4", 160, 120, 30)
    for number in range(150):
        writer.write(np.ascontiguousarray(noise[number % 80 : number % 80 + 120, number : number + 160]))
    (part,) = folder.glob(".*.part")
    writer._container.mux(writer._stream.encode(None))
    writer._container.close()
    return part.read_bytes()


def test_what_is_complete_is_left_alone(tmp_path: Path, fragments: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(fragments)
    repair(path)
    assert path.read_bytes() == fragments
    assert decoded(path) == 150


def test_wherever_it_breaks_off_all_that_is_left_plays(tmp_path: Path, fragments: bytes) -> None:
    path = tmp_path / "v.mp4"
    last = 0
    for share in (*np.linspace(0.05, 0.999, 25), 1.0):
        path.write_bytes(fragments[: round(share * len(fragments))])
        repair(path)
        count = decoded(path) if path.stat().st_size > 2000 else 0
        assert count >= last
        assert count >= 150 * share - 60, "a fragment that broke off keeps its complete pictures"
        last = count
    assert last == 150


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:5],
        lambda data: b"\x00" * 64,
        lambda data: b"\xff" * 64,
        lambda data: data[:3000] + b"\x00" * 3000,
        lambda data: np.random.default_rng(1).bytes(5000),
    ],
)
def test_garbage_is_cut_and_never_raises(
    damage: Callable[[bytes], bytes], tmp_path: Path, fragments: bytes
) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(damage(fragments))
    before = path.stat().st_size
    repair(path)
    assert path.stat().st_size <= before
