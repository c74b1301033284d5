"""``posesync report``: reports a session's log as a page, JSON or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from posesync.pose.paths import Output, check_outputs
from posesync.realtime.report import Report, chosen_history, make_report
from posesync.realtime.report.exports import to_csv, to_json
from posesync.realtime.report.page import render_page
from posesync.realtime.report.writing import write_text

from .console import put, put_json, say


def report(
    log: Annotated[Path, typer.Argument(help="A session's log (session.jsonl).", show_default=False)],
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--output",
            "-o",
            help="Where to write; by default the page goes beside the log, JSON and CSV to standard output.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of the page, for programs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of the page, a row per frame.")] = False,
    history: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The history's file; by default your own.", show_default=False),
    ] = None,
    no_history: Annotated[
        bool, typer.Option("--no-history", help="Do not compare with the history, and do not add to it.")
    ] = False,
) -> None:
    """Report a session: score, joints, tempo, the worst moments, and the change since earlier ones.

    The page is one file that needs no network. Each session is kept in a small history on this machine.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other: give one of them")
    place = chosen_history(history)
    target = output if output or as_json or as_csv else log.with_suffix(".html")
    if target is not None:
        kind = "" if as_json or as_csv else "a report"
        read = [("the log itself", log), ("the history of sessions", place)]
        check_outputs([Output("--output", target, kind)], read)
    made = make_report(log, history=None if no_history else place)
    text = _text(made, as_json=as_json, as_csv=as_csv)
    if target is None:
        (put_json if as_json else put)(text)
        return
    write_text(target, text)
    for note in made.analysis.data.notes:
        say(note, style="yellow")
    say(f"report: {target}")


def _text(made: Report, *, as_json: bool, as_csv: bool) -> str:
    if as_csv:
        return to_csv(made.analysis)
    make = to_json if as_json else render_page
    return make(made.analysis, made.comparison)
