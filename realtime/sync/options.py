"""Options of a synchronisation, checked before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from posesync.pose import paths
from posesync.pose.errors import ConfigError, OutputError
from posesync.pose.writer import VideoWriter
from posesync.reference.align import Metric

#: Videos in one grid at most.
MOST_VIDEOS: Final = 16


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """Options of a synchronisation.

    Attributes:
        videos: the expert's, then one attempt or more.
        output: the video to write, or None.
        ghost: show the attempt alone, with the expert's pose over it.
        follow_attempt: keep the first attempt's time base and sound instead of the expert's.
        closed: both recordings begin and end with the piece; otherwise their ends may stay unmatched.
        window: s, how far the path may lie off the diagonal, or None.
        metric: the distance that is compared.
        path: CSV file for the warping path, or None.
        plot: PNG file for the cost matrix, or None.

    Raises:
        ConfigError: fewer than two videos, more than ``MOST_VIDEOS``, or a ghost of more than one attempt.
    """

    videos: tuple[Path, ...]
    output: Path | None = None
    ghost: bool = False
    follow_attempt: bool = False
    closed: bool = False
    window: float | None = None
    metric: Metric = "features"
    path: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        """Refuse combinations that cannot be shown."""
        count = len(self.videos)
        if not 2 <= count <= MOST_VIDEOS:
            raise ConfigError(
                f"{count} video{'s' * (count != 1)} given, expected the expert's and 1 to {MOST_VIDEOS - 1} "
                "attempts: name the expert's video first, then the attempts"
            )
        if self.ghost and count > 2:
            raise ConfigError(
                f"a ghost of {count} videos, expected two: leave out --ghost, or give one attempt"
            )


def check_outputs(options: SyncOptions, inputs: Sequence[tuple[str, Path]] = ()) -> None:
    """Check now, not after minutes, whether the results can be written.

    Args:
        options: with the videos and the results.
        inputs: (what it is, file) of all that is read besides the videos.

    Raises:
        OutputError: a name is that of something read, of a folder, or given twice; its folder is missing; it
            has a wrong suffix.
    """
    outputs = (
        ("--output", options.output, "a video"),
        ("--path", options.path, ""),
        ("--plot", options.plot, ""),
    )
    paths.check_outputs(
        [paths.Output(option, path, kind) for option, path, kind in outputs if path is not None],
        [*(("one of the videos given", video) for video in options.videos), *inputs],
    )
    if options.plot is not None and options.plot.suffix.lower() != ".png":
        raise OutputError(f"{options.plot} is not a name for a PNG picture: use the suffix .png")
    if options.output is not None:
        VideoWriter(options.output, 64, 64, 30).abort()
