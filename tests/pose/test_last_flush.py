"""A disk that fills while the encoder gives its last pictures: never a success with pictures missing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from limits import small_files
from posesync.pose.errors import OutputError
from posesync.pose.writer import VideoWriter


def pictures_in(path: Path) -> int:
    """How many pictures a file plays; a picture that was cut off does not count."""
    count = 0
    with suppress(av.FFmpegError, OSError), av.open(str(path)) as file:
        for _ in file.decode(video=0):
            count += 1
    return count


@pytest.mark.parametrize("limit", [20_000, 50_000, 80_000, 120_000, 160_000, 200_000, 240_000, 280_000])
def test_a_full_disk_while_the_file_is_closed_is_said(limit: int, tmp_path: Path) -> None:
    """All 30 pictures are still in the encoder when the file is closed."""
    noise, path, said = np.random.default_rng(0), tmp_path / "a.mp4", ""
    writer = VideoWriter(path, 160, 120, 20)
    for _ in range(30):
        writer.write(noise.integers(0, 255, (120, 160, 3), np.uint8))
    with small_files(limit):
        try:
            writer.close()
        except OutputError as error:
            said = str(error)
    kept = pictures_in(path)
    assert "the disk is full" in said or kept == 30, f"{kept} of 30 pictures, and not a word"
