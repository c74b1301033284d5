from __future__ import annotations

import logging
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import encode, frames_of, truncate
from limits import read_only, small_files
from posesync.pose.errors import OutputError, ReferenceFileError, SourceError
from posesync.pose.settings import PoseSettings
from posesync.reference import PreparedReference, Progress, prepare_reference
from posesync.reference.content import MEMORY_FILE

QUICK = PoseSettings(detector="keypoints")


def prepare(video: Path, cache: Path, **options) -> PreparedReference:
    with prepare_reference(video, **{"settings": QUICK, "cache_dir": cache, **options}) as prepared:
        return prepared


def entries(cache: Path) -> list[Path]:
    """Everything in the cache but the memory of which video is which."""
    return [path for path in sorted(cache.rglob("*")) if path.name != MEMORY_FILE]


@pytest.fixture(scope="module")
def prepared_once(short_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("prepared")
    prepare(short_clip, cache)
    return cache


@pytest.fixture
def cache(prepared_once: Path, tmp_path: Path) -> Path:
    """A cache in which the short clip is prepared; each test has its own."""
    return Path(shutil.copytree(prepared_once, tmp_path / "cache"))


def test_the_walk_becomes_a_sequence(sequences):
    reference = sequences("walk")
    # Every frame is a sample; the walker is not in the first frames of the clip.
    assert len(reference) == 230
    assert reference.duration == pytest.approx(229 / 30, abs=0.01)
    assert reference.seen.mean() > 0.85
    assert (reference.origin.file, reference.origin.width, reference.origin.height) == ("walk.mp4", 1768, 994)
    assert "sha256:" in reference.origin.models["pose"]


def test_reference_and_proxy_speak_of_the_same_moments(short_clip: Path, cache: Path):
    with prepare_reference(short_clip, settings=QUICK, cache_dir=cache) as prepared:
        assert np.abs(prepared.proxy.times - prepared.reference.times).max() < 1e-4
        shown = prepared.proxy.frame_at(1.0)
    source = {round(moment, 3): image for moment, image in frames_of(short_clip)}
    assert np.abs(shown.astype(int) - source[1.0]).mean() < 6


def test_the_second_run_is_instant_and_says_so(short_clip: Path, cache: Path, tmp_path: Path):
    renamed = Path(shutil.copy(short_clip, tmp_path / "renamed.mp4"))
    calls: list[Progress] = []
    start = time.perf_counter()
    again = prepare(renamed, cache, progress=calls.append)
    assert time.perf_counter() - start < 1.0
    assert again.cached
    assert calls == []
    assert len(again.reference) == 40


def test_the_default_cache_is_the_user_s(short_clip: Path, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path in prepare(short_clip, None).folder.parents  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "cached"),
    [
        (replace(QUICK, threads=2), True),
        (replace(QUICK, patience=3.0), False),
        (replace(QUICK, every="auto"), False),
    ],
)
def test_only_settings_that_matter_count(settings: PoseSettings, cached: bool, short_clip: Path, cache: Path):
    assert prepare(short_clip, cache, settings=settings).cached is cached


def test_another_video_of_the_same_name_is_another(short_clip: Path, cache: Path, tmp_path: Path):
    frames = [(moment, image[:, ::-1].copy()) for moment, image in frames_of(short_clip)]
    other = encode(tmp_path / short_clip.name, frames)
    assert not prepare(other, cache).cached


def test_a_newer_format_is_prepared_again(short_clip: Path, cache: Path, monkeypatch):
    monkeypatch.setattr("posesync.reference.prepare.PREPARE_VERSION", 99)
    assert not prepare(short_clip, cache).cached


def test_force(short_clip: Path, cache: Path):
    assert not prepare(short_clip, cache, force=True).cached
    assert prepare(short_clip, cache).cached
    assert len([path for path in entries(cache) if path.is_dir()]) == 1


@pytest.mark.parametrize(
    ("name", "damage"),
    [("reference.npz", lambda p: p.write_bytes(p.read_bytes()[:900])), ("proxy.mov", Path.unlink)],
)
def test_a_damaged_cache_is_prepared_again(name: str, damage, short_clip: Path, cache: Path, caplog):
    damage(entries(cache)[0] / name)
    with caplog.at_level(logging.WARNING):
        assert not prepare(short_clip, cache).cached
    assert "preparing it now" in caplog.text
    assert prepare(short_clip, cache).cached


def test_progress(short_clip: Path, tmp_path: Path):
    calls: list[Progress] = []
    prepare(short_clip, tmp_path, progress=calls.append)
    assert [call.frames for call in calls] == [*sorted({call.frames for call in calls[:-1]}), 40]
    assert all(call.total == 40 and call.fps > 0 and call.remaining >= 0 for call in calls)
    assert (calls[-1].frames, calls[-1].remaining) == (40, 0)


def test_a_truncated_video_is_used_up_to_the_break(
    clips: dict[str, Path], short_clip: Path, tmp_path: Path, caplog
):
    broken = truncate(short_clip, tmp_path / "broken.mp4", 0.8)
    prepared = prepare(broken, tmp_path / "cache")
    reached = prepared.reference.duration
    assert 1.0 < reached < 1.5
    assert "breaks off" in str(prepared.reference.origin.warning)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert prepare(broken, tmp_path / "cache").cached
    assert "breaks off" in caplog.text


def still(path: Path, seconds: float, color: int = 90) -> Path:
    image = np.full((240, 320, 3), color, np.uint8)
    image[60:180, 100:220] = np.random.default_rng(0).integers(0, 255, (120, 120, 3), np.uint8)
    return encode(path, ((n / 10, image) for n in range(round(seconds * 10))), fps=10)


def short(path: Path, source: Path) -> Path:
    return encode(path, [(moment, image) for moment, image in frames_of(source) if moment < 0.9], fps=25)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda p, clip: still(p, 2.0), ReferenceFileError, "shows no person, expected at least 0.5 s"),
        (short, ReferenceFileError, "0.92 s long, expected at least 1 s"),
        (lambda p, clip: p, SourceError, "does not exist"),
        (lambda p, clip: p.mkdir(), SourceError, "not a file"),
        (lambda p, clip: p.write_text("hello"), SourceError, "not a video"),
        (lambda p, clip: p.write_bytes(b""), SourceError, "empty"),
    ],
    ids=["nobody", "short", "missing", "folder", "text", "empty"],
)
def test_bad_experts(make, error: type[Exception], said: str, short_clip: Path, tmp_path: Path):
    path = tmp_path / "bad.mp4"
    make(path, short_clip)
    with pytest.raises(error, match=said) as caught:
        prepare(path, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists() or entries(tmp_path / "cache") == []


def test_ctrl_c_leaves_nothing(short_clip: Path, cache: Path):
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    before = {path: path.stat().st_mtime_ns for path in entries(cache)}
    with pytest.raises(KeyboardInterrupt):
        prepare(short_clip, cache, force=True, progress=interrupt)
    assert {path: path.stat().st_mtime_ns for path in entries(cache)} == before
    assert prepare(short_clip, cache).cached


def test_a_full_disk_leaves_nothing(short_clip: Path, tmp_path: Path):
    with small_files(200_000), pytest.raises(OutputError, match="cannot write"):
        prepare(short_clip, tmp_path / "cache")
    assert entries(tmp_path / "cache") == []


def test_a_cache_that_is_a_file(short_clip: Path, tmp_path: Path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        prepare(short_clip, tmp_path / "cache")


def test_a_cache_that_is_read_only(short_clip: Path, tmp_path: Path):
    with read_only(tmp_path / "cache") as cache, pytest.raises(OutputError, match="not writable"):
        prepare(short_clip, cache)


def test_what_a_killed_run_left_is_swept_away(short_clip: Path, cache: Path):
    for name, age in ((".old.part", 2 * 24 * 3600), (".running.part", 60)):
        (cache / name).mkdir()
        os.utime(cache / name, (time.time() - age,) * 2)
    prepare(short_clip, cache, force=True)
    assert sorted(path.name for path in cache.glob(".*")) == [".running.part"]
