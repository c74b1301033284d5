"""Options and result of a session, and its parts made from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posesync.pose.settings import PoseSettings
from posesync.pose.unfinished import Entry
from posesync.realtime.coaching.coach import Coach
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.guidance import Guidance

from .config import Config
from .outputs import Missing
from .record import WorstMoments


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Options of one session.

    Attributes:
        camera: index, name, device, file, folder or address (:func:`posesync.pose.sources.open_source`).
        headless: no window; a file is then processed frame by frame.
        log: path of session.jsonl, or None.
        record: path of the recording (``.mp4``), or None.
        required: an output that cannot be begun is an error; otherwise the session goes on without it.
        entry: in the register of unfinished sessions, ended by the caller; None: one of the session's own.
    """

    camera: str
    headless: bool = False
    log: Path | None = None
    record: Path | None = None
    required: bool = True
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class SessionResult:
    """Result of one session.

    Attributes:
        ended: ``end of source``, ``quit``, ``interrupted`` or ``camera lost``.
        summary: as in the log.
        timing: figures that depend on the clock: fps, latency.
        missing: the outputs that could not be written, or not to the end.
    """

    ended: str
    summary: dict[str, Any]
    timing: dict[str, Any]
    missing: tuple[Missing, ...] = ()


def pose_settings(config: Config) -> PoseSettings:
    """Return the settings of how keypoints are found."""
    return PoseSettings.of(config.detector, config.pose)


def make_guidance(expert: Expert, config: Config) -> Guidance:
    """Return guidance for each section of the expert, as configured."""
    return Guidance([(part.start, part.end) for part in expert.sections()], config.guidance)


def make_coach(expert: Expert, config: Config, *, waits: bool) -> Coach:
    """Return a coach as configured; ``waits``: it waits for the performer to get ready."""
    return Coach(
        expert.takes,
        section=expert.section,
        loop=expert.loop,
        feedback=config.feedback,
        cues=config.cues,
        framing=config.framing,
        practice=config.practice if waits else None,
        tracking=config.tracking,
    )


def make_worst_moments(expert: Expert, config: Config) -> WorstMoments | None:
    """Return a collector of the worst moments' pictures; None when they are not wanted."""
    return WorstMoments(expert) if config.session.pictures else None
