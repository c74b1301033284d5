"""Fixtures that every room shares: the real clips and the real models."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

import _rooms  # noqa: E402
import fetch_clips  # noqa: E402
from clips import retime  # noqa: E402
from limits import CHROMIUM, NO_CHROMIUM  # noqa: E402

# How long one example takes says how busy the machine is, not whether the code is right.
# CI draws the same examples on every run: what a new one shows is found while working, not while landing.
hypothesis.settings.register_profile(
    "posesync", deadline=None, derandomize="POSESYNC_SAME_EXAMPLES" in os.environ
)
hypothesis.settings.load_profile("posesync")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked ``browser`` where there is none; from one place, for pytest then says it once."""
    if CHROMIUM is None and item.get_closest_marker("browser") is not None:
        pytest.skip(NO_CHROMIUM)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Fetch the clips before there are workers, each of which would fetch them."""
    with suppress(subprocess.CalledProcessError, OSError):  # which the tests that need them will say
        _fetch()


@pytest.fixture(scope="session")
def clips() -> dict[str, Path]:
    """The real clips by name: walk, cam01 … cam04. Fetched once, into .cache/clips or POSESYNC_TEST_CLIPS."""
    return _fetch()


def _fetch() -> dict[str, Path]:
    return fetch_clips.fetch(Path(os.environ.get("POSESYNC_TEST_CLIPS", ROOT / ".cache" / "clips")))


@pytest.fixture(scope="session")
def model_dir() -> Path | None:
    """The folder with the real YOLOv5n and Thunder, or None where there is none."""
    named = os.environ.get("POSESYNC_MODEL_DIR")
    folder = Path(named) if named else ROOT.parent / "shared" / "models"
    return folder if (folder / "yolov5n.onnx").is_file() else None


@pytest.fixture(scope="session", autouse=True)
def _isolated(model_dir: Path | None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test touches the user's caches, a hub, a screen or a sound card."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["POSESYNC_OFFLINE"] = "1"
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    if model_dir is not None:
        os.environ["POSESYNC_MODEL_DIR"] = str(model_dir)


@pytest.fixture(scope="session")
def detector(model_dir: Path | None) -> str:
    """``yolov5`` where its weights are at hand, else ``keypoints``."""
    return "yolov5" if model_dir is not None else "keypoints"


@pytest.fixture(scope="session")
def watched(
    clips: dict[str, Path], model_dir: Path | None, _isolated: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, _rooms.Clip]:
    """The acrobat, small, between two seconds of empty room; a smaller person stands by all the time."""
    if model_dir is None:
        pytest.skip("YOLOv5n is not on this machine")
    folder = tmp_path_factory.mktemp("watched")
    retime(clips["cam01"], folder / "alone.mp4", lambda t: t, duration=1.6, size=(360, 640))
    clip = _rooms.read_clip(folder / "alone.mp4")
    spectator = _rooms.spectator_of(clips["walk"])
    return _rooms.write_video(clip, folder / "watched.mp4", spectator, always=True), clip


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    """A command sets up logging for its whole process; the next test starts as a fresh process would."""
    logger = logging.getLogger("posesync")
    before = list(logger.handlers), logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])
