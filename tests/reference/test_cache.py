"""The cache: one maker at a time, one display copy, a limit, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from posesync.pose.settings import PoseSettings
from posesync.reference import cache, prepare
from posesync.reference.prepare import PROXY_FILE, prepare_reference

DIGEST = "0123456789abcdef" * 2
HOLDS = """
import sys, time
from pathlib import Path
from posesync.reference import cache
path = Path(sys.argv[1])
if sys.argv[2] == "use":
    cache.use(path)
    print("here", flush=True)
    time.sleep(600)
with cache.entry_lock(path):
    path.with_name(f".{path.name}.xyz.part").mkdir()
    print("here", flush=True)
    time.sleep(600)
"""


def entry(place: Path, name: str, size: int, age: float) -> Path:
    """An entry of ``size`` bytes that was last used ``age`` s ago."""
    folder = place / "references" / f"{name * 32}-{'0' * 16}"
    folder.mkdir(parents=True)
    (folder / "proxy.mov").write_bytes(b"x" * size)
    os.utime(folder, (time.time() - age,) * 2)
    return folder


def hold(path: Path, how: str) -> subprocess.Popen[str]:
    """Another process that uses an entry, or is just making it."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS, path, how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


def test_four_who_want_one_video_do_the_work_once(
    clips: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    run = prepare._run

    def count(*given: object, **named: object) -> object:
        made.append(given)
        return run(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(prepare, "_run", count)
    settings = PoseSettings(detector="keypoints")

    def one(_: int) -> bool:
        with prepare_reference(clips["walk"], settings=settings, cache_dir=tmp_path) as prepared:
            return prepared.cached

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [False, True, True, True]
    assert len(made) == 1
    cache.sweep(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".part", ".lock")]


def test_settings_of_one_video_share_the_display_copy(clips: dict[str, Path], tmp_path: Path) -> None:
    inodes = set()
    for patience in (1.0, 2.0):
        settings = PoseSettings(detector="keypoints", patience=patience)
        with prepare_reference(clips["walk"], settings=settings, cache_dir=tmp_path) as prepared:
            assert prepared.proxy.frame_at(1.0).any()
            inodes.add((prepared.folder / PROXY_FILE).stat().st_ino)
    assert len(list(tmp_path.glob(f"*/{PROXY_FILE}"))) == 2
    assert len(inodes) == 1


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    old, middle, new = (
        entry(tmp_path, name, 1000, age) for name, age in (("a", 300), ("b", 200), ("c", 100))
    )
    cache.tidy(3000, tmp_path)
    assert all(path.exists() for path in (old, middle, new))
    cache.tidy(2500, tmp_path)
    assert [path.exists() for path in (old, middle, new)] == [False, True, True]
    cache.use(middle)
    assert [found.path for found in cache.entries(tmp_path)] == [new, middle]


def test_a_display_copy_that_is_shared_counts_once(tmp_path: Path) -> None:
    one, two = entry(tmp_path, "a", 1000, 20), entry(tmp_path, "b", 1000, 10)
    (two / "proxy.mov").unlink()
    os.link(one / "proxy.mov", two / "proxy.mov")
    assert sum(found.size for found in cache.entries(tmp_path)) == 1000


@pytest.mark.parametrize("how", ["use", "make"])
def test_what_another_process_holds_stays_until_it_ends(how: str, tmp_path: Path) -> None:
    path = entry(tmp_path, "a", 1000, 300)
    other = hold(path, how)
    try:
        (found,) = cache.entries(tmp_path)
        assert found.busy is (how == "use")
        cache.tidy(0, tmp_path)
        assert path.exists()
        assert bool(list(path.parent.glob(".*.part"))) is (how == "make")
    finally:
        os.kill(other.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        other.communicate()
    cache.tidy(0, tmp_path)
    assert [left for left in (tmp_path / "references").rglob("*") if left.is_file() or left.suffix] == []
    assert not path.exists()


def test_many_replacements_leave_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / f"{DIGEST}-0"

    def replace(number: int) -> None:
        with cache.entry_lock(folder), prepare._new_folder(folder) as part:
            (part / "number").write_text(str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(replace, range(200)))
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_remains_of_no_entry_go_after_a_day(tmp_path: Path) -> None:
    new, old = tmp_path / ".videos.json.1.part", tmp_path / ".videos.json.2.part"
    for left in (new, old):
        left.touch()
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    cache.sweep(tmp_path)
    assert (new.exists(), old.exists()) == (True, False)
