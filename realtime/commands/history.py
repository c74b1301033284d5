"""``posesync history``: the sessions so far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer
from posesync.pose.digest import file_sha256
from posesync.pose.errors import SourceError
from posesync.pose.textual import clock, whole
from posesync.realtime.report import History, PastSession, chosen_history
from rich.table import Table

from .console import cell, out, put_json, say

SCHEMA = 1


def history(
    reference: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--reference", "-r", help="Only of this expert's video.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the newest to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--history", help="The history's file; by default your own.", show_default=False),
    ] = None,
) -> None:
    """List the reported sessions, the newest last."""
    place = chosen_history(path)
    with History(place) as past:
        sessions = past.sessions(None if reference is None else _sha256(reference), limit)
    if as_json:
        found = {"schema": SCHEMA, "sessions": [session.to_dict() for session in sessions]}
        put_json(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        return
    if not sessions:
        say("no sessions yet: record one with posesync live --log, then posesync report")
        return
    console = out()
    console.soft_wrap = False
    console.print(_table(sessions))
    say(f"kept in {place}", style="dim")


def _sha256(video: Path) -> str:
    try:
        return file_sha256(video)
    except OSError as error:
        raise SourceError(
            f"cannot read {video} ({error.strerror}): check the path of the expert's video"
        ) from None


def _table(sessions: list[PastSession]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("when", "piece", "score", "form", "timing", "pace", "followed", "length"):
        words = heading in ("when", "piece")
        table.add_column(
            heading, justify="left" if words else "right", overflow="fold", no_wrap=heading == "when"
        )
    for past in sessions:
        table.add_row(
            past.at.strftime("%Y-%m-%d %H:%M"),
            cell(past.name),
            whole(past.score),
            whole(past.form),
            whole(past.timing),
            "–" if past.speed is None else f"{past.speed:.2f}×",
            "–" if past.coverage is None else f"{100 * past.coverage:.0f} %",
            clock(past.seconds or 0.0),
        )
    return table
