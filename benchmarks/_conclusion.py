"""The end of a benchmark: its tables on the screen, everything in a file, the number of aims missed."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from _aims import Aims
from rich.console import Console
from rich.table import Table


def conclude(result: dict[str, Any], tables: Iterable[Table], issue: int, out: Path, began: float) -> int:
    """Show the tables and the aims, write ``result`` with the machine it was found on.

    Args:
        result: with ``aims``, the rows, and ``missed``.
        tables: of the sections.
        issue: whose aims they are.
        out: JSON file to write.
        began: ``time.perf_counter()`` at the start.

    Returns:
        The number of aims missed, for the exit code.
    """
    console, asked = Console(width=200), Aims(issue)
    for table in tables:
        console.print(table)
    asked.rows = result["aims"]
    console.print(asked.table())
    result["seconds"] = round(time.perf_counter() - began, 1)
    result["machine"] = {"python": platform.python_version(), "numpy": np.__version__, "cpus": os.cpu_count()}
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(plain(result), indent=1, allow_nan=False))
    part.replace(out)
    missed, count = result["missed"], len(result["aims"])
    console.print(f"{missed} of {count} goals missed; {result['seconds']} s, written to {out}")
    return int(missed)


def plain(value: Any) -> Any:
    """Return a value for JSON: infinity becomes "never", any other non-finite number None."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return "never" if value > 0 else None
    return value
