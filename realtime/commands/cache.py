"""``posesync cache``: shows, limits and clears what is kept of prepared videos."""

from __future__ import annotations

import time
from enum import Enum
from typing import Annotated, Optional

import typer
from posesync.pose.folders import cache_folder
from posesync.realtime.session.config import load_config
from posesync.reference.cache import GIGABYTE, Entry, entries, remove, tidy, to_remove
from rich.table import Table

from . import options as shared
from .console import cell, out, say


class Action(str, Enum):
    """What is done with the cache."""

    SHOW = "show"
    LIMIT = "limit"
    CLEAR = "clear"


def cache(
    action: Annotated[
        Action,
        typer.Argument(help="show; limit: delete what is too much, oldest use first; clear: delete all."),
    ] = Action.SHOW,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
    limit: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="GB to keep at most; by default cache.limit in the settings.", show_default=False),
    ] = None,
    config: shared.ConfigFile = None,
) -> None:
    """Show what is kept of prepared videos, and what would be deleted; it can all be made again.

    Commands keep the cache within its limit by themselves. What a running session uses is never deleted, and
    neither are videos, models, sessions, reports or the history.
    """
    settings = load_config(config, {"cache.limit": limit})
    most = 0 if action is Action.CLEAR else round(settings.cache.limit * GIGABYTE)
    found = entries()
    going = to_remove(found, most)
    if action is Action.SHOW or not yes:
        _show(found, going)
    if action is Action.SHOW:
        return
    if going and not yes and not typer.confirm(f"delete {_count(going)}?", default=False):
        say("nothing was deleted")
        return
    if going:
        remove(going)
    tidy(most if action is Action.LIMIT else _size(found))
    left = {entry.path for entry in entries()}
    say(f"deleted {_count([entry for entry in going if entry.path not in left])}")


def _show(found: list[Entry], going: list[Entry]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("entry", "MB", "last use", "remark"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for entry in found:
        remark = "in use" if entry.busy else "would be deleted" if entry in going else ""
        last = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        name = f"{entry.path.parent.name}/{entry.path.name}"
        table.add_row(cell(name), f"{entry.size / 1e6:.1f}", last, remark)
    console = out()
    console.soft_wrap = False
    if found:
        console.print(table)
    say(f"{_count(found)} in {cache_folder()}")


def _count(found: list[Entry]) -> str:
    things = "1 entry" if len(found) == 1 else f"{len(found)} entries"
    return f"{things}, {_size(found) / 1e6:.1f} MB"


def _size(found: list[Entry]) -> int:
    return sum(entry.size for entry in found)
