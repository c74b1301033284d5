"""Practice in the browser: the server's round trip, for one session and for several at once.

    python benchmarks/web.py --quick                # 1 min
    python benchmarks/web.py                        # 1 and 4 sessions in turns, 30 s each, twice

A real ``posesync serve``; performers in a process of their own, who speak the practice socket as the page
does: the real walk at a changing pace, 640 px JPEGs at 30 fps by the clock, at most two unanswered. The time
is from the moment a frame was due in the camera to its answer's arrival; what the page adds in front (to get
hold of the picture, shrink and encode it) is in docs/transport.md. All in ``benchmarks/out/web.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from _environment import ROOT
from rich.console import Console
from rich.table import Table

for _name in ("websockets", "psutil", "fastapi", "uvicorn"):
    if find_spec(_name) is None:
        sys.exit(f"{_name} is not installed: pip install 'posesync[web,dev]'")

from _aims import Aims  # noqa: E402
from _fetched import CLIPS, fetched  # noqa: E402
from _web_server import Served, served  # noqa: E402
from clips import PerformanceCurve, frames_of, retime  # noqa: E402

WALK: Final = CLIPS / "walk.mp4"
SIZE: Final = (640, 360)
QUALITY: Final = 80
P50_MS: Final = 40.0
P95_MS: Final = 80.0
ERROR_P50_MS: Final = 80.0
ERROR_P95_MS: Final = 250.0
FAIR: Final = 0.8


def performance(target: Path) -> Path:
    """The walk at a changing pace as JPEGs, with what of the expert each shows (s); through 720p H.264."""
    curve = PerformanceCurve.varied(4.5)
    video = target.with_suffix(".mp4")
    truth = retime(WALK, video, curve, duration=curve.duration, fps=30, size=(1280, 720))
    jpegs = []
    for _, image in frames_of(video):
        small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
        jpegs.append(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].ravel())
    lengths = [len(jpeg) for jpeg in jpegs]
    np.savez(target, bytes=np.concatenate(jpegs), lengths=lengths, truth=truth[:, 1], size=SIZE)
    return target


def turn(frames: Path, count: int, options: argparse.Namespace) -> dict[str, Any]:
    """``count`` sessions at once on a fresh server."""
    with tempfile.TemporaryDirectory() as folder, served(WALK, Path(folder), options.serve) as server:
        idle = server.usage()
        plan = {
            "url": f"ws://{server.host}/ws/practice/{server.expert}",
            "origin": f"http://{server.host}",
            "cookie": server.cookie,
            "frames": str(frames),
            "sessions": count,
            "warm": options.warm,
            "seconds": options.seconds,
            "unanswered": options.unanswered,
        }
        found, before, after = _perform(plan, Path(folder) / "plan.json", server)
        ended = server.usage()
    return figures(found["sessions"], idle, before, after) | {
        "ready_s": server.ready_s,
        "memory_after_mb": ended["memory"],
    }


def _perform(
    plan: dict[str, Any], file: Path, server: Served
) -> tuple[dict[str, Any], dict[str, float], dict[str, float]]:
    """Run the performers; their figures, and the server's usage before and after the window."""
    file.write_text(json.dumps(plan))
    client = [sys.executable, str(Path(__file__).with_name("_web_client.py")), str(file)]
    with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        usages = []
        for word in ("measuring", "measured"):
            if process.stdout.readline().strip() != word:
                process.kill()
                sys.exit("the performers could not perform: see the message above")
            usages.append(server.usage())
        process.stdin.write("\n")
        process.stdin.close()
        return json.loads(process.stdout.readline()), usages[0], usages[1]


def figures(
    sessions: list[dict[str, Any]], idle: dict[str, float], before: dict[str, float], after: dict[str, float]
) -> dict[str, Any]:
    """Return one turn's figures: the worst session's latencies, the rates, and the server's cost."""
    rates = [session["answers_fps"] for session in sessions]
    seconds = after["at"] - before["at"]
    answers, cpu = sum(rates) * seconds, after["cpu"] - before["cpu"]

    def worst(key: str, part: str) -> float | None:
        values = [session[key][part] for session in sessions if session[key][part] is not None]
        return max(values) if values else None

    found: dict[str, Any] = {
        f"{key}_{part}": worst(f"{key}_ms", part)
        for key in ("round_trip", "waited", "worked", "elsewhere", "error")
        for part in ("p50", "p95")
    }
    covered = [session["coverage"] for session in sessions if session["coverage"] is not None]
    return found | {
        "slowest_fps": min(rates),
        "fastest_fps": max(rates),
        "fairness": min(rates) / max(rates) if max(rates) else 0.0,
        "left_out_fps": max(session["left_out_fps"] for session in sessions),
        "longest_gap_ms": max(session["longest_gap_ms"] for session in sessions),
        "coverage": min(covered) if covered else None,
        "welcome_ms": max(session["welcome_ms"] for session in sessions),
        "end_s": max(session["end_s"] for session in sessions),
        "cpu_ms": 1e3 * cpu / answers if answers else None,
        "processors": cpu / seconds,
        "others": max(0.0, after["busy"] - before["busy"] - cpu) / seconds,
        "memory_mb": after["memory"],
        "session_mb": (after["memory"] - idle["memory"]) / len(sessions),
        "load": os.getloadavg()[0],
        "sessions": sessions,
    }


def median(turns: list[dict[str, Any]]) -> dict[str, float | None]:
    """Each figure's median over the turns."""
    row: dict[str, float | None] = {}
    for key in turns[0]:
        if key != "sessions":
            values = [one[key] for one in turns if one[key] is not None]
            row[key] = float(np.median(values)) if values else None
    return row


def aims(rows: dict[int, dict[str, Any]]) -> Aims:
    """Return the aims of issue 7, as far as they were run."""
    found = Aims(7)
    if one := rows.get(1):
        found.add("one session: capture to answer, p50 ms", P50_MS, one["round_trip_p50"])
        found.add("one session: capture to answer, p95 ms", P95_MS, one["round_trip_p95"])
    for count, row in rows.items():
        found.add(f"{count}: position error, median ms", ERROR_P50_MS, row["error_p50"])
        found.add(f"{count}: position error, p95 ms", ERROR_P95_MS, row["error_p95"])
        if count > 1:
            found.add(f"{count}: slowest session's rate / fastest's", FAIR, row["fairness"], least=True)
    return found


def table_of(rows: dict[int, dict[str, Any]]) -> Table:
    """All figures, a column per number of sessions."""
    table = Table(title="Worst session of each turn, medians of the turns", header_style="bold")
    table.add_column("")
    for count in rows:
        table.add_column(f"{count} session{'s' if count > 1 else ''}", justify="right")
    for key in next(iter(rows.values())):
        cells = [row[key] for row in rows.values()]
        table.add_row(key.replace("_", " "), *("–" if cell is None else f"{cell:.2f}" for cell in cells))
    return table


def main() -> None:
    """Run the benchmark, print its tables and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round of 10 s")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 4], help="how many at once")
    parser.add_argument("--seconds", type=float, default=30.0, help="measured in each turn")
    parser.add_argument("--warm", type=float, default=7.0, help="unmeasured before: one performance")
    parser.add_argument(
        "--unanswered", type=int, default=2, help="frames on their way at most; as the page: 2"
    )
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="further options of the server")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "web.json")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 10.0
    fetched()
    console = Console()
    load = os.getloadavg()
    turns: dict[int, list[dict[str, Any]]] = {count: [] for count in options.sessions}
    with tempfile.TemporaryDirectory() as folder:
        frames = performance(Path(folder) / "frames.npz")
        for number in range(options.rounds):
            for count in options.sessions:
                turns[count].append(turn(frames, count, options))
                p50 = turns[count][-1]["round_trip_p50"]
                sys.stderr.write(f"round {number + 1}: {count} at once: p50 {p50:.1f} ms\n")
    rows: dict[int, dict[str, Any]] = {count: median(found) for count, found in turns.items()}
    found = {"machine": {"cpus": os.cpu_count(), "load": load, "system": platform.platform()}}
    asked = aims(rows)
    found |= {"rows": rows, "aims": asked.rows, "turns": turns}
    console.print(asked.table())
    console.print(table_of(rows))
    console.print(f"load before: {load[0]:.1f} on {os.cpu_count()} processors")
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, default=str))


if __name__ == "__main__":
    main()
