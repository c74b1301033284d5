"""Recovers sessions that a kill, a power cut or a crash has ended, at the next start of any command.

Each step leaves what the next one needs, so a recovery that is killed itself is continued by the next start;
the lock of the register lets only one process at a time do it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from posesync.pose import remux
from posesync.pose.errors import PoseSyncError, SourceError
from posesync.pose.files import numbered, reason_of
from posesync.pose.unfinished import GIVEN_UP, Entry
from posesync.realtime.session import log as session_log

from .history import History, default_history_path
from .writing import write_report

logger = logging.getLogger(__name__)

#: Names that are tried for one file.
_MOST_NAMES: Final = 100


def begin_session(history: Path | None) -> Entry:
    """Note a session that begins, whose log gets a report; end it when that is written.

    Args:
        history: the history's file, for the report; None: no history.
    """
    began = datetime.now().astimezone().isoformat(timespec="seconds")
    values = {"session": began, "report": True, "history": None if history is None else str(history)}
    return Entry.begin(values, durable=True)


def recover_sessions(entries: Sequence[Entry], say: Callable[[str], None]) -> None:
    """Complete the log, the recording and the report of each session, and say so in one line.

    Args:
        entries: as :func:`posesync.pose.files.sweep` returns them.
        say: prints a line.
    """
    for entry in entries:
        try:
            made = _recover(entry)
        except (OSError, PoseSyncError) as error:
            say(f"{_name(entry)} cannot be recovered yet ({reason_of(error)}): the next start tries again")
            entry.leave()
            continue
        if made is None:
            entry.leave()
            continue
        entry.end()
        if made:
            say(f"{_name(entry)} was recovered: {', '.join(f'{what} {path}' for what, path in made.items())}")
    _tidy_history()


def _name(entry: Entry) -> str:
    began = entry.values.get("session")
    with suppress(ValueError, TypeError):
        return f"the unfinished session of {datetime.fromisoformat(str(began)):%Y-%m-%d %H:%M}"
    return "an unfinished session"


def _recover(entry: Entry) -> dict[str, Path] | None:
    """Return what was recovered, by name; None when its disk is not there."""
    made: dict[str, Path] = {}
    noted = {kind: each for kind in ("log", "video") if (each := _noted(entry.values.get(kind)))}
    if any(not part.parent.is_dir() for part, _, _ in noted.values()) and entry.age < GIVEN_UP:
        return None
    if "video" in noted:
        part, target, _ = noted["video"]
        found = remux.recover(part, target) if part.is_file() else None
        if found is not None:
            made["recording"] = found
    if "log" in noted:
        part, target, file = noted["log"]
        found = session_log.recover(part, target) if part.is_file() else None
        if found is not None:
            made["log"] = found
        complete = _complete(target, file) if found is None else None
        if entry.values.get("report"):
            if found is not None:
                made |= _report(entry, found)
            elif complete is not None and not _has_report(complete):
                made |= _report(entry, complete)
    return made


def _noted(values: Any) -> tuple[Path, Path, int] | None:
    """Return where an output is written, what it was to be called, and the number of its file."""
    if not isinstance(values, dict):
        return None
    part, target = values.get("part"), values.get("target")
    if not isinstance(part, str) or not isinstance(target, str):
        return None
    file = values.get("file")
    return Path(part), Path(target), file[1] if isinstance(file, list) and len(file) == 2 else -1


def _complete(target: Path, file: int) -> Path | None:
    """Return a log that has got its name already, by the number of its file; None when there is none."""
    for number in range(1, _MOST_NAMES):
        name = target if number == 1 else numbered(target, number)
        try:
            if name.lstat().st_ino == file:
                return name
        except OSError:
            return None
    return None


def _has_report(log: Path) -> bool:
    """Return whether the session itself had written the report of its log."""
    page = log.with_suffix(".html")
    try:
        with page.open("rb") as file:
            return b"PoseSync" in file.read() and page.stat().st_mtime >= log.stat().st_mtime
    except OSError:
        return False


def _report(entry: Entry, log: Path) -> dict[str, Path]:
    """Write the report, and add the session to the history, unless that was done; never over another file."""
    page = log.with_suffix(".html")
    if "page" in entry.values:
        page = Path(str(entry.values["page"]))
        if page.exists():  # written by a recovery that was killed afterwards
            return {}
    else:
        number = 2
        while page.exists():
            page, number = numbered(log.with_suffix(".html"), number), number + 1
        entry.note(page=str(page))
    history = entry.values.get("history")
    try:
        write_report(log, page, history=None if history is None else Path(str(history)))
    except SourceError as error:
        logger.warning("no report: %s", error)
        return {}
    return {"report": page}


def _tidy_history() -> None:
    """Let SQLite take back what a killed process had half written to the history."""
    path = default_history_path()
    if path.with_name(f"{path.name}-journal").exists():
        with suppress(PoseSyncError), History(path):
            pass
