"""What is asked of a session, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posesync.pose.settings import PoseSettings
from posesync.realtime.coaching.coach import Coach
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.guidance import Guidance

from .config import Config
from .record import WorstMoments


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What is asked of one session.

    Attributes:
        camera: index, name, device, file, folder or address (:func:`posesync.pose.sources.open_source`).
        headless: no window; a file is then processed frame by frame.
        log: path of session.jsonl, or None.
        record: path of the recording (``.mp4``), or None.
    """

    camera: str
    headless: bool = False
    log: Path | None = None
    record: Path | None = None


@dataclass(frozen=True, slots=True)
class SessionResult:
    """How a session went.

    Attributes:
        ended: ``end of source``, ``quit``, ``interrupted`` or ``camera lost``.
        summary: as in the log.
        timing: what depends on the clock: fps, latency.
    """

    ended: str
    summary: dict[str, Any]
    timing: dict[str, Any]


def pose_settings(config: Config) -> PoseSettings:
    """The part of the configuration that decides how keypoints are found."""
    return PoseSettings.of(config.detector, config.pose)


def make_guidance(expert: Expert, config: Config) -> Guidance:
    """How much is shown of the expert, section by section, as configured."""
    return Guidance([(part.start, part.end) for part in expert.sections()], config.guidance)


def make_coach(expert: Expert, config: Config, *, waits: bool) -> Coach:
    """A coach as configured; ``waits`` for a performer who gets ready, as nobody does in a file."""
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
    """What keeps pictures of the worst moments; None when they are not wanted."""
    return WorstMoments(expert) if config.session.pictures else None
