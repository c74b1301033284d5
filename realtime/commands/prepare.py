"""``posesync prepare``: turn an expert's video into a reference, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from posesync.pose.config import load_config
from posesync.reference.prepare import prepare_reference

from ..session import pose_settings
from . import options as shared
from .console import preparing, say


def prepare(
    video: Annotated[Path, typer.Argument(help="The expert's video.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Prepare again even if it is done already.")] = False,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
) -> None:
    """Find the expert's movement in a video and keep it, so that sessions start at once."""
    settings = load_config(config, {"pose.model": pose, "detector.kind": detector, "pose.provider": provider})
    with preparing(video.name) as progress:
        prepared = prepare_reference(video, settings=pose_settings(settings), progress=progress, force=force)
    with prepared:
        reference = prepared.reference
        seen = float(reference.seen.mean())
        how = "is prepared already" if prepared.cached else "is prepared"
        size = f"{reference.duration:.1f} s, {len(reference)} frames, {100 * seen:.0f} % with a person"
        say(f"{video.name} {how}: {size}")
        say(f"kept in {prepared.folder}", style="dim")
