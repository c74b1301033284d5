"""Cost of drawing: every view of the overlay, frame by frame in turns with one inference of MoveNet.

    python benchmarks/drawing.py                  # 720p canvas, 200 frames, about a minute
    python benchmarks/drawing.py --height 1080

Input: the real clips with MoveNet's keypoints, 1280 × 720 (the walk) and 1080 × 1920 (cam01), the expert from
a picture as large as a prepared expert's, some frames away so that limbs, marks, cue, timing and sections all
change. Views, clips and the inference (Lightning, one thread, on an input that the loop gave it) take turns
within every frame, so that a busy machine is busy for all; ratios are of CPU times. Ends with status 1 where
the slowest view takes more than 4 ms of CPU time per 720p frame (95th percentile). All in
``benchmarks/out/drawing.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

import cv2
import numpy as np
from _clips import CLIPS, ROOT, clips
from _fetched import fetched
from _live_stages import BareModels
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.realtime.coaching.feedback import compare_poses
from posesync.realtime.display.overlay import Layout, Overlay, Scene
from posesync.realtime.tracking.position import Position, State
from posesync.reference.proxy import proxy_size
from rich.console import Console
from rich.table import Table

#: ms of CPU time that a 720p frame may take in the slowest view, 95th percentile.
LIMIT: Final = 4.0
#: Frames of each clip that are kept in memory; then they come again.
MOMENTS: Final = 80
_CUES: Final = ("bend your left elbow more", "raise your right arm", "lean less to the left", None)


def scenes(name: str) -> list[Scene]:
    """Moments of a clip, with everything that is shown by default."""
    clip = clips()[name]
    with open_source(CLIPS / f"{name}.mp4") as source:
        images = [frame.image for frame in islice(source, min(MOMENTS, len(clip.times)))]
    keypoints = clip.keypoints.astype(np.float64)
    if name == "walk":
        factor = 1280 / images[0].shape[1], 720 / images[0].shape[0]
        images = [cv2.resize(image, (1280, 720), interpolation=cv2.INTER_AREA) for image in images]
        keypoints = keypoints * (*factor, 1.0)
    proxy = proxy_size(images[0].shape[1], images[0].shape[0])
    experts = [cv2.resize(image, proxy, interpolation=cv2.INTER_AREA) for image in images]
    duration, found = float(clip.times[len(images) - 1]), []
    for index, image in enumerate(images):
        other = min(index + 12, len(images) - 1)
        feedback = compare_poses(keypoints[index], keypoints[other])
        moment = float(clip.times[other])
        found.append(
            Scene(
                time=float(clip.times[index]),
                image=image,
                keypoints=keypoints[index],
                position=Position(moment, 1.0 + 0.3 * np.sin(moment), 0.6, State.FOLLOWING),
                duration=duration,
                joints=dict(feedback.joints),
                score=feedback.score,
                expert_image=experts[other],
                expert_keypoints=keypoints[other],
                expert_size=(image.shape[1], image.shape[0]),
                fps=30.0,
                cue=_CUES[index // 40 % len(_CUES)],
                timing=1.0 + 0.3 * float(np.sin(moment)),
                sections=((0.0, duration / 3, "Intro"), (duration / 3, duration, "Chorus")),
            )
        )
    return found


def timed(function: Callable[[], Any]) -> tuple[float, float]:
    """Wall and thread CPU time of a call, ms."""
    wall, busy = time.perf_counter(), time.thread_time()
    function()
    return (time.perf_counter() - wall) * 1e3, (time.thread_time() - busy) * 1e3


def measure(height: int, count: int) -> dict[str, dict[str, float]]:
    """Per view and clip, and of the inference: percentiles of wall and CPU time, ms."""
    models = BareModels(CLIPS / "walk.mp4", PoseSettings())
    session, feeds = models._feeds["pose"]
    moments = {name: scenes(name) for name in ("walk", "cam01")}
    views = {
        (name, layout): (Overlay(height, layout=layout), each)
        for name, each in moments.items()
        for layout in Layout
    }
    costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for index in range(count):
        for (name, layout), (overlay, each) in views.items():
            scene = each[index % len(each)]
            costs[f"{layout.value} · {name}"].append(timed(lambda: overlay.draw(scene)))  # noqa: B023
        costs["MoveNet Lightning"].append(timed(lambda: session.run(None, feeds)))
    found = {}
    for what, pairs in costs.items():
        wall, busy = np.array(pairs[10:]).T  # the first ones fill caches
        found[what] = {
            "wall_p50_ms": float(np.median(wall)),
            "wall_p95_ms": float(np.percentile(wall, 95)),
            "cpu_p50_ms": float(np.median(busy)),
            "cpu_p95_ms": float(np.percentile(busy, 95)),
        }
    return found


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--height", type=int, default=720, help="of the canvas, px")
    parser.add_argument("--frames", type=int, default=200)
    options = parser.parse_args()
    fetched()
    cv2.setNumThreads(1)  # as in a session
    found = measure(options.height, options.frames)
    inference = found["MoveNet Lightning"]
    table = Table(title=f"Drawing at {options.height}p, ms per frame; ratio to one inference")
    for column in ("", "wall p50", "wall p95", "CPU p50", "CPU p95", "ratio p50", "ratio p95"):
        table.add_column(column, justify="left" if not column else "right")
    for what, costs in found.items():
        for share in ("p50", "p95"):
            costs[f"ratio_{share}"] = costs[f"cpu_{share}_ms"] / inference[f"cpu_{share}_ms"]
        table.add_row(what, *(f"{costs[key]:.2f}" for key in costs))
    Console(width=110).print(table)
    out = ROOT / "benchmarks" / "out"
    out.mkdir(exist_ok=True)
    (out / "drawing.json").write_text(json.dumps({"height": options.height, **found}, indent=2) + "\n")
    slowest = max(costs["cpu_p95_ms"] for what, costs in found.items() if what != "MoveNet Lightning")
    return int(options.height == 720 and slowest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
