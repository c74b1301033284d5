"""Identifying a video: read once, remembered until it changes, with a damaged or missing memory, too."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from unittest import mock

import pytest
from posesync.pose.errors import SourceError
from posesync.reference import content
from posesync.reference.content import MEMORY_FILE, MOST, VideoContent

OLD = 1_700_000_000


def video(folder: Path, data: bytes = b"first", *, changed: float = OLD) -> Path:
    path = folder / "expert.mp4"
    path.write_bytes(data)
    os.utime(path, (changed, changed))
    return path


def reads(path: Path, memory: Path) -> tuple[str, int]:
    """The answer, and how often the file was read for it."""
    with mock.patch.object(content, "file_sha256", wraps=content.file_sha256) as reading:
        found = VideoContent.of(path, memory)
        found.remember(memory)
        return found.sha256, reading.call_count


def test_a_video_is_read_once(tmp_path: Path) -> None:
    path, digest = video(tmp_path), hashlib.sha256(b"first").hexdigest()
    assert reads(path, tmp_path) == (digest, 1)
    assert reads(path, tmp_path) == (digest, 0)


@pytest.mark.parametrize(("data", "changed"), [(b"longer", OLD), (b"other", OLD + 1)])
def test_a_changed_video_is_read_again(data: bytes, changed: float, tmp_path: Path) -> None:
    reads(video(tmp_path), tmp_path)
    answer = reads(video(tmp_path, data, changed=changed), tmp_path)
    assert answer == (hashlib.sha256(data).hexdigest(), 1)


def test_a_video_changed_just_now_is_not_taken_for_settled(tmp_path: Path) -> None:
    path = tmp_path / "expert.mp4"
    path.write_bytes(b"still being copied")
    reads(path, tmp_path)
    assert not (tmp_path / MEMORY_FILE).exists()


@pytest.mark.parametrize(
    "spoilt",
    [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"VIDEO": [5, 1700000000000000000, "../x"]}'],
)
def test_a_spoilt_memory_is_no_memory(spoilt: bytes, tmp_path: Path) -> None:
    path = video(tmp_path)
    (tmp_path / MEMORY_FILE).write_bytes(spoilt.replace(b"VIDEO", str(path).encode()))
    assert reads(path, tmp_path) == (hashlib.sha256(b"first").hexdigest(), 1)


def test_a_memory_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert reads(video(tmp_path), tmp_path / "file") == (hashlib.sha256(b"first").hexdigest(), 1)


def test_the_memory_stays_small(tmp_path: Path) -> None:
    many = {f"/{number}.mp4": [1, 2, "0" * 64] for number in range(MOST + 50)}
    (tmp_path / MEMORY_FILE).write_text(json.dumps(many))
    path = video(tmp_path)
    reads(path, tmp_path)
    kept = json.loads((tmp_path / MEMORY_FILE).read_text())
    assert len(kept) == MOST
    assert str(path.resolve()) in kept
    assert "/0.mp4" not in kept


def test_no_video_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        VideoContent.of(tmp_path / "none.mp4", tmp_path)
    with pytest.raises(SourceError, match="is not a file"):
        VideoContent.of(tmp_path, tmp_path)
