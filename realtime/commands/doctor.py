"""``posesync doctor``: checks what works on this machine, and says how to repair the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Annotated, Any

import typer
from posesync.pose.diagnosis import Finding, Severity, worst
from posesync.pose.folders import cache_folder
from posesync.realtime.session.config import load_config
from rich.table import Table
from rich.text import Text

from . import diagnosis
from . import options as shared
from .console import cell, out, put_json

#: Exit code when something prevents live coaching.
BLOCKED = 1
SCHEMA = 1

_MARKS = {
    Severity.OK: ("ok", "green"),
    Severity.NOTE: ("note", "cyan"),
    Severity.WARNING: ("warn", "yellow"),
    Severity.BLOCKER: ("STOP", "bold red"),
}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
) -> None:
    """Check everything a session needs, and say how to repair what does not work.

    Takes about ten seconds. The exit code is 1 when something prevents live coaching, else 0.
    """
    settings = load_config(config, {"pose.model": pose, "detector.kind": detector, "pose.provider": provider})
    cache = cache_folder()
    console = out()
    console.soft_wrap = False
    findings = []
    with _without_warnings():
        for finding in diagnosis.examine(diagnosis.checks(settings, cache)):
            findings.append(finding)
            if not as_json:
                console.print(render(finding))  # at once: a crash in the next check must not hide this one
    gravest = worst(findings)
    if as_json:
        put_json(json.dumps(report(findings), ensure_ascii=False, indent=2) + "\n")
    else:
        console.print(conclusion(findings))
    if gravest is Severity.BLOCKER:
        raise typer.Exit(BLOCKED)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hide warnings inside the block: here each is a finding, shown once with its remedy."""
    logger = logging.getLogger("posesync")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def render(finding: Finding) -> Table:
    """Return one finding, wrapped under its own heading."""
    mark, style = _MARKS[finding.severity]
    table = Table.grid(padding=(0, 1))
    table.add_column(width=4, no_wrap=True)
    table.add_column(width=12, overflow="fold")
    table.add_column(overflow="fold")
    table.add_row(Text(mark, style=style), Text(finding.topic, style="bold"), cell(finding.text))
    if finding.remedy:
        table.add_row("", "", cell(f"→ {finding.remedy}", "" if style == "green" else style))
    return table


def conclusion(findings: list[Finding]) -> Text:
    """Return the last line."""
    count = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    if blockers := count[Severity.BLOCKER]:
        things = "1 thing stops" if blockers == 1 else f"{blockers} things stop"
        return Text(f"{things} PoseSync from working here.", style="bold red")
    if warnings := count[Severity.WARNING]:
        things = "1 warning" if warnings == 1 else f"{warnings} warnings"
        return Text(f"PoseSync works here, with {things}.", style="yellow")
    return Text("PoseSync works here.", style="green")


def report(findings: list[Finding]) -> dict[str, Any]:
    """Return all findings, for JSON."""
    return {
        "posesync": metadata.version("posesync"),
        "schema": SCHEMA,
        "ok": worst(findings) is not Severity.BLOCKER,
        "findings": [finding.to_dict() for finding in findings],
    }
