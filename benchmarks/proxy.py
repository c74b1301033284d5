"""Time to show any moment of a long expert: our display copy beside seeking in the source.

    python benchmarks/proxy.py                  # ten minutes of 1080p, some minutes to write
    python benchmarks/proxy.py --minutes 1

The limit is 5 ms for a random moment of ten minutes of 1080p, and memory that does not grow while writing.
The real walk clip is played over and over. Wall time, and processor time, which other programs do not disturb
(of all threads: the peer decodes in several). A table on the screen, all in ``benchmarks/out/proxy.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from _fetched import fetched
from posesync.pose.types import Image
from posesync.reference.proxy import ProxyVideo, ProxyWriter
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parent.parent
FPS: Final = 30
LIMIT_MS: Final = 5.0
_SIZE: Final = (1920, 1080)
_LOOP: Final = 60  # frames of the clip that are looped


def clip_frames(path: Path) -> list[Image]:
    """The first frames of a clip at 1080p."""
    with av.open(str(path)) as container:
        decoded = islice(container.decode(video=0), _LOOP)
        return [frame.to_ndarray(format="bgr24", width=_SIZE[0], height=_SIZE[1]) for frame in decoded]


def resident_mb() -> float:
    """Memory of this process, MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def write_proxy(path: Path, frames: list[Image], count: int) -> dict[str, float]:
    """Write ``count`` frames; ms a frame, MB on disk, MB of memory gained after the first second."""
    start, early = time.perf_counter(), 0.0
    with ProxyWriter(path, *_SIZE) as writer:
        for number, image in zip(range(count), cycle(frames), strict=False):
            writer.write(image, number / FPS)
            if number == FPS:
                early = resident_mb()
        grown = resident_mb() - early
    spent = time.perf_counter() - start
    return {"write_ms": spent / count * 1e3, "disk_mb": path.stat().st_size / 1e6, "grown_mb": grown}


def write_source(path: Path, frames: list[Image], count: int) -> None:
    """The source as an encoder makes it by default: H.264, a key frame every 250."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height = _SIZE
        for image in islice(cycle(frames), count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


def seek(container: Any, moment: float, size: tuple[int, int]) -> Image:
    """A moment of the source: from the key frame before it, decode up to it."""
    container.seek(int(moment * av.time_base))
    for frame in container.decode(video=0):
        if frame.time >= moment - 0.5 / FPS:
            break
    image: Image = cv2.resize(frame.to_ndarray(format="bgr24"), size, interpolation=cv2.INTER_AREA)
    return image


def measure(show: Callable[[float], object], duration: float, count: int) -> dict[str, float]:
    """Show ``count`` random moments; ms: median, 95th percentile and worst, and of processor time."""
    wall, busy = [], []
    for moment in np.random.default_rng(0).uniform(0, duration - 1, count).tolist():
        start, started = time.perf_counter(), time.process_time()
        show(moment)
        wall.append((time.perf_counter() - start) * 1e3)
        busy.append((time.process_time() - started) * 1e3)
    return {
        "p50_ms": float(np.median(wall)),
        "p95_ms": float(np.percentile(wall, 95)),
        "max_ms": max(wall),
        "cpu_p50_ms": float(np.median(busy)),
        "cpu_p95_ms": float(np.percentile(busy, 95)),
    }


def run(clip: Path, minutes: float, folder: Path) -> dict[str, dict[str, float]]:
    """All figures, by way of showing a moment."""
    frames = clip_frames(clip)
    count = round(minutes * 60 * FPS)
    ours = write_proxy(folder / "proxy.mov", frames, count)
    start = time.perf_counter()
    with ProxyVideo.open(folder / "proxy.mov") as proxy:
        ours["open_ms"] = (time.perf_counter() - start) * 1e3
        ours |= measure(proxy.frame_at, count / FPS, 1000)
        size = (proxy.width, proxy.height)
    # Seeking costs the same wherever it is: a minute of source is enough.
    short = min(count, 60 * FPS)
    write_source(folder / "source.mp4", frames, short)
    with av.open(str(folder / "source.mp4")) as container:
        container.streams.video[0].thread_type = "AUTO"
        theirs = measure(lambda moment: seek(container, moment, size), short / FPS, 30)
    theirs["disk_mb"] = (folder / "source.mp4").stat().st_size / 1e6 * count / short
    return {"display copy": ours, "seek in H.264": theirs}


def main() -> None:
    """Run the benchmark, print its tables and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clip", type=Path, help="the walk otherwise")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options.clip or fetched()["walk"], options.minutes, Path(folder))
    columns = [
        "p50_ms",
        "p95_ms",
        "max_ms",
        "cpu_p50_ms",
        "cpu_p95_ms",
        "open_ms",
        "write_ms",
        "disk_mb",
        "grown_mb",
    ]
    table = Table(
        "",
        *(column.replace("_", " ") for column in columns),
        title=f"{options.minutes:g} min of 1080p; limit {LIMIT_MS:g} ms a moment",
    )
    for name, figures in found.items():
        table.add_row(name, *(f"{figures[c]:.1f}" if c in figures else "" for c in columns))
    Console().print(table)
    out = ROOT / "benchmarks" / "out"
    out.mkdir(exist_ok=True)
    (out / "proxy.json").write_text(json.dumps({"minutes": options.minutes, "results": found}, indent=2))


if __name__ == "__main__":
    main()
