"""Fixtures for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import retime


@pytest.fixture(scope="session")
def short(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the walk at 640 × 360 and 24 fps, with sound, index first."""
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    retime(clips["walk"], path, lambda t: t, duration=2.0, fps=24, size=(640, 360), audio=True)
    return path
