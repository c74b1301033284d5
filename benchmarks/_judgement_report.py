"""The tables of ``judgement.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from _people_report import table
from rich.table import Table

Row = dict[str, Any]

#: Columns that are shares, 0..1.
_SHARES: Final = frozenset(
    {
        "good_well", "bad_well", "no_score", "scored", "below_60", "true", "neither", "opposite", "bad",
        "good", "bad_again", "good_again", "told", "correct_told",
    }
)  # fmt: skip
_COUNTED: Final = frozenset({"one", "four"})
TABLES: Final[dict[str, tuple[str, dict[str, str], int]]] = {
    key: (
        f"Scores of takes that the people filmed judged themselves; {takes}; AUC 0.5 is chance",
        {"exercise": "exercise", "good": "good", "bad": "bad", "auc": "AUC", "low": "5 %", "high": "95 %",
         "good_median": "good: median", "good_p10": "p10", "bad_median": "bad: median", "bad_p90": "p90",
         "good_well": "≥ 85: good", "bad_well": "bad", "no_score": "no score",
         "scored": "frames with one"}, 1,
    )
    for key, takes in (("one", "one take"), ("four", "four takes"))
} | {
    "peers": (
        "The same by peers", {"takes": "takes", "peer": "peer", "exercise": "exercise", "auc": "AUC",
                              "low": "5 %", "high": "95 %"}, 3,
    ),
    "correct": (
        "People who do it right: the session's score, and cues a minute, all of them false alarms",
        {"group": "group", "sessions": "sessions", "median": "median", "p10": "p10", "below_60": "< 60",
         "no_score": "no score", "scored": "frames with one", "cues": "cues/min", "minutes": "min"}, 1,
    ),
    "truth": (
        "Frames with a claim on screen, at the place that the events give",
        {"group": "group", "frames": "frames", "claims": "claims/min", "true": "true", "neither": "neither",
         "opposite": "the opposite"}, 1,
    ),
    "told": (
        "Kinds of error by pose-trainer's rules: told to takes that have it, and to good ones",
        {"exercise": "exercise", "kind": "kind", "takes": "takes", "bad": "told", "good": "good takes told",
         "bad_again": "again and again: told", "good_again": "good takes told"}, 2,
    ),
    "flicker": (
        "The number on screen: range within 1 s, changes of colour",
        {"group": "group", "windows": "windows", "median": "median", "p90": "p90",
         "changes": "changes/min"}, 1,
    ),
    "postures": (
        "Postures labelled frame by frame",
        {"posture": "posture", "where": "where", "frames": "frames", "auc": "AUC", "correct": "correct",
         "wrong": "wrong", "told": "told first", "correct_told": "correct told",
         "said": "said of wrong ones"}, 2,
    ),
}  # fmt: skip


def section_table(name: str, rows: Sequence[Row]) -> Table:
    """The table of one section."""
    title, columns, left = TABLES[name]
    shares = _SHARES - {"good", "bad"} if name in _COUNTED else _SHARES
    return table(title, rows, columns, left=left, shares=shares)
