"""Makes the tables of :mod:`live`: aims, ratios, then absolute figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from _aims import Aims
from rich.table import Table

FPS_AUTO: Final = 60.0
FPS_FRAME: Final = 45.0
LOOP: Final = 1.35
LATENCY_MS: Final = 30.0
MEDIAPIPE: Final = 0.75
LATENCY_1080_MS: Final = 50.0
GROWTH_MB: Final = 2.0
DROPPED: Final = 0.001
STARTUP_S: Final = 2.0
PEAK_MB: Final = 450.0


def aims(found: Mapping[str, Any]) -> Aims:
    """Return the aims of issue 4 with the measurements, as far as they were run."""
    asked = Aims(4)
    ratios, sessions = found.get("ratios", {}), found.get("sessions", {})
    asked.add("whole loop / (YOLO + MoveNet bare), wall", LOOP, ratios.get("loop_to_bare"))
    asked.add("CPU per frame / MediaPipe's (auto, no drawing)", MEDIAPIPE, ratios.get("cpu_to_mediapipe"))
    asked.add("drawing / pose, CPU", 1.0, ratios.get("draw_to_pose"))
    for every, limit in (("auto", FPS_AUTO), ("frame", FPS_FRAME)):
        asked.add(
            f"fps, drawing, every {every}", limit, sessions.get(f"{every} draw", {}).get("fps"), least=True
        )
    paced, hd = found.get("soak 720p30"), found.get("paced 1080p60")
    if paced:
        asked.add("frame in to picture, 720p30, p95 ms", LATENCY_MS, paced["latency_ms"]["p95"])
        asked.add("memory gained after the first minute, MB", GROWTH_MB, paced["growth_mb"])
        asked.add("dropped share at 30 fps", DROPPED, paced["dropped_share"])
        asked.add("drift between clock and log, ms", 40.0, paced["drift_ms"])
    if hd:
        asked.add("frame in to picture, 1080p60, p95 ms", LATENCY_1080_MS, hd["latency_ms"]["p95"])
        asked.add("1080p60: processed frames that were not the newest, share", 0.005, hd["not_newest_share"])
    start = found.get("startup")
    if start:
        asked.add("ten-minute 1080p expert: s to the first picture", STARTUP_S, start["first_picture_s"])
        asked.add("ten-minute 1080p expert: peak MB", PEAK_MB, start["peak_mb"])
    return asked


def ratios_table(ratios: Mapping[str, float]) -> Table:
    """Return the table of ratios, which hold on other machines too."""
    table = Table("ratio", "", title="Ratios, medians of interleaved rounds")
    for name, value in ratios.items():
        table.add_row(name.replace("_", " "), f"{value:.2f}")
    return table


def stages_table(stages: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Each stage on one thread, both ways of detecting side by side."""
    table = Table(
        "stage", title="Stages, one after the other on one thread, ms (smoothing: none, see tracker)"
    )
    for every in stages:
        for column in ("p50", "p95", "CPU"):
            table.add_column(f"{every} {column}", justify="right")
    for stage in next(iter(stages.values())):
        cells = [stages[every][stage][key] for every in stages for key in ("p50_ms", "p95_ms", "cpu_ms")]
        table.add_row(stage, *(f"{value:.2f}" for value in cells))
    sums = [sum(row[key] for row in stages[e].values()) if key == "cpu_ms" else None for e in stages
            for key in ("p50_ms", "p95_ms", "cpu_ms")]  # fmt: skip
    table.add_row("sum", *("" if value is None else f"{value:.2f}" for value in sums))
    return table


def sessions_table(sessions: Mapping[str, Mapping[str, Any]]) -> Table:
    """Whole sessions over the file."""
    table = Table("session", "fps", "CPU ms a frame", "latency p50", "p95", title="Whole sessions, 720p file")
    for name, row in sessions.items():
        latency = row["latency_ms"]
        table.add_row(
            name,
            f"{row['fps']:.1f}",
            f"{row['cpu_ms']:.1f}",
            f"{latency['p50']:.1f}",
            f"{latency['p95']:.1f}",
        )
    return table
