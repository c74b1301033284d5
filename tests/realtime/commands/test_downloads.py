"""Commands in a folder of downloads: nothing there is imported, by them or by their processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from downloads import PROGRAM, imported, plant


@pytest.mark.skipif(PROGRAM is None, reason="the program is not installed")
def test_preparing_videos_imports_nothing_from_their_folder(expert_clip: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    downloads = plant(tmp_path / "downloads")
    content = expert_clip.read_bytes()
    (downloads / "a.mp4").write_bytes(content)
    (downloads / "b.mp4").write_bytes(content + b"\0\0\0\x08free")
    done = subprocess.run(
        [PROGRAM, "prepare", "--detector", "keypoints", "--force", "a.mp4", "b.mp4"],
        cwd=downloads,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert imported(downloads) == []
    assert "2 videos: 2 prepared" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("path", "found"), [("", False), (os.pathsep, False), ("{here}", True)], ids=["none", "empty", "named"]
)
def test_what_starts_as_a_module_forgets_the_current_folder(path: str, found: bool, tmp_path: Path) -> None:
    """``python -c`` and ``python -m`` look there first; whoever names it in PYTHONPATH wants it."""
    downloads = plant(tmp_path / "downloads", ["typer"])
    done = subprocess.run(
        [sys.executable, "-c", "from posesync.realtime.commands import cli; cli.main()", "config"],
        cwd=downloads,
        env={**os.environ, "PYTHONPATH": path.format(here=downloads)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (imported(downloads) != []) is found, done.stderr
