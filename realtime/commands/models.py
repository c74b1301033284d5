"""``posesync models``: lists the models on this machine, and fetches or exports others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from posesync.pose.model_files import ModelStatus, find_model, list_models
from rich.table import Table

from .console import cell, out, say

#: First argument that asks for an export.
EXPORT = "export"


def models(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            help="Models to fetch; without any, list them. `export yolov5nu`: make a detector's ONNX file.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--output", "-o", help="Folder for exported files; by default the cache.", show_default=False
        ),
    ] = None,
) -> None:
    """List the models, fetch the ones given, or export detectors through ultralytics."""
    if names and names[0] == EXPORT:
        _export(names[1:], output)
        return
    if names:
        for name in names:
            say(f"{name}: {find_model(name)}")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "state", "MB", "licence", "purpose"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for status in list_models():
        size = f"{status.size / 1e6:.1f}" if status.path else ""
        row = (status.name, _state(status), size, status.info.licence, status.info.purpose)
        table.add_row(*map(cell, row))
    console = out()
    console.soft_wrap = False
    console.print(table)
    missing = [status.name for status in list_models() if status.path is None and status.info.url]
    if missing:
        say(f"fetch with: posesync models {' '.join(missing)}", style="dim")


def _export(names: list[str], folder: Path | None) -> None:
    if not names:
        raise typer.BadParameter("name a detector to export, as in: posesync models export yolov5nu")
    from posesync.pose.export import export_detector

    for name in names:
        path = export_detector(name, folder)
        say(f"{name}: {path}")
        say(f"use it with: --detector-model {path} (AGPL-3.0, like all of ultralytics' models)", style="dim")


def _state(status: ModelStatus) -> str:
    if status.path is None:
        return "not here"
    return "ready" if status.checksum_ok else "unknown copy (checksum)"
