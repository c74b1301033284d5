"""A server in a folder of downloads."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from downloads import PROGRAM, imported, plant
from serving import serve


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
@pytest.mark.skipif(PROGRAM is None, reason="the program is not installed")
def test_a_server_imports_nothing_from_its_folder(expert_clip: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    downloads = plant(tmp_path / "downloads")
    shutil.copy(expert_clip, downloads / "a.mp4")
    options = ["--port", "0", "--detector", "keypoints", "--reference", "a.mp4"]
    with serve(options, data=tmp_path / "data", program=[PROGRAM], folder=downloads) as server:
        server.ready_expert(server.sign_in())
    assert imported(downloads) == []
