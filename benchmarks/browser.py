"""Practice in a real browser: accuracy, latency and smoothness, beside the bare models and the limits.

    python benchmarks/browser.py                      # 2 min: a session of one minute, 720p at 30 fps
    python benchmarks/browser.py --seconds 20         # shorter
    python benchmarks/browser.py --pictures docs      # the pages as pictures, at three widths

Chromium is the system's own; its camera is a file: the real walk at another pace as JPEGs, each with a number
in a corner, so that what was really sent is known for every answer. Server and browser share this machine's
processors, as they do on a performer's laptop. All in ``benchmarks/out/browser.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from _environment import ROOT
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(ROOT / "tests" / "realtime" / "web"))

from _aims import Aims
from _browser_pictures import take_pictures
from _fetched import CLIPS, fetched
from _live_stages import BareModels
from browsing import (
    CAMERA_FPS,
    LISTEN,
    WALKED,
    Camera,
    chromium,
    complaints,
    make_camera,
    serving,
)
from limits import CHROMIUM, NO_CHROMIUM
from playwright.sync_api import sync_playwright
from posesync.pose.settings import PoseSettings
from practising import (
    Heard,
    begin,
    end,
    followed,
    open_practice,
    own_rate,
    position_errors,
    rate,
    round_trips,
    steering_errors,
)

WALK: Final = CLIPS / "walk.mp4"
#: What issue 7 asks: figure → (limit, whether it is the least that will do).
AIMS: Final = {
    "position error, median ms": (80.0, False),
    "position error, p95 ms": (250.0, False),
    "capture to answer, p50 ms": (40.0, False),
    "capture to answer, p95 ms": (80.0, False),
    "self-view, frames per s": (0.95 * CAMERA_FPS, True),
    "self-view in its worst second, frames per s": (0.9 * CAMERA_FPS, True),
    "complaints in the console": (0.0, False),
}


def session(seconds: float, folder: Path, camera: Camera) -> tuple[Heard, list[str], dict[str, Any]]:
    """Practise for ``seconds`` s through the pages; return what was heard, complaints, and how it ended."""
    with (
        serving(folder, "--reference", str(WALK)) as address,
        sync_playwright() as playwright,
        chromium(playwright, camera.path) as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(150_000)
        page.add_init_script(LISTEN)
        said = complaints(page)
        open_practice(page, address, "walk.mp4")
        begin(page)
        time.sleep(seconds)
        heard = Heard.of(page)
        ended = end(page)
        return heard, said, ended


def figures(heard: Heard, camera: Camera, said: list[str]) -> dict[str, float]:
    """Return all measurements by name."""
    errors, trips = 1e3 * position_errors(heard, camera), round_trips(heard)
    seen = 1e3 * position_errors(heard, camera, seen=True)
    steering = 1e3 * steering_errors(heard)
    running = heard.running()
    came = np.array([answer["at"] for answer in running])
    ms = {name: np.array([answer["ms"][name] for answer in running]) for name in ("waited", "worked")}
    own, worst = own_rate(heard)
    span = float(came[-1] - came[0])
    return {
        "position error, median ms": _percentile(errors, 50),
        "position error, p95 ms": _percentile(errors, 95),
        "the same where anybody was found, p95 ms": _percentile(seen, 95),
        "answers that were judged": float(len(errors)),
        "followed, share of the frames with anybody": followed(heard, camera),
        "capture to answer, p50 ms": _percentile(trips, 50),
        "capture to answer, p95 ms": _percentile(trips, 95),
        "of it on the server: waited, p50 ms": _percentile(ms["waited"], 50),
        "of it on the server: worked, p50 ms": _percentile(ms["worked"], 50),
        "answers per s": rate(came),
        "self-view, frames per s": own,
        "self-view in its worst second, frames per s": worst,
        "expert's video off the position, median ms": _percentile(steering, 50),
        "expert's video off the position, p95 ms": _percentile(steering, 95),
        "seeks per min": 60.0 * float((heard.seeks[:, 0] > came[0]).sum()) / span,
        "jumps told of, per min": 60.0 * sum(answer["jumped"] for answer in running) / span,
        "complaints in the console": float(len(said)),
    }


def _percentile(values: np.ndarray[Any, Any], share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else float("nan")


def aims(found: Mapping[str, float]) -> Aims:
    """Return the aims of issue 7 for one session."""
    asked = Aims(7)
    for aim, (limit, least) in AIMS.items():
        asked.add(aim, limit, found[aim], least=least)
    return asked


def whole(found: Mapping[str, float]) -> Table:
    """All figures."""
    table = Table("", "", title="One session in Chromium, 720p at 30 fps")
    for name, value in found.items():
        table.add_row(name, f"{value:.3g}")
    return table


def main() -> None:
    """Run the benchmark, print its tables and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of practice")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures; nothing is measured")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "browser.json")
    options = parser.parse_args()
    if CHROMIUM is None:
        parser.error(NO_CHROMIUM)
    fetched()
    console = Console()
    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera = make_camera(WALK, folder / "camera.mjpeg", WALKED)
        if options.pictures:
            take_pictures(options.pictures, folder, WALK, camera)
            return
        heard, said, ended = session(options.seconds, folder, camera)
    found = figures(heard, camera, said)
    bare = BareModels(WALK, PoseSettings()).run(100)
    bare_ms = sum(float(model["mean_ms"]) for model in bare.values())
    found["answers per s / what the camera or the bare models allow"] = found["answers per s"] / min(
        CAMERA_FPS, 1e3 / bare_ms
    )
    found["worked / bare models (YOLO + MoveNet)"] = found["of it on the server: worked, p50 ms"] / bare_ms
    asked = aims(found)
    for table in (whole(found), asked.table()):
        console.print(table)
    console.print(f"load before: {load[0]:.1f} on {os.cpu_count()} processors")
    for line in said:
        console.print("console:", line)
    machine = {"cpus": os.cpu_count(), "load": load, "system": platform.platform()}
    stored = {"machine": machine, "figures": found, "aims": asked.rows, "bare": bare}
    stored |= {"ended": ended, "said": said}
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(stored, indent=1, default=str))


if __name__ == "__main__":
    main()
