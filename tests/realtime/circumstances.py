"""Problems of a machine, simulated for one command, and a folder of bad files."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import encode, frames_of, truncate
from fakes import FakeCamera
from limits import read_only, small_files
from posesync.pose import camera, model_files
from posesync.reference import Reference

CAMERA_FRAMES = 20
#: A folder for the outputs of one command, and what is changed for its time.
Circumstance = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[object]]


def room_for(limit: int) -> Circumstance:
    """A disk with room for files of ``limit`` bytes."""
    return lambda out, patch: small_files(limit)


def locked(name: str) -> Circumstance:
    """A folder that may not be written to."""
    return lambda out, patch: read_only(out / name)


@contextmanager
def new_cache(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing was prepared or fetched yet."""
    with patch.context() as here:
        here.setenv("XDG_CACHE_HOME", str(out / "cache"))
        here.delenv(model_files.MODEL_DIR_VARIABLE, raising=False)
        yield


@contextmanager
def locked_cache(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with new_cache(out, patch), read_only(out / "cache"):
        yield


@contextmanager
def full_cache(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with new_cache(out, patch), small_files(200_000):
        yield


def own_model(name: str, content: Callable[[], bytes]) -> Circumstance:
    """A file in the folder that POSESYNC_MODEL_DIR names."""

    @contextmanager
    def given(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
        (out / "models").mkdir()
        (out / "models" / name).write_bytes(content())
        with patch.context() as here:
            here.setenv(model_files.MODEL_DIR_VARIABLE, str(out / "models"))
            yield

    return given


@contextmanager
def spoilt_model(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fetched model whose checksum is not what it should be."""
    with new_cache(out, patch):
        (out / "cache" / "posesync" / "models").mkdir(parents=True)
        (out / "cache" / "posesync" / "models" / "yolov5n.onnx").write_bytes(b"half a model")
        yield


@contextmanager
def no_hub(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """No model but the embedded one, and nobody listens where the others are fetched from."""
    nowhere = "http://127.0.0.1:9/yolov5n.onnx"
    known = {name: replace(info, url=nowhere) for name, info in model_files.known_models().items()}
    with new_cache(out, patch), patch.context() as here:
        here.delenv(model_files.OFFLINE_VARIABLE)
        here.setenv("NO_PROXY", "127.0.0.1")
        here.setattr(model_files, "known_models", lambda: known)
        model_files._hub_problem.cache_clear()
        yield
    model_files._hub_problem.cache_clear()


@contextmanager
def no_onnxruntime(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with patch.context() as here:
        here.setitem(sys.modules, "onnxruntime", None)
        yield


@contextmanager
def no_screen(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with patch.context() as here:
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
            here.delenv(name, raising=False)
        yield


@contextmanager
def no_sound(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A window, and a sound system that cannot be reached."""
    with patch.context() as here:
        here.setenv("SDL_VIDEODRIVER", "dummy")
        here.setenv("SDL_AUDIODRIVER", "alsa")
        here.setenv("ALSA_CONFIG_PATH", os.devnull)
        yield


class RealClock:
    """For a software camera that delivers as a real one does."""

    def __call__(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class TwiceLost(FakeCamera):
    """It comes back after the first time, if at all, and not after the second."""

    def open(self, index: int) -> Any:
        device = super().open(index)
        if self.opened == 2 and self.dies_after is None:
            self.dies_after, self.returns_after = 2 * CAMERA_FRAMES, None
        return device


def camera_lost(returns_after: float | None = None) -> Circumstance:
    """Camera 0 delivers for 0.8 s, then it is gone, for good or for a while."""

    @contextmanager
    def given(out: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
        device = TwiceLost(dies_after=CAMERA_FRAMES, returns_after=returns_after, fps=25, clock=RealClock())  # type: ignore[arg-type]
        (out / "patience.toml").write_text("[camera]\nlost_timeout = 0.4\nretry_interval = 0.1\n")
        with patch.context() as here:
            here.setattr(camera, "open_device", device.open)
            here.setattr(camera, "_READ_GRACE", 0.1)
            yield

    return given


def packaged_model() -> bytes:
    return (model_files.PACKAGED / "movenet_lightning.onnx").read_bytes()


# -- bad files -----------------------------------------------------------------------------------------------


def make_bad_files(folder: Path, expert_clip: Path, reference: Reference) -> None:
    """One of every kind of bad file, made from the expert's clip and its sequence."""
    (folder / "folder").mkdir()
    truncate(expert_clip, folder / "broken.mp4", 0.6)
    (folder / "text.mp4").write_text("this is no video")
    (folder / "empty.mp4").write_bytes(b"")
    grey = np.full((120, 160, 3), 128, np.uint8)
    encode(folder / "nobody.mp4", ((k / 10, grey) for k in range(20)), fps=10)
    short = [item for item in frames_of(expert_clip) if item[0] < 0.7]
    encode(folder / "short.mp4", short, fps=30)
    truncate(folder / "short.mp4", folder / "cut.mp4", 0.001)
    _without_index(folder / "short.mp4", folder / "unfinished.mp4")
    encode(folder / "zero.mp4", short[:3], fps=30)
    _without_pictures(folder / "zero.mp4")
    reference.save(folder / "whole.npz")
    truncate(folder / "whole.npz", folder / "half.npz", 0.5)
    (folder / "corrupt.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("posesync.reference.storage.SCHEMA", 99)
        reference.save(folder / "newer.npz")
    (folder / "small.toml").write_text("[display]\nheight = 360\n")
    (folder / "key.toml").write_text("[camera]\nlost_timout = 3\n")
    (folder / "type.toml").write_text('[camera]\nlost_timeout = "3 s"\n')
    (folder / "syntax.toml").write_text("[camera\n")


def _without_index(source: Path, target: Path) -> None:
    """As a camera leaves a recording that it could not finish: the pictures, but not where they are."""
    data = source.read_bytes()
    start = data.find(b"moov") - 4
    length = int.from_bytes(data[start : start + 4], "big")
    target.write_bytes(data[:start] + data[start + length :])


def _without_pictures(path: Path) -> None:
    """A file whose index promises pictures that are not there."""
    data = path.read_bytes()
    start = data.find(b"mdat") + 4
    path.write_bytes(data[:start] + bytes(len(data) - start))
