"""The tables of ``people.py``."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from rich.table import Table

Row = dict[str, Any]


_SHARES = {
    "within", "coverage", "settled_within", "settled_coverage", "away", "away_from", "away_to", "finished",
    "noticed", "right_before", "back_in_time", "followed", "exact", "counted",
}  # fmt: skip


def _cell(value: Any, key: str, shares: AbstractSet[str] = _SHARES) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, list):
        return " ".join(_cell(item, key, shares) for item in value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if np.isinf(value):
        return "never"
    if key in shares:
        return f"{100 * value:.0f} %"
    if isinstance(value, int) or key.endswith(("_ms", "_us")):
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def table(
    title: str,
    rows: Sequence[Row],
    columns: dict[str, str],
    *,
    left: int = 1,
    shares: AbstractSet[str] = _SHARES,
) -> Table:
    """One line per row; ``columns``: key → head. What no row has is left out; ``shares`` are shown in %."""
    out = Table(title=title, header_style="bold", title_justify="left")
    shown = {key: head for key, head in columns.items() if any(row.get(key) is not None for row in rows)}
    for index, head in enumerate(shown.values()):
        out.add_column(head, justify="left" if index < left else "right", no_wrap=True)
    last, first = None, next(iter(shown))
    for row in rows:
        if left > 1 and last not in (None, row[first]) and not row[first].startswith(" "):
            out.add_section()
        last = row[first]
        out.add_row(*(_cell(row.get(key), key, shares) for key in shown))
    return out


_ERRORS = {
    "events": "events", "median_ms": "median", "p95_ms": "p95", "worst_ms": "worst", "within": "≤0.25",
    "coverage": "cover", "bias_ms": "bias", "settled_median_ms": "settled: median", "settled_p95_ms": "p95",
    "settled_within": "≤0.25", "settled_coverage": "cover", "jumps": "jumps", "minutes": "in min",
    "finished_early": "FINISHED early",
}  # fmt: skip
TABLES: dict[str, tuple[str, dict[str, str], int]] = {
    "groups": (
        "Errors at events, ms; expert and performer are different people",
        {"group": "group", "method": "method", **_ERRORS}, 2,
    ),
    "edges": (
        "Something at an end, or in the middle, that is not the piece, ms",
        {"group": "group", "edge": "edge", **_ERRORS}, 2,
    ),
    "strangers": (
        "Who is followed: the true performer from 1 s after moving, strangers from 2 s on",
        {"who": "who", "cases": "cases", "confidence": "confidence", "away": "WAITING or LOST",
         "away_from": "least", "away_to": "most", "finished": "FINISHED",
         "finished_early": "before the last event"}, 1,
    ),
    "change": (
        "Two actions of the piece, three others, then on with the piece; s (median, p95)",
        {"kind": "kind", "cases": "cases", "right_before": "right before", "noticed": "noticed",
         "noticed_s": "after", "noticed_p95_s": "p95", "away": "away, from 2 s on", "back_s": "back after",
         "back_p95_s": "p95", "back_in_time": "back in 1.5 s"}, 1,
    ),
    "repetitions": (
        "Again and again: expert's and performer's repetitions",
        {"series": "series", "loop": "--loop", "runs": "runs", "followed": "followed", "exact": "exact wraps",
         "counted": "exact count",
         "wraps": "wraps", "expected": "expected", "median_ms": "median", "p95_ms": "p95",
         "within": "≤0.25", "coverage": "cover", "finished_early": "FINISHED early"}, 2,
    ),
    "confidence": (
        "Is confidence the probability of being right within 0.25 s? Frames between events",
        {"tenth": "tenth", "from": "from", "to": "to", "confidence": "confidence", "right": "right",
         "gap": "gap", "gap_interval": "5–95 %", "median_ms": "median, ms", "ece": "ECE",
         "ece_interval": "5–95 %", "auc": "AUC", "auc_interval": "5–95 %", "frames": "frames"}, 1,
    ),
    "speed": (
        "One update beside one MoveNet inference, µs",
        {"expert_s": "expert, s", "movenet_us": "MoveNet", "p50_us": "p50", "p95_us": "p95",
         "cold_us": "after an inference", "p50_share": "p50 share", "p95_share": "p95 share",
         "ready_s": "built in s"}, 1,
    ),
}  # fmt: skip


def section_table(name: str, rows: Sequence[Row]) -> Table:
    """The table of one section."""
    title, columns, left = TABLES[name]
    flat = [
        row | {f"settled_{key}": value for key, value in (row.get("settled") or {}).items()} for row in rows
    ]
    return table(title, flat, columns, left=left)
