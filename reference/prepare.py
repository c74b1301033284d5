"""Prepares the expert's video once: its keypoints, and a copy for instant display; cached by content."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
from posesync.pose.errors import ReferenceFileError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.features import CONFIDENCE_FLOOR
from posesync.pose.files import make_private_folder, new_private_file, output_error, scratch_folder
from posesync.pose.folders import cache_folder
from posesync.pose.model_choice import model_digests
from posesync.pose.performer import Succession
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import FrameSource, open_source
from posesync.pose.types import FloatArray, Keypoints

from .cache import entry_lock, sweep, use
from .content import VideoContent
from .gaps import fill_gaps
from .proxy import ProxyVideo, ProxyWriter
from .reference import Origin, Reference
from .storage import SCHEMA

log = logging.getLogger(__name__)

#: Increased when the same video and settings give different samples or a different proxy than before.
PREPARE_VERSION: Final = 3
#: s: an expert's video must be at least this long …
MIN_DURATION: Final = 1.0
#: s: … and show a person for at least this long.
MIN_SEEN: Final = 0.5

REFERENCE_FILE: Final = "reference.npz"
PROXY_FILE: Final = "proxy.mov"
_REPORT_EVERY: Final = 0.1  # s between two calls of the progress callback
#: Settings that change the speed but not the result, or that name a file whose content is what counts.
_SAME_RESULT: Final = ("provider", "threads", "pose_model", "detector_model")
#: Beside a display copy that this version would make too.
_SHOWN: Final = f"shown-{PREPARE_VERSION}"


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of :func:`prepare_reference`.

    Attributes:
        frames: number of frames done so far.
        total: number of frames in the video, from its container or its duration; None when neither is known.
        fps: frames per second so far, without the time for loading the models.
        remaining: s left, None when ``total`` is not known.
    """

    frames: int
    total: int | None
    fps: float
    remaining: float | None


@dataclass(frozen=True, slots=True)
class PreparedReference:
    """An expert's video, ready to follow.

    Attributes:
        reference: the sequence; ``reference.origin.warning`` says what is wrong with the video, if anything.
        proxy: shows any moment; close it (or this, as a context manager) when done.
        cached: True when it had been prepared before.
        folder: where both are kept.
    """

    reference: Reference
    proxy: ProxyVideo
    cached: bool
    folder: Path

    def close(self) -> None:
        """Close the proxy."""
        self.proxy.close()

    def __enter__(self) -> PreparedReference:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reference_cache_dir() -> Path:
    """Return the folder that prepared references are kept in by default."""
    return cache_folder() / "references"


def prepare_reference(
    video: str | Path,
    *,
    settings: PoseSettings | None = None,
    cache_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    force: bool = False,
) -> PreparedReference:
    """Return an expert's video as a reference and a display copy, made now or taken from the cache.

    The cache identifies a video by its content (sha256), not by its name, together with the settings and
    models that change the result. Memory stays flat however long the video is. Any interruption, including
    Ctrl-C, leaves nothing half-written.

    Args:
        video: the file.
        settings: how keypoints are found; the defaults when None.
        cache_dir: where to keep the result; by default :func:`reference_cache_dir`.
        progress: called about ten times a second, and once at the end.
        force: prepare again even if it is in the cache.

    Raises:
        SourceError: no such file, or not a video.
        ReferenceFileError: no person in it, or shorter than one second.
        ModelError: a model is missing or unusable.
        OutputError: the disk is full, or the cache folder is not writable.
    """
    path = Path(video)
    settings = settings or PoseSettings()
    cache = Path(cache_dir) if cache_dir is not None else reference_cache_dir()
    content = VideoContent.of(path, cache)
    digest = content.sha256
    found = None if force else _load(cache / _key(digest, settings))
    if found is None:
        with open_source(path) as source, entry_lock(cache / _key(digest, settings)) as waited:
            # Whoever was waited for may have done the work.
            found = _load(cache / _key(digest, settings)) if waited else None
            if found is None:
                found = _prepare(path, source, settings, cache, digest, progress, share=not force)
    use(found.folder)
    content.remember(cache)
    return found


def _prepare(
    path: Path,
    source: FrameSource,
    settings: PoseSettings,
    cache: Path,
    digest: str,
    progress: Callable[[Progress], None] | None,
    *,
    share: bool,
) -> PreparedReference:
    """Make the entry of a video; with ``share``, the display copy that other models' entry has serves too."""
    estimator = PoseEstimator(settings)
    # Only now is it known which models run: the detector may just have been downloaded.
    folder = cache / _key(digest, settings)
    with _new_folder(folder) as part:
        shared = share and _share_proxy(part, folder)
        reference = _run(path, source, estimator, part, digest, progress, shown=not shared)
        reference.save(part / REFERENCE_FILE)
        new_private_file(part / _SHOWN).close()
    return PreparedReference(reference, ProxyVideo.open(folder / PROXY_FILE), False, folder)


def _share_proxy(part: Path, folder: Path) -> bool:
    """Give ``part`` the display copy that another entry of the video has; there is one of it on the disk."""
    for other in folder.parent.glob(f"{folder.name.partition('-')[0]}-*/{PROXY_FILE}"):
        with suppress(OSError, ReferenceFileError):
            if (other.parent / _SHOWN).is_file():
                ProxyVideo.open(other).close()
                os.link(other, part / PROXY_FILE)
                return True
    return False


def _run(
    path: Path,
    source: FrameSource,
    estimator: PoseEstimator,
    folder: Path,
    digest: str,
    progress: Callable[[Progress], None] | None,
    *,
    shown: bool,
) -> Reference:
    """Read every frame once: its keypoints go into the sequence, if ``shown`` its picture into the proxy."""
    times: list[float] = []
    poses: list[FloatArray] = []
    successions: list[tuple[float, Succession]] = []
    meter = _Meter(source, progress)
    size = source.info.width, source.info.height
    with ProxyWriter(folder / PROXY_FILE, *size) if shown else nullcontext() as proxy:
        for frame in source:
            found = estimator.update(frame)
            poses.append(found.keypoints.to_array())
            if found.succeeded is not None:
                successions.append((frame.time, found.succeeded))
            times.append(frame.time)
            if proxy is not None:
                proxy.write(frame.image, frame.time)
            meter.advance()
        if successions:
            _look_again(path, estimator, successions, poses)
        meter.finish()
        keypoints = np.asarray(poses, np.float32).reshape(-1, 17, 3)
        _check_usable(source.info.name, keypoints, np.asarray(times))
    origin = Origin(
        file=source.info.name.encode("utf-8", "replace").decode(),  # a name may be any bytes
        sha256=digest,
        width=source.info.width,
        height=source.info.height,
        fps=source.info.fps,
        settings=asdict(estimator.settings),
        models=estimator.describe(),
        versions={name: _version(name) for name in ("posesync", "numpy", "av", "opencv-python-headless")},
        warning=source.warning,
    )
    stamps = np.asarray(times)
    return Reference.from_keypoints(fill_gaps(keypoints, stamps), stamps, origin=origin)


def _look_again(
    path: Path, estimator: PoseEstimator, successions: list[tuple[float, Succession]], poses: list[FloatArray]
) -> None:
    """Correct ``poses`` in which somebody else was taken for the expert, until the expert succeeded them.

    ``successions`` are (time at which it happened, s, succession). A file can be read again, so the expert is
    followed from the first moment they are seen; before that the poses are empty, even if somebody stands by.
    It takes as long as the opening does.
    """
    with open_source(path) as source:
        current: Succession | None = None
        for i, frame in enumerate(source):
            if frame.time >= successions[-1][0]:
                break
            # Where two overlap, the later one is right.
            inside = [found for until, found in successions if found.before <= frame.time < until]
            if not inside:
                continue
            if frame.time < inside[-1].since:
                poses[i] = Keypoints.empty().to_array()
                continue
            if inside[-1] is not current:
                current = inside[-1]
                estimator.follow(current.box, current.since)
            poses[i] = estimator.update(frame).keypoints.to_array()


def _check_usable(name: str, keypoints: FloatArray, times: FloatArray) -> None:
    """Raise for a video that nobody could follow: too short, or without a person."""
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    duration = float(times[-1] - times[0]) + interval if len(times) else 0.0
    if duration < MIN_DURATION - 1e-6:
        raise ReferenceFileError(
            f"{name} is {duration:.2f} s long, expected at least {MIN_DURATION:g} s: "
            "give a longer video of the expert"
        )
    # Half of the body's twelve keypoints make a pose that can be compared; a stray one is not a person.
    seen = float(((keypoints[:, 5:, 2] > CONFIDENCE_FLOOR).sum(axis=1) >= 6).mean()) * duration
    if seen < MIN_SEEN:
        found = f"a person for only {seen:.2f} s" if seen else "no person"
        raise ReferenceFileError(
            f"{name} shows {found}, expected at least {MIN_SEEN:g} s: "
            "give a video in which one person's body is well visible"
        )


class _Meter:
    """Turns a count of frames into :class:`Progress`."""

    def __init__(self, source: FrameSource, report: Callable[[Progress], None] | None) -> None:
        info = source.info
        estimate = round(info.duration * info.fps) if info.duration and info.fps else None
        self._total = info.frames or estimate or None
        self._report = report
        self._start = self._reported = time.perf_counter()
        self._frames = 0

    def advance(self) -> None:
        self._frames += 1
        now = time.perf_counter()
        if now - self._reported >= _REPORT_EVERY:
            self._reported = now
            self._tell(now)

    def finish(self) -> None:
        """Report the end: the real number of frames is known now, whatever the container said."""
        self._total = self._frames
        self._tell(time.perf_counter())

    def _tell(self, now: float) -> None:
        if self._report is None:
            return
        fps = self._frames / max(now - self._start, 1e-9)
        total = None if self._total is None else max(self._total, self._frames)
        remaining = None if total is None else (total - self._frames) / max(fps, 1e-9)
        self._report(Progress(self._frames, total, fps, remaining))


# -- the cache -----------------------------------------------------------------------------------------------


def _key(digest: str, settings: PoseSettings) -> str:
    """Return the folder name: it changes with the video, everything that affects the result, and versions."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in _SAME_RESULT}
    parts: dict[str, Any] = {
        **chosen,
        **model_digests(settings),
        "schema": SCHEMA,
        "version": PREPARE_VERSION,
    }
    settings_digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{digest[:32]}-{settings_digest[:16]}"


def _load(folder: Path) -> PreparedReference | None:
    """Return the result of an earlier run; None when there is none that can be used."""
    if not folder.is_dir():
        return None
    try:
        reference = Reference.load(folder / REFERENCE_FILE)
        proxy = ProxyVideo.open(folder / PROXY_FILE)
    except ReferenceFileError as error:
        log.warning("%s; preparing it now", str(error).partition(": ")[0])
        return None
    if reference.origin.warning:
        log.warning("%s", reference.origin.warning)
    return PreparedReference(reference, proxy, True, folder)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces ``folder`` when the block succeeds, and vanishes otherwise."""
    with ExitStack() as stack:
        try:
            make_private_folder(folder.parent)
            sweep(folder.parent)
            part = stack.enter_context(scratch_folder(folder.parent))
        except OSError as error:
            raise output_error(error, folder) from error
        yield part
        try:
            _take_place(part, folder)
        except OSError as error:
            raise output_error(error, folder) from error


def _take_place(part: Path, folder: Path) -> None:
    """Rename ``part`` to ``folder``, replacing an older one (forced, damaged, or by another process)."""
    if folder.exists():
        with scratch_folder(folder.parent) as old:
            folder.replace(old)
            part.replace(folder)
    else:
        part.replace(folder)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
