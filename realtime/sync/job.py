"""Synchronises two or more finished videos into one. Memory does not grow with their length."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from posesync.pose.settings import PoseSettings
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.settings import FeedbackSettings
from posesync.reference.content import VideoContent
from posesync.reference.prepare import Progress, prepare_reference, reference_cache_dir
from posesync.reference.reference import Reference
from posesync.reference.sync import Match, match

from .exports import write_path, write_plot
from .options import SyncOptions, check_outputs
from .tracks import Judgement, judge, make_tracks
from .video import Report, write_video

#: Videos that are prepared at once: one uses little more than one core, and each takes memory.
JOBS: Final = 2
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The result of a synchronisation, for text and JSON.

    Attributes:
        matches: the match of each attempt with the expert.
        judgements: the judgement of each attempt, picture by picture.
        times: (T,) s, times of the pictures.
        names: names of the videos.
        cached: how many of the videos had been prepared before.
    """

    matches: list[Match]
    judgements: list[Judgement]
    times: FloatArray
    names: list[str]
    cached: int
    options: SyncOptions = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        attempts = []
        for found, judgement, name in zip(self.matches, self.judgements, self.names[1:], strict=True):
            score = judgement.mean_score
            attempts.append(
                {**_describe(found.attempt, name), "score": None if score is None else round(score, 1)}
                | found.to_dict()
            )
        options = self.options
        return {
            "schema": SCHEMA,
            "metric": options.metric,
            "time_base": "attempt" if options.follow_attempt else "expert",
            "expert": _describe(self.matches[0].expert, self.names[0]),
            "attempts": attempts,
            "outputs": {
                kind: str(path)
                for kind, path in (("video", options.output), ("path", options.path), ("plot", options.plot))
                if path
            },
        }


def run_sync(
    options: SyncOptions,
    settings: PoseSettings | None = None,
    *,
    feedback: FeedbackSettings | None = None,
    report: Report = lambda *_: None,
    cache_dir: Path | None = None,
) -> SyncResult:
    """Prepare new videos, warp, compare, and write the outputs asked for.

    Raises:
        PoseSyncError: a video, a model, an output or an option cannot be used; see the functions called.
    """
    check_outputs(options)
    references, cached = prepare_all(options.videos, settings or PoseSettings(), report, cache_dir)
    matches = []
    for number, attempt in enumerate(references[1:], start=1):
        report("aligning", number - 1, len(references) - 1)
        open_ends = 0.0 if options.closed else None
        matches.append(
            match(references[0], attempt, window=options.window, open_ends=open_ends, metric=options.metric)
        )
    report("aligning", len(matches), len(matches))
    times, tracks = make_tracks(matches, follow_attempt=options.follow_attempt)
    judgements = [
        judge(found, tracks[0], track, times, feedback or FeedbackSettings())
        for found, track in zip(matches, tracks[1:], strict=True)
    ]
    names = [path.name for path in options.videos]
    result = SyncResult(matches, judgements, times, names, cached, options)
    if options.path is not None:
        write_path(options.path, matches)
    if options.plot is not None:
        write_plot(options.plot, matches, names, options.metric)
    if options.output is not None:
        mirrored = [found.mirrored for found in matches]
        write_video(options, tracks, judgements, times, report, mirrored=mirrored)
    return result


def prepare_all(
    videos: Sequence[Path], settings: PoseSettings, report: Report, cache_dir: Path | None = None
) -> tuple[list[Reference], int]:
    """Return the sequences of all videos, two prepared at a time, and how many came from the cache.

    Finished videos stay in the cache, so after Ctrl-C, or when another video cannot be used, they are not
    prepared again.

    Raises:
        SourceError, ReferenceFileError, ModelError, OutputError: see :func:`prepare_reference`.
    """
    cache = cache_dir or reference_cache_dir()
    different = {VideoContent.of(video, cache).sha256: video for video in reversed(videos)}
    stop = threading.Event()

    def prepare(video: Path) -> tuple[Reference, bool]:
        def progress(done: Progress) -> None:
            if stop.is_set():
                raise _StoppedError
            report(f"preparing {video.name}", done.frames, done.total)

        with prepare_reference(video, settings=settings, cache_dir=cache, progress=progress) as prepared:
            return prepared.reference, prepared.cached

    with ThreadPoolExecutor(JOBS, "prepare") as pool:
        futures: dict[str, Future[tuple[Reference, bool]]] = {
            digest: pool.submit(prepare, video) for digest, video in reversed(different.items())
        }
        try:
            # Wait in short steps, so that Ctrl-C works on every system.
            while (state := wait(futures.values(), 0.2, FIRST_EXCEPTION)).not_done:
                if any(future.exception() for future in state.done):
                    break
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    failed = [
        error for future in futures.values() if not future.cancelled() and (error := future.exception())
    ]
    for error in failed:
        if not isinstance(error, _StoppedError):
            raise error
    found = {digest: future.result() for digest, future in futures.items()}
    ours = [found[VideoContent.of(video, cache).sha256] for video in videos]
    return [reference for reference, _ in ours], sum(cached for _, cached in found.values())


class _StoppedError(Exception):
    """Another video failed, or Ctrl-C was pressed."""


def _describe(reference: Reference, name: str) -> dict[str, Any]:
    return {
        "file": name,
        "sha256": reference.origin.sha256,
        "duration_s": round(reference.duration, 3),
        "frames": len(reference),
        "fps": reference.origin.fps,
        "seen": round(float(reference.seen.mean()), 3),
        "warning": reference.origin.warning,
    }
