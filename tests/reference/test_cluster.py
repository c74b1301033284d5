"""A library on a real Dask scheduler with two worker processes, of which one is killed half-way."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import PerformanceCurve, retime
from posesync.pose.errors import ConfigError
from posesync.pose.settings import PoseSettings
from posesync.reference import Reference, cluster
from posesync.reference.cluster import prepare_on_cluster
from posesync.reference.library import Outcome, State, prepare_library

QUICK = PoseSettings(detector="keypoints")
distributed = pytest.importorskip(
    "distributed", reason="Dask distributed, the extra [cluster], is not installed"
)


@pytest.fixture(scope="module")
def videos(short_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four short takes and a file that is not a video."""
    folder = tmp_path_factory.mktemp("library")
    for i in range(4):
        curve = PerformanceCurve((0, 1.0), (0.1 * i, 0.1 * i + 1.0))
        retime(short_clip, folder / f"take{i}.mp4", curve, duration=1.0, size=(180, 320))
    (folder / "bad.mp4").write_text("no video")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def local(videos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """The same, prepared without a cluster."""
    return prepare_library(videos, settings=QUICK, cache_dir=tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Any]:
    """A scheduler and two workers, each a process, which come back when they are killed."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    ) as made:
        yield made


def written(cache: Path) -> dict[str, tuple[int, int]]:
    """Folder → which file its sequence is: another one, were it prepared again."""
    files = cache.glob("*/reference.npz")
    return {path.parent.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_worker_loses_nothing_and_nothing_is_done_twice(
    videos: list[Path], local: list[Outcome], scheduler: Any, tmp_path: Path
) -> None:
    finished: dict[str, tuple[int, int]] = {}
    killed: list[int] = []

    def done(outcome: Outcome) -> None:
        if outcome.state is State.PREPARED and len(written(tmp_path)) >= 2 and not killed:
            finished.update(written(tmp_path))
            killed.append(scheduler.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    outcomes = prepare_on_cluster(
        videos, scheduler.scheduler_address, settings=QUICK, cache_dir=tmp_path, done=done
    )
    assert killed
    assert 2 <= len(finished) < 4, "half-way"
    assert [outcome.path for outcome in outcomes] == videos
    for ours, theirs in zip(local, outcomes, strict=True):
        assert (ours.state is State.FAILED) == (theirs.state is State.FAILED)
        if ours.folder is None or theirs.folder is None:
            assert ours.detail == theirs.detail
            continue
        assert ours.folder.name == theirs.folder.name
        a, b = (Reference.load(folder / "reference.npz") for folder in (ours.folder, theirs.folder))
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
        np.testing.assert_array_equal(a.times, b.times)
    after = written(tmp_path)
    assert len(after) == 4
    assert {name: after[name] for name in finished} == finished, "what was done is not done again"


def test_second_run_finds_everything_done(videos: list[Path], local: list[Outcome], scheduler: Any) -> None:
    cache = next(outcome.folder for outcome in local if outcome.folder is not None).parent
    before = written(cache)
    outcomes = prepare_on_cluster(videos, scheduler.scheduler_address, settings=QUICK, cache_dir=cache)
    assert {outcome.state for outcome in outcomes if outcome.path.stem != "bad"} == {State.KEPT}
    assert written(cache) == before


def test_result_that_cannot_be_seen_from_here_is_a_failure(tmp_path: Path) -> None:
    class Future:
        status = "finished"

        def result(self) -> Outcome:
            return Outcome(Path("a.mp4"), State.PREPARED, folder=tmp_path / "elsewhere")

    outcome = cluster._outcome(Future(), Path("a.mp4"))
    assert outcome.state is State.FAILED
    assert "not seen from here" in outcome.detail


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no address", "ftp://x:1"])
def test_no_scheduler_is_one_line(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 0.5)
    with pytest.raises(ConfigError, match="no Dask scheduler at") as caught:
        prepare_on_cluster([tmp_path / "a.mp4"], address, cache_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_no_worker_and_another_version_are_reported(
    scheduler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WORKER_TIMEOUT", 0.3)
    with (
        distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=":0") as empty,
        pytest.raises(ConfigError, match="has no worker"),
    ):
        prepare_on_cluster([tmp_path / "a.mp4"], empty.scheduler_address, cache_dir=tmp_path)
    monkeypatch.setattr(cluster.metadata, "version", lambda _: "99")
    with pytest.raises(ConfigError, match=r"has PoseSync .*expected 99"):
        prepare_on_cluster([tmp_path / "a.mp4"], scheduler.scheduler_address, cache_dir=tmp_path)


def test_without_dask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"posesync\[cluster\]"):
        prepare_on_cluster([tmp_path / "a.mp4"], "tcp://127.0.0.1:9", cache_dir=tmp_path)
