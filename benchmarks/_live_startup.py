"""From the command to the first picture, with an expert of ten minutes at 1080p from the cache; peak memory.

The expert's video is made by writing the packets of a short one over and over; its cache entry by repeating
the short one's. Both are as large as real ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import av
import numpy as np

_BEGAN = time.monotonic()


def peak_mb() -> float:
    """The most memory this process has held (Linux). getrusage counts what its parent held when it forked."""
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def loop_packets(source: Path, target: Path, seconds: float) -> None:
    """``source`` over and over, without encoding anything."""
    with av.open(str(target), "w") as out:
        copy: Any = None
        shift = 0.0
        while shift < seconds:
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                copy = copy or out.add_stream_from_template(stream)
                length = float(stream.duration * stream.time_base)
                offset = round(Fraction(shift).limit_denominator(10**6) / stream.time_base)
                for packet in container.demux(stream):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts += offset
                        packet.dts += offset
                        packet.stream = copy
                        out.mux(packet)
            shift += length


def make_expert(short: Path, folder: Path, minutes: float) -> Path:
    """An expert of ``minutes``, in the cache under ``folder``; the path of its video."""
    from posesync.pose.digest import file_sha256
    from posesync.pose.settings import PoseSettings
    from posesync.reference import Reference
    from posesync.reference.prepare import (
        PROXY_FILE,
        REFERENCE_FILE,
        _key,
        prepare_reference,
    )

    settings = PoseSettings()
    prepared = prepare_reference(short, settings=settings, cache_dir=folder / "short")
    video = folder / "expert.mp4"
    loop_packets(short, video, minutes * 60)
    digest = file_sha256(video)
    target = folder / "posesync" / "references" / _key(digest, settings)
    target.mkdir(parents=True)
    loop_packets(prepared.folder / PROXY_FILE, target / f"long.{PROXY_FILE}", minutes * 60)
    (target / f"long.{PROXY_FILE}").replace(target / PROXY_FILE)
    reference = prepared.reference
    step = float(np.median(np.diff(reference.times)))
    rounds = int(np.ceil(minutes * 60 / (reference.duration + step)))
    shifts = np.arange(rounds)[:, None] * (reference.duration + step)
    times = (reference.times - reference.times[0] + shifts).reshape(-1)
    keypoints = np.tile(reference.keypoints, (rounds, 1, 1))
    origin = replace(reference.origin, file=video.name, sha256=digest)
    Reference.from_keypoints(keypoints, times, origin=origin).save(target / REFERENCE_FILE)
    prepared.close()
    return video


def startup(video: Path, clip: Path, cache: Path, target: Path) -> dict[str, float]:
    """Run the command in a process of its own; s to the first picture and MB at most."""
    command = [sys.executable, __file__, str(video), str(clip), str(target)]
    start = time.monotonic()
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "STARTED": repr(start)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    found["video_mb"] = video.stat().st_size / 1e6
    return found


def _child(video: str, clip: str, target: str) -> None:
    """``posesync live`` as it is, with a look at the clock when the first picture is done."""
    from posesync.realtime.commands.cli import live_main
    from posesync.realtime.display.overlay import Overlay

    started, marks = float(os.environ["STARTED"]), []
    draw = Overlay.draw

    def noting(self: Overlay, scene: Any) -> Any:
        picture = draw(self, scene)
        if not marks:
            marks.append(time.monotonic() - started)
        return picture

    sys.argv = ["posesync-live", "--reference", video, "--camera", clip, "--headless", "--record", target]
    code: Any = 0
    with mock.patch.object(Overlay, "draw", noting):
        try:
            live_main()
        except SystemExit as ended:
            code = ended.code
    figures = {"first_picture_s": marks[0], "python_s": _BEGAN - started, "peak_mb": peak_mb()}
    sys.stdout.write("\n" + json.dumps(figures) + "\n")
    sys.exit(code)


if __name__ == "__main__":
    _child(*sys.argv[1:4])
