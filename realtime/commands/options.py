"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Optional

import typer
from posesync.configs.shared import SHARED
from posesync.pose.errors import PoseSyncError
from posesync.realtime.session.config import Config

KEYS: Final = SHARED.keys


def moment(text: str) -> float:
    """Return seconds from ``75``, ``1:15`` or ``0:01:15.5``.

    Raises:
        typer.BadParameter: something else.
    """
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or not all(0 <= number < float("inf") for number in numbers):
        raise typer.BadParameter(
            f"{text!r} is not a time, expected seconds or minutes:seconds, as in 75 or 1:15"
        )
    seconds = 0.0
    for number in numbers:
        seconds = 60.0 * seconds + number
    return seconds


def tidy_cache(settings: Config) -> None:
    """Keep the cache of prepared videos within its limit, before more is added to it."""
    from posesync.reference.cache import GIGABYTE, tidy  # the doctor must run without it

    with suppress(OSError, PoseSyncError):  # whoever needs the cache says what is wrong with it
        tidy(round(settings.cache.limit * GIGABYTE))


def files_read(
    config: Path | None, settings: Config, videos: Sequence[Path] = (), history: Path | None = None
) -> list[tuple[str, Path]]:
    """Return (what it is, file) of all that a command reads, for the check of what it is to write.

    Args:
        config: as given with ``--config``.
        settings: the settings in force.
        videos: as given by the user.
        history: the history's file; the user's own when None.
    """
    from posesync.realtime.report import default_history_path  # the doctor must run without it

    named = [
        *(("one of the videos given", video) for video in videos),
        ("the file of settings", config),
        ("the model of the keypoints", settings.pose.file),
        ("the model of the detector", settings.detector.model),
        ("the history of sessions", history or default_history_path()),
    ]
    return [(what, Path(path)) for what, path in named if path]


# Typer reads these at run time, on Python 3.10 too, hence Optional.
ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--config",
        help="TOML file of settings, or a preset: dance, exercise, slow-practice.",
        show_default=False,
    ),
]
Pose = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--pose", help="Keypoints by lightning (fast), thunder (precise) or mediapipe.", show_default=False
    ),
]
Detector = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--detector", help="Find the performer by: auto, yolov5 or keypoints.", show_default=False),
]
Provider = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--provider", help="Run models on: auto, cpu, cuda, tensorrt, …", show_default=False),
]

View = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help=f"Side by side (side-by-side), ghost or picture-in-picture; key {KEYS['view'].label}.",
        show_default=False,
    ),
]

Begin = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--start", help="What begins the piece: count, motion, hand or now.", show_default=False),
]

Guidance = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help=f"What is shown of the expert: full, mistakes or none; key {KEYS['guidance'].label}.",
        show_default=False,
    ),
]

Sound = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help=f"The expert's sound: follow, clock or off; key {KEYS['sound'].label} mutes.",
        show_default=False,
    ),
]
