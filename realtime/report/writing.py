"""Makes a report of a log: read, analyse, compare with the history, write."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from posesync.pose.errors import OutputError
from posesync.pose.files import atomic_file

from .analysis import Analysis, analyse
from .comparison import Comparison, compare, past_session
from .history import History
from .page import render_page
from .reading import read_session

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The content of a report.

    Attributes:
        analysis: the analysis of the session.
        comparison: the comparison with earlier sessions.
    """

    analysis: Analysis
    comparison: Comparison


def make_report(log: Path, *, history: Path | None = None) -> Report:
    """Read a log, compare it with the history and add it there.

    Without a usable history only the comparison is missing; a warning says why.

    Args:
        log: session.jsonl.
        history: the history's file; None: no history.

    Raises:
        SourceError: the log cannot be read, see :func:`~posesync.realtime.report.reading.read_session`.
    """
    analysis = analyse(read_session(log))
    now = past_session(analysis, datetime.fromtimestamp(log.stat().st_mtime).astimezone())
    if history is None:
        return Report(analysis, Comparison(now))
    try:
        with History(history) as past:
            past.add(now)
            comparison = compare(now, past.sessions(now.reference))
    except OutputError as error:
        logger.warning("%s; the report has no earlier sessions", error)
        trouble = "The history of earlier sessions could not be used, so nothing is compared."
        comparison = replace(Comparison(now), trouble=trouble)
    return Report(analysis, comparison)


def write_report(log: Path, target: Path, *, history: Path | None = None) -> Report:
    """Write the report of a session as one HTML file.

    Args:
        log: session.jsonl; it may be truncated.
        target: the HTML file; replaced when complete.
        history: the history's file, see :func:`make_report`; None: no comparison.

    Raises:
        SourceError: the log is missing, empty, of another version or not a log.
        OutputError: the file cannot be written.
    """
    report = make_report(log, history=history)
    write_text(target, render_page(report.analysis, report.comparison))
    return report


def write_text(target: Path, text: str) -> None:
    """Write a text file completely or not at all.

    Raises:
        OutputError: the folder is missing or read-only, or the disk is full.
    """
    with atomic_file(target) as file:
        file.write(text.encode())
