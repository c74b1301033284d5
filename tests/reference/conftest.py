"""The real clips as keypoints, estimated once for every test of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import PerformanceCurve, retime
from posesync.pose.settings import PoseSettings
from posesync.reference import Reference, prepare_reference


@pytest.fixture(scope="session")
def sequences(clips: dict[str, Path], detector: str, _isolated: None):
    """name → Reference of a real clip, prepared with the real models on first use by any test of any room."""

    def sequence(name: str) -> Reference:
        with prepare_reference(clips[name], settings=PoseSettings(detector=detector)) as prepared:
            return prepared.reference

    return sequence


@pytest.fixture(scope="session")
def short_clip(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The acrobat, small: 1.6 s at 25 fps, 270 × 480 px; quick to prepare."""
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    retime(clips["cam01"], path, PerformanceCurve((0, 1.6), (0, 1.6)), duration=1.6, size=(270, 480))
    return path
