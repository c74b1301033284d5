"""Puts recorded keypoints in the estimator's place; everything after it is the product itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
from _drawn import EXPERT, PERFORMER, Look, draw
from _recordings import Array, Recording
from posesync.pose.estimator import PoseEstimator, PoseResult
from posesync.pose.frame_source import FrameSource, SourceInfo
from posesync.pose.performer import Lock
from posesync.pose.settings import PoseSettings
from posesync.pose.types import Box, Frame, Keypoints
from posesync.pose.writer import VideoWriter
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.display.loop import run_session
from posesync.realtime.report import write_report
from posesync.realtime.session.config import Config, load_config
from posesync.realtime.session.options import SessionOptions, SessionResult
from posesync.reference.prepare import prepare_reference

#: With no detector nothing is looked for on any hub.
SETTINGS: Final = PoseSettings(detector="keypoints")
#: x264's constant rate factor of the expert's video: as good as nothing lost.
_FINE: Final = 16

#: The number, in the recording, of the frame that is seen; None where it shows nobody.
Number = Callable[[Frame], "int | None"]


def _index(frame: Frame) -> int | None:
    return frame.index


@contextmanager
def standing_in(recording: Recording, number: Number = _index) -> Iterator[None]:
    """Within, every :class:`PoseEstimator` finds what was recorded, whoever makes it.

    It is the class that is changed, not the names under which modules know it: they may move.

    Args:
        recording: of the person in front of the camera.
        number: tells which of its frames is seen.
    """

    def begin(self: Any, settings: PoseSettings | None = None) -> None:
        self.settings = settings or SETTINGS
        self.lock = Lock.SEARCHING

    def update(self: Any, frame: Frame, *, hurried: bool = False) -> PoseResult:
        del hurried
        result = _result(recording, number(frame), frame)
        self.lock = result.lock
        return result

    given = {
        "__init__": begin,
        "update": update,
        "reset": lambda _: None,
        "describe": lambda _: {"pose": "recorded", "detector": "recorded"},
        "provider": "recorded",
        "providers": ["recorded"],
        "lock": Lock.SEARCHING,
    }
    with mock.patch.multiple(PoseEstimator, **given):
        yield


def _result(recording: Recording, number: int | None, frame: Frame) -> PoseResult:
    """The keypoints of one frame, in the pixels of the picture that was given."""
    if number is None or not 0 <= number < len(recording.keypoints):
        return PoseResult(Keypoints.empty(), None, Lock.LOST)
    found = recording.keypoints[number].astype(np.float32)
    found[:, :2] *= frame.image.shape[1] / recording.size[0]
    seen = found[found[:, 2] > 0]
    if not len(seen):
        return PoseResult(Keypoints.empty(), None, Lock.LOST)
    corners = [*seen[:, :2].min(0).tolist(), *seen[:, :2].max(0).tolist()]
    return PoseResult(Keypoints.from_array(found), Box(*corners), Lock.LOCKED)


class DrawnSource(FrameSource):
    """A camera's file in which a recording is drawn, frame by frame."""

    def __init__(self, recording: Recording, look: Look = PERFORMER) -> None:
        width, height = recording.size
        fps = frame_rate(recording.times)
        count = len(recording.times)
        self.info = SourceInfo(recording.name, "file", width, height, fps, count / fps, count)
        self._recording, self._look, self._next = recording, look, 0

    def read(self) -> Frame | None:
        """The next picture."""
        number = self._next
        if number >= len(self._recording.times):
            return None
        self._next += 1
        image = draw(self._recording.keypoints[number], self._recording.size, self._look)
        return Frame(image, float(self._recording.times[number]), number)

    def close(self) -> None:
        """Release nothing."""


def frame_rate(times: Array) -> float:
    """Frames per second."""
    return round(1 / float(np.median(np.diff(times))), 3)


def draw_video(recording: Recording, path: Path, look: Look = EXPERT) -> Path:
    """The recording as a video (.mp4)."""
    with (
        DrawnSource(recording, look) as source,
        VideoWriter(path, *recording.size, source.info.fps or 30.0, crf=_FINE) as video,
    ):
        for frame in source:
            video.write(frame.image, frame.time)
    return path


def prepare_expert(recording: Recording, folder: Path) -> tuple[Expert, Path]:
    """The recording as an expert with pictures, prepared as every video is.

    Args:
        recording: the expert to follow.
        folder: for the video, and the cache of whoever is started with ``XDG_CACHE_HOME=folder/cache``.

    Returns:
        The expert, whose ``proxy`` is to be closed, and their video.
    """
    video = draw_video(recording, folder / f"{_plain(recording.name)}.mp4")
    cache = folder / "cache" / "posesync" / "references"
    with standing_in(recording):
        prepared = prepare_reference(video, settings=SETTINGS, cache_dir=cache)
    return Expert(prepared.reference, prepared.proxy, video=video), video


def _plain(name: str) -> str:
    """A name for a file."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(name).name)


@dataclass(frozen=True, slots=True)
class Replayed:
    """The files of a replay.

    Attributes:
        log: session.jsonl.
        video: what the window showed, one picture a frame.
        report: the page.
        result: how the session went.
    """

    log: Path
    video: Path
    report: Path
    result: SessionResult


def replay(
    expert: Recording,
    performer: Recording,
    folder: Path,
    *,
    options: dict[str, Any] | None = None,
    loop: bool = False,
) -> Replayed:
    """Follow the performer through the expert as ``posesync-live --headless`` does with a file.

    Every frame is processed, in order; the same people give the same log.

    Args:
        expert: the expert to follow.
        performer: who is in front of the camera.
        folder: for everything that is written.
        options: settings, as ``{"display.view": "ghost"}``.
        loop: the piece begins again where it ends.
    """
    config: Config = load_config(None, options or {})
    log, video, report = (folder / name for name in ("session.jsonl", "window.mp4", "report.html"))
    shown, _ = prepare_expert(expert, folder)
    shown.loop = loop
    try:
        with standing_in(performer):
            wanted = SessionOptions(performer.name, headless=True, log=log, record=video)
            result = run_session(wanted, shown, config, source=DrawnSource(performer))
    finally:
        if shown.proxy is not None:
            shown.proxy.close()
    write_report(log, report)
    return Replayed(log, video, report, result)
