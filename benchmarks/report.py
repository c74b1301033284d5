"""The report of a long session against its limits: at most 3 s and 3 MB for half an hour.

    python benchmarks/report.py                # 30 minutes at 30 fps, 54 000 lines
    python benchmarks/report.py --minutes 120

The log is made here, with five pairs of real pictures of the greatest size that a session keeps, and with 50
earlier sessions in the history. Best of some rounds; CPU time beside it, for a busy machine. All in
``benchmarks/out/report.json``.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "realtime"))

from posesync.realtime.report import analyse, make_report, read_session, write_report  # noqa: E402
from posesync.realtime.report.exports import to_csv, to_json  # noqa: E402
from posesync.realtime.report.page import render_page  # noqa: E402
from posesync.realtime.session.moments import MAX_JPEG_BYTES, MOMENTS  # noqa: E402
from session_logs import write_log  # noqa: E402

LIMIT_SECONDS: Final = 3.0
LIMIT_BYTES: Final = 3_000_000


def largest_picture() -> str:
    """A JPEG just below the limit: noise, which compresses worst."""
    noise = np.random.default_rng(0).integers(0, 255, (300, 220, 3), dtype=np.uint8)
    for quality in range(95, 5, -3):
        _, data = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= MAX_JPEG_BYTES:
            return base64.b64encode(data.tobytes()).decode()
    raise AssertionError("no quality is low enough")


def measure(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Seconds and CPU seconds of the best of some rounds."""
    turns = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        turns.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {"s": min(turn[0] for turn in turns), "cpu_s": min(turn[1] for turn in turns)}


def run(minutes: float, rounds: int) -> dict[str, Any]:
    """Everything measured."""
    picture = largest_picture()
    moments = [
        {"t": 9.0 * i, "position": 9.0 * i, "score": 20.0 + i, "performer": picture, "expert": picture}
        for i in range(MOMENTS)
    ]
    with tempfile.TemporaryDirectory(prefix="posesync-") as scratch:
        folder = Path(scratch)
        history, log, target = folder / "history.sqlite3", folder / "session.jsonl", folder / "report.html"
        for number in range(50):
            earlier = write_log(folder / "earlier.jsonl", 60 + number, at=1.7e9 + 86400 * number)
            make_report(earlier, history=history)
        frames = round(minutes * 60 * 30)
        write_log(log, frames, bad=(20.0, 22.0), summary={"moments": moments})
        made = make_report(log, history=history)
        data, found = made.analysis.data, made.analysis
        return {
            "lines": frames + 2,
            "log_bytes": log.stat().st_size,
            "whole": measure(lambda: write_report(log, target, history=history), rounds),
            "bytes": target.stat().st_size,
            "earlier": len(made.comparison.earlier),
            "stages": {
                "read": measure(lambda: read_session(log), rounds),
                "analyse": measure(lambda: analyse(data), rounds),
                "page": measure(lambda: render_page(found, made.comparison), rounds),
                "json": measure(lambda: to_json(found, made.comparison), rounds),
                "csv": measure(lambda: to_csv(found), rounds),
            },
        }


def main() -> None:
    """Measure, print and store; return exit code 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the session")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = run(options.minutes, options.rounds)
    table = Table("report", "s", "CPU s", title=f"{found['lines']} lines, {found['log_bytes'] / 1e6:.1f} MB")
    for name, figures in (("whole", found["whole"]), *found["stages"].items()):
        table.add_row(name, f"{figures['s']:.2f}", f"{figures['cpu_s']:.2f}")
    console = Console()
    console.print(table)
    console.print(f"{found['bytes'] / 1e6:.2f} MB, beside {found['earlier']} earlier sessions")
    target = ROOT / "benchmarks" / "out" / "report.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    good = found["whole"]["s"] <= LIMIT_SECONDS and found["bytes"] <= LIMIT_BYTES
    console.print("within 3 s and 3 MB" if good else "NOT within 3 s and 3 MB")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
