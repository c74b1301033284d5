"""Prepares a library of experts: many videos at once, each in its own process, so that none stops the others.

Finished videos are in the content cache (:mod:`.prepare`), so an interrupted run continues where it stopped.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final

from posesync.pose.errors import PoseSyncError, SourceError
from posesync.pose.model_choice import fetch_models
from posesync.pose.settings import PoseSettings

from .content import VideoContent
from .prepare import Progress, prepare_reference, reference_cache_dir
from .worker_process import WorkerProcess, serve

log = logging.getLogger(__name__)

#: Suffixes that a folder is searched for; a file given by name is tried with any suffix.
VIDEO_SUFFIXES: Final = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp")
)


class State(str, Enum):
    """Result of a video: PREPARED now, KEPT from an earlier run, or FAILED."""

    PREPARED = "prepared"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one video.

    Attributes:
        path: the video.
        state: the result.
        detail: the error's one line; a warning, or which other file is the same video; else empty.
        duration: length of the sequence, s.
        frames: number of frames in it.
        seen: share of them that shows a person, 0..1.
        folder: where the result is stored, None when there is none.
    """

    path: Path
    state: State
    detail: str = ""
    duration: float = 0.0
    frames: int = 0
    seen: float = 0.0
    folder: Path | None = None


#: Called with every video that is done, and with how far an unfinished one is.
Done = Callable[[Outcome], None]
Advance = Callable[[Path, Progress], None]


def find_videos(arguments: Iterable[Path]) -> list[Path]:
    """Return the videos that a user names as files, folders, or patterns that the shell left alone (Windows).

    Raises:
        SourceError: a folder or pattern has no video.
    """
    found: list[Path] = []
    for argument in arguments:
        if argument.is_dir():
            videos = [path for path in argument.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES]
        elif not argument.exists() and any(sign in argument.name for sign in "*?["):
            videos = list(argument.parent.glob(argument.name))
        else:
            found.append(argument)
            continue
        files = sorted(path for path in videos if path.is_file())
        if not files:
            raise SourceError(f"{argument} has no video: name a folder or files with videos of experts")
        found += files
    return found


def prepare_one(
    video: Path,
    settings: PoseSettings,
    cache: Path,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Prepare one video; any error becomes its outcome, so that the others continue."""
    try:
        with prepare_reference(
            video, settings=settings, cache_dir=cache, force=force, progress=progress
        ) as prepared:
            reference = prepared.reference
            return Outcome(
                video,
                State.KEPT if prepared.cached else State.PREPARED,
                reference.origin.warning or "",
                reference.duration,
                len(reference),
                float(reference.seen.mean()),
                prepared.folder,
            )
    except PoseSyncError as error:
        return failed(video, str(error))
    except Exception as error:  # a bug, ours or a library's, fails this video alone
        log.debug("unexpected", exc_info=True)
        return failed(video, f"unexpected {type(error).__name__} ({error}): please report it with the video")


def failed(video: Path, why: str) -> Outcome:
    """Return the outcome of a video that could not be prepared, its reason on one line."""
    return Outcome(video, State.FAILED, " ".join(why.split()))


def same_videos(videos: Sequence[Path], cache: Path) -> dict[Path, Path]:
    """Return copies, path → the first of ``videos`` with its content. Only files of equal size are read."""
    by_size: dict[int, list[Path]] = {}
    for path in videos:
        with suppress(OSError):  # reported when its turn comes
            by_size.setdefault(path.stat().st_size, []).append(path)
    copies: dict[Path, Path] = {}
    for group in by_size.values():
        first: dict[str, Path] = {}
        for path in group if len(group) > 1 else ():
            with suppress(PoseSyncError):
                known = first.setdefault(VideoContent.of(path, cache).sha256, path)
                if known != path:
                    copies[path] = known
    return copies


def with_copies(
    videos: Sequence[Path], cache: Path, done: Done | None, prepare: Callable[[list[Path], Done], None]
) -> list[Outcome]:
    """Return outcomes in the order of ``videos``; ``prepare`` gets each content only once."""
    videos = list(dict.fromkeys(videos))
    copies = same_videos(videos, cache)
    outcomes: dict[Path, Outcome] = {}

    def take(outcome: Outcome) -> None:
        outcomes[outcome.path] = outcome
        if done is not None:
            done(outcome)

    prepare([path for path in videos if path not in copies], take)
    for path, first in copies.items():
        original = outcomes[first]
        state = State.FAILED if original.state is State.FAILED else State.KEPT
        take(replace(original, path=path, state=state, detail=f"the same video as {first}"))
    return [outcomes[path] for path in videos]


def prepare_library(
    videos: Sequence[Path],
    *,
    settings: PoseSettings | None = None,
    cache_dir: Path | None = None,
    jobs: int = 1,
    force: bool = False,
    done: Done | None = None,
    advance: Advance | None = None,
) -> list[Outcome]:
    """Prepare many videos, ``jobs`` at a time. A video that crashes its process fails alone.

    Args:
        videos: files, see :func:`find_videos`; a copy of one of them is not prepared again.
        settings: how keypoints are found; the defaults when None.
        cache_dir: where to keep the results; by default :func:`reference_cache_dir`.
        jobs: processes at once, 1 or more; each takes one core and about 300 MB.
        force: prepare videos again that are in the cache.
        done: called after each video.
        advance: called about ten times a second for each video in progress.

    Returns:
        An outcome for each video (given twice: once), in the order given.

    Raises:
        ModelError: a model that the settings ask for is missing: no video could be prepared.
    """
    settings = settings or PoseSettings()
    cache = (cache_dir or reference_cache_dir()).absolute()
    fetch_models(settings)  # once, before any process starts, instead of in all of them at the same time
    return with_copies(
        videos,
        cache,
        done,
        lambda one_each, take: _Pool(settings, cache, force, take, advance).run(one_each, jobs),
    )


class _Pool:
    """Runs processes that take one video after the other, and the loop that feeds them.

    Not a ``ProcessPoolExecutor``: there one process that dies ends all of them, and its video is unknown.
    """

    def __init__(
        self, settings: PoseSettings, cache: Path, force: bool, done: Done, advance: Advance | None
    ) -> None:
        self._job = (settings, cache, force)
        self._done = done
        self._advance = advance
        self._said: set[str] = set()

    def run(self, videos: Sequence[Path], jobs: int) -> None:
        """Prepare all videos; processes are cleaned up however this ends."""
        pending = deque(videos)
        workers: list[_Worker] = []
        try:
            while pending or workers:
                while pending and len(workers) < jobs:
                    workers.append(_Worker(self._job))
                    workers[-1].give(pending.popleft())
                ready = wait([worker.connection for worker in workers])
                for worker in [worker for worker in workers if worker.connection in ready]:
                    if not self._hear(worker):
                        continue
                    if pending and worker.alive:
                        worker.give(pending.popleft())
                    else:
                        workers.remove(worker)
                        worker.end()
        finally:
            for worker in workers:
                worker.end(at_once=True)

    def _hear(self, worker: _Worker) -> bool:
        """Take one message; return whether the worker's video is done."""
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            worker.alive = False
            self._done(failed(worker.video, worker.cause_of_death()))
            return True
        if kind == "done":
            self._done(content)
            return True
        if kind == "progress" and self._advance is not None:
            self._advance(worker.video, content)
        elif kind == "log" and content[1] not in self._said:
            self._said.add(content[1])  # every process has the same to report about the models
            log.log(*content)
        return False


class _Worker(WorkerProcess):
    """A process that prepares one video after the other."""

    def __init__(self, job: tuple[PoseSettings, Path, bool]) -> None:
        super().__init__(_serve, *job)
        self.video = Path()
        self.alive = True

    def give(self, video: Path) -> None:
        """Send the next video; a process that just died is noticed when its messages are read."""
        self.video = video
        with suppress(OSError):
            self.connection.send(video)

    def cause_of_death(self) -> str:
        """Return why the process ended, for the outcome of its video."""
        reason = self.killed_by()
        if reason is not None:
            hint = (
                "close other programs or lower --jobs" if reason == "SIGKILL" else "the video may be damaged"
            )
            return f"the process that prepared it was ended by {reason}: {hint}, then try again"
        code = self.process.exitcode
        return f"the process that prepared it ended with code {code}: try it alone, with --jobs 1"


def _serve(connection: Connection, settings: PoseSettings, cache: Path, force: bool) -> None:
    """Main loop of a worker process: videos in, progress and outcomes out."""

    def tell(progress: Progress) -> None:
        connection.send(("progress", progress))

    serve(connection, lambda video: prepare_one(video, settings, cache, force, tell))
