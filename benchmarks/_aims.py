"""Compares an issue's aims with the measurements."""

from __future__ import annotations

from typing import Any

from rich.table import Table

Row = dict[str, Any]


class Aims:
    """The aims of one issue, as far as they were measured.

    Attributes:
        rows: each with ``aim``, ``limit``, ``measured`` and ``met``.
    """

    def __init__(self, issue: int) -> None:
        self._issue = issue
        self.rows: list[Row] = []

    def add(self, aim: str, limit: float, measured: float | None, *, least: bool = False) -> None:
        """Note an aim: at most ``limit``, or at ``least``; nothing when it was not measured."""
        if measured is not None:
            met = measured >= limit if least else measured <= limit
            row = {"aim": aim, "limit": limit, "measured": float(measured), "met": bool(met)}
            self.rows.append(row)

    def table(self) -> Table:
        """Return the aims as a table."""
        table = Table("aim", "limit", "measured", "met", title=f"What issue {self._issue} asks")
        for row in self.rows:
            met = "[green]yes" if row["met"] else "[red]no"
            table.add_row(row["aim"], _short(row["limit"]), _short(row["measured"]), met)
        return table


def _short(value: float) -> str:
    """Return a number with three digits, or with all before the point."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
