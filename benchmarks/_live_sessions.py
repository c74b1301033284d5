"""Whole sessions: a file as fast as possible, and a clip played as a camera in real time."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from array import array
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
from posesync.pose.frame_source import FrameSource, SourceInfo
from posesync.pose.settings import CameraSettings
from posesync.pose.types import Frame
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.display.loop import run_session
from posesync.realtime.session.config import Config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.session.options import SessionOptions, SessionResult

_KEPT: Final = 48  # frames of the clip that the camera delivers, to and fro


class _NoEncoder:
    """Discards pictures, to measure drawing without encoding."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def write(self, *_: Any) -> None: ...

    def close(self) -> None: ...

    abort = close


def file_session(clip: Path, expert: Expert, config: Config, what: str) -> dict[str, Any]:
    """A session over a file, every frame; ``what``: ``nothing`` is put out, ``draw`` or ``record``."""
    marks: list[tuple[float, float]] = []
    process = SessionCore.process

    def noting(self: SessionCore, frame: Frame) -> Moment:
        if not marks:  # loading the models is over
            marks.append((time.perf_counter(), time.process_time()))
        return process(self, frame)

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(mock.patch.object(SessionCore, "process", noting))
        if what == "draw":
            stack.enter_context(mock.patch("posesync.realtime.session.outputs.VideoWriter", _NoEncoder))
        record = None if what == "nothing" else Path(folder) / "out.mp4"
        options = SessionOptions(str(clip), True, Path(folder) / "log.jsonl", record)
        result = run_session(options, expert, config)
        wall, busy = time.perf_counter() - marks[0][0], time.process_time() - marks[0][1]
        first = (Path(folder) / "log.jsonl").read_bytes()
    frames = result.summary["processed"]
    return {
        "fps": frames / wall,
        "ms": 1e3 * wall / frames,
        "cpu_ms": busy * 1e3 / frames,
        "frames": frames,
        "latency_ms": result.timing["shown_latency_ms"] or result.timing["latency_ms"],
        "log": hash(first),
    }


class ClipCamera(FrameSource):
    """A live source that delivers a clip's frames to and fro, by the clock, for some seconds.

    Like a driver it never waits for its reader: what is not read in time is gone.

    Attributes:
        newest: number of the newest frame that has been delivered.
        skipped: frames that nobody read in time, before the capture thread even saw them.
    """

    is_live = True

    def __init__(self, frames: list[Frame], fps: float, seconds: float) -> None:
        images = [frame.image for frame in frames[:_KEPT]]
        self._images = images + images[-2:0:-1]
        self._fps, self._count = fps, round(seconds * fps)
        height, width = images[0].shape[:2]
        self.info = SourceInfo("clip camera", "camera", width, height, fps)
        self.newest, self.skipped, self._next = -1, 0, 0
        self._start: float | None = None

    def read(self) -> Frame | None:
        """Wait for the next frame that is due."""
        if self._start is None:
            self._start = time.monotonic()
        due = int((time.monotonic() - self._start) * self._fps)
        self.skipped += max(0, due - self._next)
        number = max(due, self._next)
        if number >= self._count:
            return None
        if (left := self._start + number / self._fps - time.monotonic()) > 0:
            time.sleep(left)
        self._next, self.newest = number + 1, number
        stamp = time.monotonic() - self._start
        return Frame(self._images[number % len(self._images)], stamp, number)

    def reopen(self) -> bool:
        """Return False: the camera does not come back, and the session ends."""
        return False

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class MemoryWatch(threading.Thread):
    """Notes this process's resident memory once a second (Linux), MB."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        """Until :meth:`finish`."""
        start, page = time.monotonic(), os.sysconf("SC_PAGE_SIZE")
        while not self._over.wait(1.0):
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * page / 1e6
            self.samples.append((time.monotonic() - start, resident))

    def finish(self) -> None:
        """Stop."""
        self._over.set()
        self.join()

    def growth(self, after: float = 60.0) -> float | None:
        """MB gained from ``after`` s on: the last tenth's median less that of the tenth after it began."""
        late = [memory for moment, memory in self.samples if moment >= after]
        if len(late) < 20:
            return None
        part = max(5, len(late) // 10)
        return float(np.median(late[-part:]) - np.median(late[:part]))

    __hash__ = threading.Thread.__hash__


def camera_session(
    camera: ClipCamera, expert: Expert, config: Config, *, window: bool = True
) -> dict[str, Any]:
    """Run a live session on a paced camera in a hidden window; measure how old the frames used are."""
    stale = array("i")  # four bytes a frame: the memory is being measured
    process = SessionCore.process

    def watched(self: SessionCore, frame: Frame, **options: Any) -> Moment:
        stale.append(camera.newest - frame.index)
        return process(self, frame, **options)

    os.environ["SDL_VIDEODRIVER"] = "dummy"
    quick = replace(config, camera=CameraSettings(lost_timeout=0.0, retry_interval=0.05))
    watch = MemoryWatch()
    watch.start()
    busy, wall = time.process_time(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        with mock.patch.object(SessionCore, "process", watched):
            result = _run(SessionOptions("0", not window, log, None), expert, quick, camera)
        lines = log.read_text().count("\n") - 2
    watch.finish()
    wall, busy = time.monotonic() - wall, time.process_time() - busy
    captured = result.summary["frames"]
    return {
        "seconds": result.summary["duration"],
        "captured": captured,
        "missed_by_capture": camera.skipped,
        "dropped": result.summary["dropped"],
        "dropped_share": result.summary["dropped"] / max(captured, 1),
        "lines": lines,
        "not_newest": sum(age > 0 for age in stale),
        "not_newest_share": float(np.mean([age > 0 for age in stale])),
        "drift_ms": abs(result.summary["duration"] - (camera.newest / camera._fps)) * 1e3,
        "latency_ms": result.timing["shown_latency_ms"] or result.timing["latency_ms"],
        "fps": result.timing["fps"],
        "cpu_share": busy / wall,
        "growth_mb": watch.growth(),
        "memory": watch.samples[:: max(1, len(watch.samples) // 200)],
    }


def _run(options: SessionOptions, expert: Expert, config: Config, camera: ClipCamera) -> SessionResult:
    """Run the session until the camera ends; that counts as lost, which is not an error here."""
    kept: list[SessionResult] = []
    original = SessionCore.summarise

    def keeping(self: SessionCore, ended: str, **options: Any) -> Any:
        summary, timing = original(self, ended, **options)
        kept.append(SessionResult(ended, summary, timing))
        return summary, timing

    from posesync.pose.errors import SourceError

    with mock.patch.object(SessionCore, "summarise", keeping):
        try:
            run_session(options, expert, config, source=camera)
        except SourceError:
            if not kept:
                raise
    return kept[-1]
