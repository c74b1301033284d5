"""``posesync models``: which models are on this machine; fetch those that are not."""

from __future__ import annotations

from typing import Annotated, Optional

import typer
from posesync.pose.model_files import ModelStatus, find_model, list_models
from rich.table import Table

from .console import out, say


def models(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(help="Models to fetch; none: only list them.", show_default=False),
    ] = None,
) -> None:
    """List the models, or fetch those that are named."""
    if names:
        for name in names:
            say(f"{name}: {find_model(name)}")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "state", "MB", "licence", "purpose"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for status in list_models():
        size = f"{status.size / 1e6:.1f}" if status.path else ""
        table.add_row(status.name, _state(status), size, status.info.licence, status.info.purpose)
    console = out()
    console.soft_wrap = False
    console.print(table)
    missing = [status.name for status in list_models() if status.path is None and status.info.url]
    if missing:
        say(f"fetch with: posesync models {' '.join(missing)}", style="dim")


def _state(status: ModelStatus) -> str:
    if status.path is None:
        return "not here"
    return "ready" if status.checksum_ok else "unknown copy (checksum)"
