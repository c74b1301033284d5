"""Makes reports of sessions (one HTML file, JSON or CSV from session.jsonl), and keeps their history."""

from __future__ import annotations

from .analysis import Analysis, analyse
from .history import History, PastSession, chosen_history, default_history_path
from .reading import SessionData, read_session
from .writing import Report, make_report, write_report

__all__ = [
    "Analysis",
    "History",
    "PastSession",
    "Report",
    "SessionData",
    "analyse",
    "chosen_history",
    "default_history_path",
    "make_report",
    "read_session",
    "write_report",
]
