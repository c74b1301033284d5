"""The tables of :mod:`transport`: ratios, then each way's figures, then its quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from rich.table import Table

ALONE: Final = "camera alone"
Turn = Mapping[str, Any]
Turns = Mapping[str, Sequence[Turn]]


def summarize(turns: Turns) -> dict[str, dict[str, Any]]:
    """One row per variant: medians over its rounds.

    CPU is in ms per answered frame, the browser's both whole and beyond what the camera and its self-view
    alone cost in the same round.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, rounds in turns.items():
        good = [turn for turn in rounds if "error" not in turn]
        if not good:
            rows[name] = {"error": rounds[0]["error"] if rounds else "not run"}
            continue
        alone = [_browser(turn) / turn["wall"] for turn in turns.get(ALONE, ()) if "error" not in turn]
        base = float(np.median(alone)) if alone else None
        cost = [_cost(turn, base) for turn in good]
        rows[name] = {key: _median([one[key] for one in cost]) for key in cost[0]} | {"rounds": len(good)}
    return rows


def _browser(turn: Turn) -> float:
    return float(sum(spent for kind, spent in turn["cpu"].items() if kind != "server"))


def _cost(turn: Turn, base: float | None) -> dict[str, float | None]:
    answered, browser = turn["answered"], _browser(turn)
    row = {
        "p50_ms": turn["latency_ms"]["p50"],
        "p95_ms": turn["latency_ms"]["p95"],
        "capture_to_page_ms": turn["capture_to_page_ms"]["p50"],
        "encode_ms": turn["encode_ms"]["p50"],
        "decode_ms": turn["decode_ms"]["p50"],
        "answers_fps": turn["answers_fps"],
        "lost_percent": None if turn["lost"] is None else 100 * turn["lost"],
        "shown_fps": turn["shown_fps"],
        "gap_ms": turn["gap_ms"],
        "kB": turn["bytes"] / 1e3 if turn["bytes"] else None,
        "first_ms": turn.get("first_ms"),
        "browser_share": browser / turn["wall"],
        "server_mb": turn["server_mb"],
        "others": turn["others"],
        "load": turn["load"],
        "browser_ms": None,
        "beyond_ms": None,
        "server_ms": None,
        "psnr_db": None,
        "shift_p50": None,
        "shift_p95": None,
        "lossless_p50": None,
    }
    if answered:
        row["browser_ms"] = 1e3 * browser / answered
        row["server_ms"] = 1e3 * turn["cpu"]["server"] / answered
        if base is not None:
            row["beyond_ms"] = 1e3 * (browser - base * turn["wall"]) / answered
    if "quality" in turn:
        good = turn["quality"]
        row["psnr_db"] = good["psnr_db"]
        row["shift_p50"], row["shift_p95"] = good["shift_px"]["p50"], good["shift_px"]["p95"]
        row["lossless_p50"] = good["lossless_shift_px"]["p50"]
    return row


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def ratios(turns: Turns, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """For each pair of variants (a, b): a's figures divided by b's within one round, then the median."""
    found = []
    keys = ("p50_ms", "p95_ms", "browser_ms", "server_ms", "kB", "first_ms", "shift_p50")
    for first, second in pairs:
        rows: dict[str, list[float]] = {key: [] for key in keys}
        for ours, theirs in zip(turns.get(first, ()), turns.get(second, ()), strict=True):
            if "error" in ours or "error" in theirs:
                continue
            above, below = _cost(ours, None), _cost(theirs, None)
            for key in keys:
                a, b = above[key], below[key]
                if a is not None and b:
                    rows[key].append(a / b)
        found.append({"ratio": f"{first} / {second}", **{key: _median(rows[key]) for key in keys}})
    return found


def ratios_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Ratios first: they hold on other machines too."""
    table = Table(title="Ratios, each within a round, medians")
    table.add_column("ratio", no_wrap=True)
    for head in ("p50", "p95", "browser CPU", "server CPU", "bytes", "first answer", "torso shift"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(row["ratio"], *(_cell(value) for key, value in row.items() if key != "ratio"))
    return table


def latency_table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """How long and how many."""
    heads = (
        ("p50 ms", "p50_ms"), ("p95", "p95_ms"), ("to page", "capture_to_page_ms"), ("encode", "encode_ms"),
        ("decode", "decode_ms"), ("answers/s", "answers_fps"), ("lost %", "lost_percent"),
        ("self-view/s", "shown_fps"), ("gap ms", "gap_ms"), ("first ms", "first_ms"),
        ("others' CPU", "others"),
    )  # fmt: skip
    return _table("Capture to answer, camera at 1280 x 720 and 30 fps; medians of the rounds", heads, rows)


def cost_table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """What it costs, and what arrives."""
    heads = (
        ("browser", "browser_ms"), ("beyond camera", "beyond_ms"), ("server", "server_ms"),
        ("server MB", "server_mb"), ("kB a frame", "kB"), ("PSNR dB", "psnr_db"), ("shift px", "shift_p50"),
        ("p95", "shift_p95"), ("lossless", "lossless_p50"),
    )  # fmt: skip
    title = "CPU ms per answered frame; torso's shift in px of 1280 x 720, beside a lossless picture's"
    return _table(title, heads, rows)


def _table(title: str, heads: Sequence[tuple[str, str]], rows: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title=title)
    table.add_column("way", no_wrap=True)
    for head, _ in heads:
        table.add_column(head, justify="right")
    for name, row in rows.items():
        if "error" in row:
            table.add_row(name, f"[red]{row['error'][:60]}")
        else:
            table.add_row(name, *(_cell(row[key]) for _, key in heads))
    return table


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
