"""The demo: live coaching without camera and network, measured against a known truth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from outputs import playable, read_log
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.commands.app import run
from posesync.realtime.commands.demo_performance import SIZE, TempoCurve, tracking_error


def test_the_demo_leaves_a_video_and_says_how_far_off_it_was(
    tmp_path: Path, expert: Expert, detector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "demo.mp4"
    config = tmp_path / "small.toml"
    config.write_text("[display]\nheight = 360\n")
    arguments = ["-o", str(output), "--headless", "--detector", detector, "--config", str(config)]
    assert run("posesync", ["demo", *arguments]) == 0
    said = capsys.readouterr().out
    found = re.search(r"true tracking error: median (\d+) ms, p95 (\d+) ms, over (\d+) %", said)
    assert found, said
    median, p95, coverage = (int(value) for value in found.groups())
    assert median <= 60
    assert p95 <= 200
    assert coverage >= 95
    assert len(playable(output)) == 152
    header, lines, _ = read_log(output.with_suffix(".jsonl"))
    assert (header["camera"]["width"], header["camera"]["height"]) == SIZE
    assert len(lines) == 152


def test_the_tempo_curve_is_what_it_says() -> None:
    curve = TempoCurve.over(4.5)
    assert curve.at(0) == 0
    assert curve.at(curve.duration) == pytest.approx(4.5)
    steps = np.diff([curve.at(t) for t in np.arange(0, curve.duration, 0.01)]) / 0.01
    assert steps.min() == pytest.approx(0.0, abs=1e-6)
    assert steps.max() == pytest.approx(1.4, abs=1e-6)
    assert (steps < 1e-6).sum() == pytest.approx(150, abs=2), "a hold of 1.5 s"


def test_the_error_is_taken_against_the_truth() -> None:
    curve = TempoCurve(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    lines: list[dict[str, object]] = [
        {"t": t, "position": p} for t, p in ((0.0, 0.1), (1.0, 0.5), (2.0, None), (2.0, 0.7))
    ]
    lines.append({"t": 2.1, "position": None, "dropped": True})
    error = tracking_error(lines, curve)
    assert error is not None
    assert error.median == pytest.approx(0.1)
    assert error.coverage == 0.75
    assert tracking_error([{"t": 0.0, "position": None}], curve) is None
