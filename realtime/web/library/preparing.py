"""The process that prepares experts one after the other, without disturbing running sessions."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from posesync.pose.errors import PoseSyncError
from posesync.pose.settings import PoseSettings
from posesync.realtime.coaching.expert import Expert
from posesync.reference import Reference
from posesync.reference.cache import use
from posesync.reference.library import State, prepare_one
from posesync.reference.playable import playable_file
from posesync.reference.prepare import PROXY_FILE, REFERENCE_FILE, Progress, reference_cache_dir
from posesync.reference.proxy import ProxyVideo
from posesync.reference.worker_process import WorkerProcess, serve

from .thumbnails import write_thumbnail

logger = logging.getLogger(__name__)

#: Share of the work that is pose estimation; the rest is the playable copy.
POSES: Final = 0.65
#: Added to the priority of the process, so that sessions come first.
_NICE: Final = 5
#: s between two checks whether the result is still wanted.
_LOOK: Final = 0.2

#: Called with the share done, 0..1, and the s left, each None when not known.
Tell = Callable[[float | None, float | None], None]


@dataclass(frozen=True, slots=True)
class Ready:
    """The files and figures of a prepared expert.

    Attributes:
        folder: folder of the prepared reference.
        video: the copy that a browser plays.
        thumbnail: a JPEG.
        duration: length of the reference, s.
        sections: (from s, to s, name).
        size: width and height of the pictures, px.
        warning: a problem of the video, else empty.
    """

    folder: Path
    video: Path
    thumbnail: Path
    duration: float
    sections: tuple[tuple[float, float, str], ...]
    size: tuple[int, int]
    warning: str


class NotWantedError(Exception):
    """The result is no longer wanted; the process has been ended."""


class Preparer(WorkerProcess):
    """The preparing process. For one thread; end it with :meth:`end`."""

    def __init__(self, settings: PoseSettings) -> None:
        super().__init__(_serve, settings)
        self._said: set[str] = set()

    def prepare(self, video: Path, tell: Tell, wanted: Callable[[], bool]) -> Ready | str:
        """Prepare one video; return the result, or in one line why it cannot be prepared.

        Args:
            video: the file.
            tell: called about ten times a second.
            wanted: called all the time; False ends the process.

        Raises:
            NotWantedError: ``wanted`` returned False.
            ChildProcessError: the process died; its text says why. Make a new one.
        """
        try:
            self.connection.send(video)
            while True:
                while not self.connection.poll(_LOOK):
                    self._check(wanted)
                self._check(wanted)
                kind, content = self.connection.recv()
                if kind == "done":
                    answer: Ready | str = content
                    if isinstance(answer, Ready):  # the server uses it, also when this process has ended
                        use(answer.folder)
                        use(answer.video)
                    return answer
                if kind == "progress":
                    tell(*content)
                elif content[1] not in self._said:
                    self._said.add(content[1])
                    logger.log(*content)
        except (EOFError, OSError):
            raise ChildProcessError(self._cause_of_death()) from None

    def _check(self, wanted: Callable[[], bool]) -> None:
        if not wanted():
            self.end(at_once=True)
            raise NotWantedError

    def _cause_of_death(self) -> str:
        self.end()
        killer = self.killed_by()
        reason = f"with code {self.process.exitcode or 0}" if killer is None else f"by {killer}"
        return f"the process that prepared it was ended {reason}: close other programs, then try again"


def _serve(connection: Connection, settings: PoseSettings) -> None:
    """Main loop of the process: videos in, progress and results out."""
    if hasattr(os, "nice"):
        os.nice(_NICE)

    def tell(share: float | None, left: float | None) -> None:
        connection.send(("progress", (share, left)))

    serve(connection, lambda video: make_ready(video, settings, tell))


def make_ready(video: Path, settings: PoseSettings, tell: Tell) -> Ready | str:
    """Make poses, playable copy and thumbnail of a video, or take them from the caches.

    Args:
        video: the file.
        settings: how keypoints are found.
        tell: called about ten times a second.

    Returns:
        The prepared expert, or in one line why it cannot be prepared.
    """

    def poses(progress: Progress) -> None:
        if not progress.total or progress.remaining is None:
            tell(None, None)
            return
        copying = progress.total / max(progress.fps, 1e-9) * (1 - POSES) / POSES
        tell(POSES * progress.frames / progress.total, progress.remaining + copying)

    outcome = prepare_one(video, settings, reference_cache_dir(), progress=poses)
    if outcome.state is State.FAILED or outcome.folder is None:
        return outcome.detail
    begun = time.monotonic()

    def copy(share: float | None) -> None:
        left = (time.monotonic() - begun) * (1 - share) / share if share else None
        tell(POSES if share is None else POSES + (1 - POSES) * share, left)

    try:
        playable = playable_file(video, progress=copy)
        return _describe(outcome.folder, playable, outcome.detail)
    except PoseSyncError as error:
        return " ".join(str(error).split())
    except Exception as error:  # a bug, ours or a library's, fails this video alone
        logger.debug("unexpected", exc_info=True)
        return f"unexpected {type(error).__name__} ({error}): please report it with the video"


def _describe(folder: Path, playable: Path, warning: str) -> Ready:
    reference = Reference.load(folder / REFERENCE_FILE)
    thumbnail = playable.with_suffix(".jpg")
    if not thumbnail.is_file():
        with ProxyVideo.open(folder / PROXY_FILE) as proxy:
            write_thumbnail(reference, proxy, thumbnail)
    expert = Expert(reference)
    return Ready(
        folder=folder,
        video=playable,
        thumbnail=thumbnail,
        duration=reference.duration,
        sections=tuple((part.start, part.end, part.name) for part in expert.sections()),
        size=expert.size,
        warning=warning,
    )
