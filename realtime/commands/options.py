"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

# Typer reads these at run time, on Python 3.10 too, hence Optional.
ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--config", help="TOML file of settings; see configs/default.toml.", show_default=False),
]
Pose = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--pose", help="MoveNet: lightning (fast) or thunder (precise).", show_default=False),
]
Detector = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--detector", help="Find the performer by: auto, yolov5 or keypoints.", show_default=False),
]
Provider = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--provider", help="Run models on: auto, cpu, cuda, tensorrt, …", show_default=False),
]
