"""Live coaching through the command, on the real clips, against a known truth."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import PerformanceCurve, retime
from outputs import read_log
from posesync.pose.sources import open_source
from posesync.realtime.commands.app import run


def follow(reference: Path, camera: Path, log: Path, detector: str) -> list[dict[str, object]]:
    """The frame lines of a headless session."""
    arguments = ["--reference", str(reference), "--camera", str(camera), "--detector", detector]
    assert run("posesync-live", [*arguments, "--headless", "--log", str(log)]) == 0
    return read_log(log)[1]


def test_the_walk_at_another_pace_size_and_frame_rate(
    tmp_path: Path, clips: dict[str, Path], detector: str
) -> None:
    curve = PerformanceCurve.varied(7.6)
    camera = tmp_path / "performance.mp4"
    truth = retime(clips["walk"], camera, curve, duration=curve.duration, fps=Fraction(24), size=(1280, 720))
    lines = follow(clips["walk"], camera, tmp_path / "s.jsonl", detector)
    assert len(lines) == len(truth)
    placed = [line["position"] is not None for line in lines]
    assert np.mean(placed) >= 0.95
    errors = [
        abs(line["position"] - expected)  # type: ignore[operator]
        for line, expected in zip(lines, truth[:, 1], strict=True)
        if line["state"] == "following"
    ]
    assert len(errors) > 0.6 * len(lines)
    assert np.median(errors) <= 0.060
    assert np.percentile(errors, 95) <= 0.200
    moves = [line["position"] for line in lines if line["position"] is not None and "jumped" not in line]
    back = [b - a for a, b in itertools.pairwise(moves)]  # type: ignore[operator]
    assert np.mean(np.array(back) < -1e-6) <= 0.02, "what is shown runs backwards"


@pytest.mark.parametrize(("expert", "performer"), [("cam01", "cam03"), ("cam02", "cam04")])
def test_the_acrobat_seen_by_another_camera(
    expert: str, performer: str, tmp_path: Path, clips: dict[str, Path], detector: str
) -> None:
    lines = follow(clips[expert], clips[performer], tmp_path / "s.jsonl", detector)
    with open_source(clips[performer]) as source:
        assert len(lines) == sum(1 for _ in source)
    errors = [abs(line["position"] - line["t"]) for line in lines if line["position"] is not None]  # type: ignore[operator]
    assert len(errors) >= 0.8 * len(lines), "not followed"
    assert np.percentile(errors, 95) <= 0.150
