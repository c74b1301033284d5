"""Cost of each stage of the live loop, on one thread, beside the bare models."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import numpy.typing as npt
from posesync.pose import detector as detector_module
from posesync.pose import movenet as movenet_module
from posesync.pose.detector import PersonDetector
from posesync.pose.estimator import PoseEstimator
from posesync.pose.movenet import MoveNet
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.types import Frame
from posesync.pose.writer import VideoWriter
from posesync.realtime.coaching import coach as coach_module
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.display.overlay import Overlay, Scene
from posesync.realtime.session.config import load_config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.tracking.tracker import Tracker

STAGES: Final = ("decode", "detect", "crop", "pose", "track", "feedback", "draw", "encode")
Costs = dict[str, list[tuple[float, float]]]


class Meter:
    """Wall and thread CPU time by stage, ms, summed within a frame."""

    def __init__(self) -> None:
        self.frames: Costs = defaultdict(list)
        self._now: dict[str, list[float]] = {}

    def time(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, whose time counts for ``stage``."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            wall, busy = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = self._now.setdefault(stage, [0.0, 0.0])
                spent[0] += (time.perf_counter() - wall) * 1e3
                spent[1] += (time.thread_time() - busy) * 1e3

        return timed

    def end_frame(self) -> None:
        """Keep what the frame took. The crop is what the estimator does besides its two networks."""
        update = self._now.pop("update", [0.0, 0.0])
        inner = [self._now.get(stage, [0.0, 0.0]) for stage in ("detect", "pose")]
        self._now["crop"] = [update[k] - inner[0][k] - inner[1][k] for k in (0, 1)]
        for stage in STAGES:
            wall, busy = self._now.get(stage, [0.0, 0.0])
            self.frames[stage].append((wall, busy))
        self._now.clear()

    def figures(self) -> dict[str, dict[str, float]]:
        """Per stage: median and 95th percentile of wall time, mean of CPU time, ms."""
        found = {}
        for stage, costs in self.frames.items():
            wall, busy = np.array(costs).T
            p50, p95 = np.percentile(wall, [50, 95])
            found[stage] = {"p50_ms": float(p50), "p95_ms": float(p95), "cpu_ms": float(busy.mean())}
        return found


@contextmanager
def _timed(meter: Meter) -> Iterator[None]:
    """Put the meter around the stages."""
    places = (
        ("detect", PersonDetector, "detect"),
        ("pose", MoveNet, "infer"),
        ("update", PoseEstimator, "update"),
        ("track", Tracker, "update"),
        ("feedback", coach_module.Coach, "_frame"),
        ("feedback", coach_module.Coach, "_compare"),
        ("feedback", coach_module.Coach, "_advise"),
        ("draw", Overlay, "draw"),
        ("draw", Expert, "image_at"),
        ("encode", VideoWriter, "write"),
    )
    with ExitStack() as stack:
        for stage, owner, name in places:
            timed = meter.time(stage, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, timed))
        yield


def scene(frame: Frame, moment: Moment, expert: Expert) -> Scene:
    """A frame as the session draws it."""
    return Scene(
        time=frame.time,
        image=frame.image,
        keypoints=moment.keypoints,
        position=moment.position,
        duration=expert.reference.duration,
        joints=dict(moment.joints),
        score=moment.score,
        expert_image=expert.image_at(moment.expert_time),
        expert_keypoints=moment.expert_pose,
        expert_size=expert.size,
        fps=60.0,
        cue=None if moment.cue is None else moment.cue.text,
        timing=moment.timing.speed,
        sections=tuple((part.start, part.end, part.name) for part in expert.sections()),
    )


def measure_stages(clip: Path, expert: Expert, settings: PoseSettings) -> dict[str, dict[str, float]]:
    """One pass over the clip on one thread, recorded."""
    meter, overlay = Meter(), Overlay()
    core = SessionCore(PoseEstimator(settings), expert, load_config(), waits=False)
    with tempfile.TemporaryDirectory() as folder, open_source(clip) as source, _timed(meter):
        read = meter.time("decode", source.read)
        target = Path(folder) / "out.mp4"
        with VideoWriter(target, overlay.width, overlay.height, 30, preset="superfast") as writer:
            while (frame := read()) is not None:
                moment = core.process(frame)
                writer.write(overlay.draw(scene(frame, moment, expert)), frame.time)
                meter.end_frame()
    return meter.figures()


class BareModels:
    """Time the two networks alone, on inputs from the loop, as the lower limit."""

    def __init__(self, clip: Path, settings: PoseSettings) -> None:
        self._feeds: dict[str, tuple[Any, dict[str, npt.NDArray[Any]]]] = {}
        estimator = PoseEstimator(settings)
        with (
            open_source(clip) as source,
            mock.patch.object(detector_module, "run", self._spy("detect", detector_module.run)),
            mock.patch.object(movenet_module, "run", self._spy("pose", movenet_module.run)),
        ):
            for frame in source:
                estimator.update(frame)
                if frame.index == 30:
                    break

    @property
    def has_detector(self) -> bool:
        """Whether there is a YOLOv5 here."""
        return "detect" in self._feeds

    def _spy(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def spying(session: Any, feeds: dict[str, npt.NDArray[Any]], label: str) -> Any:
            self._feeds[name] = (session, {key: value.copy() for key, value in feeds.items()})
            return function(session, feeds, label)

        return spying

    def run(self, count: int) -> dict[str, dict[str, float]]:
        """``count`` inferences of each in a tight loop, taking turns as they do in the live loop, ms."""
        wall = {name: np.empty(count) for name in self._feeds}
        busy = dict.fromkeys(self._feeds, 0.0)
        for index in range(count):
            for name, (session, feeds) in self._feeds.items():
                start, used = time.perf_counter(), time.process_time()
                session.run(None, feeds)
                wall[name][index] = (time.perf_counter() - start) * 1e3
                busy[name] += (time.process_time() - used) * 1e3
        return {
            name: {
                "p50_ms": float(np.median(each)),
                "p95_ms": float(np.percentile(each, 95)),
                "mean_ms": float(each.mean()),
                "cpu_ms": busy[name] / count,
            }
            for name, each in wall.items()
        }


def frames_of(clip: Path) -> list[Frame]:
    """A short clip in memory."""
    with open_source(clip) as source:
        return list(source)
