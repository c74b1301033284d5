"""Nothing leaves the machine, and files about the user are readable by the user alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import numpy as np
from posesync.pose.model_files import find_model
from posesync.pose.movenet import MoveNet
from posesync.pose.types import Box
MoveNet(find_model("movenet_lightning")).estimate(np.zeros((96, 96, 3), np.uint8), Box(0, 0, 96, 96))
"""


def test_inference_leaves_no_telemetry_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=60)
    left = [path for path in tmp_path.rglob("*") if "posesync" not in path.parts]
    assert left == []


def test_inference_opens_no_connection(tmp_path: Path) -> None:
    guard = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(refuse)
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", guard + PROGRAM], env=environment, check=True, timeout=60)
