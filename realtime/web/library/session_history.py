"""Past sessions for the page: those in the history, and those of which only a report is left."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from posesync.pose.digest import file_sha256
from posesync.pose.textual import clean_text
from posesync.realtime.report.history import History, PastSession
from posesync.realtime.report.reading import MAX_LOG_BYTES
from posesync.realtime.web.practice.hub import report_id

from .experts import ExpertStore

LOG: Final = ".jsonl"
REPORT: Final = ".html"
#: Sessions that are listed, the newest ones.
MOST: Final = 1000

_MAX_HEADER: Final = 64 << 10
_NOTHING: Final = dict.fromkeys(
    ("score", "form", "timing", "speed", "coverage", "reached", "duration", "seconds")
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A session in the folder: its log's digest, None without a log; its time; its report, or None."""

    sha256: str | None
    changed: float
    log: Path | None
    report: Path | None


class SessionHistory:
    """Sessions and reports. Its methods may be called from any thread, and block.

    Args:
        store: shows which experts still exist.
        folder: folder of kept sessions.
        history: the history's file.
    """

    def __init__(self, store: ExpertStore, folder: Path, history: Path) -> None:
        self._store, self._folder, self._history = store, folder, history
        self._digests: dict[tuple[str, int, int], str] = {}
        self._lock = threading.Lock()

    def sessions(self) -> list[dict[str, Any]]:
        """Return the answer of ``GET /api/history``, the newest session last.

        Raises:
            OutputError: the history cannot be used.
        """
        past: list[PastSession] = []
        if self._history.is_file():  # opening would create it
            with History(self._history) as history:
                past = history.sessions(limit=MOST)
        kept = self._kept()
        reports = {session.sha256: session.report for session in kept if session.sha256}
        known = {session.sha256 for session in past}
        listed = [(session, reports.get(session.sha256)) for session in past]
        # The history may be switched off, or begun after these sessions.
        listed += [(_unknown(k), k.report) for k in kept if k.report is not None and k.sha256 not in known]
        listed.sort(key=lambda item: item[0].at)
        return [self._described(*item) for item in listed[-MOST:]]

    def report(self, identity: str) -> Path | None:
        """Return the report with that id from the listing; None when there is none."""
        for path in self._files(REPORT):
            if report_id(path) == identity:
                return path
        return None

    def _described(self, session: PastSession, report: Path | None) -> dict[str, Any]:
        expert = self._store.get(session.reference[:16]) if session.reference else None
        return {
            **session.to_dict(),
            "expert": None if expert is None else expert.id,
            "report": None if report is None else f"/reports/{report_id(report)}",
        }

    def _kept(self) -> list[_Kept]:
        reports = {path.stem: path for path in self._files(REPORT)}
        logs = {path.stem: path for path in self._files(LOG)}
        each = (self._look(logs.get(stem), reports.get(stem)) for stem in logs.keys() | reports.keys())
        return [kept for kept in each if kept is not None]

    def _look(self, log: Path | None, report: Path | None) -> _Kept | None:
        """Return a session from its files; None when they have just been deleted."""
        path = log or report
        try:
            stat = path.stat() if path is not None else None
            if stat is None:
                return None
            if log is not None and stat.st_size > MAX_LOG_BYTES:
                log = None  # no log that a report could be made of; reading 3 GB would take seconds
            digest = None if log is None else self._digest(log, stat.st_size, stat.st_mtime_ns)
            return _Kept(digest, stat.st_mtime, log, report)
        except OSError:
            return None

    def _files(self, suffix: str) -> list[Path]:
        """Return the files with that suffix, without links: nothing outside the folder is ever served."""
        try:
            entries = list(self._folder.iterdir())
        except OSError:  # no session yet
            return []
        return [
            path
            for path in entries
            if path.suffix == suffix
            and not path.name.startswith(".")
            and not path.is_symlink()
            and path.is_file()
        ]

    def _digest(self, log: Path, size: int, changed: int) -> str:
        """Return the sha256 of a log, which is read once."""
        key = (log.name, size, changed)
        with self._lock:
            known = self._digests.get(key)
        if known is None:
            known = file_sha256(log)
            with self._lock:
                self._digests[key] = known
        return known


def _unknown(kept: _Kept) -> PastSession:
    """Return a session that is not in the history: its time, and its expert if the log gives it."""
    reference = {} if kept.log is None else _reference(kept.log)
    return PastSession(
        sha256=kept.sha256 or "",
        at=datetime.fromtimestamp(kept.changed).astimezone(),
        reference=clean_text(reference.get("sha256"), 64),
        name=clean_text(reference.get("file"), 120),
        joints={},
        sections={},
        **_NOTHING,
    )


def _reference(log: Path) -> dict[str, Any]:
    """Return the expert as given in a log's first line, which is untrusted."""
    try:
        with log.open("rb") as file:
            header = json.loads(file.readline(_MAX_HEADER))
        reference = header["reference"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return reference if isinstance(reference, dict) else {}
