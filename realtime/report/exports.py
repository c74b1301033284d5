"""A session as JSON, for programs, and as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from math import isnan
from typing import Any, Final

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import spreadsheet_cell
from posesync.pose.types import FloatArray

from .analysis import Analysis, Curve, Summary
from .comparison import Comparison
from .reading import STATES
from .worst import WorstMoment

SCHEMA: Final = 1


def to_json(analysis: Analysis, comparison: Comparison) -> str:
    """Return everything that the page shows, without its pictures; missing numbers are null."""
    found = {
        "schema": SCHEMA,
        **comparison.now.to_dict(),
        "notes": list(analysis.data.notes),
        "total": {**_summary(analysis.total), "repetitions": analysis.repetitions},
        "states": {state.value: _round(seconds) for state, seconds in analysis.states.items()},
        "sections": [
            {"name": part.name, "from": _round(part.start), "to": _round(part.end), **_summary(figures)}
            for part, figures in analysis.sections
        ],
        "moments": [_moment(found) for found in analysis.moments],
        "score_over_piece": _curve(analysis.score),
        "speed_over_piece": _curve(analysis.tempo),
        "joints_over_piece": {
            "edges": _list(analysis.heat.edges),
            "degrees": {name: _list(analysis.heat.size[row]) for row, name in enumerate(JOINT_NAMES)},
            "signed": {name: _list(analysis.heat.signed[row]) for row, name in enumerate(JOINT_NAMES)},
        },
        "path": [[_list(point) for point in piece] for piece in analysis.path],
        "earlier": [past.to_dict() for past in comparison.earlier],
        "trouble": comparison.trouble,
    }
    return json.dumps(found, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def to_csv(analysis: Analysis) -> str:
    """Return a row for each captured frame, as in RFC 4180; empty where there is no value."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(_rows(analysis))
    return text.getvalue()


def _rows(analysis: Analysis) -> Iterator[list[Any]]:
    data = analysis.data
    yield [
        "time_s", "position_s", "speed", "state", "confidence", "score", "form", "timing",
        "repetition", "dropped", "mirrored", "jumped", "wrapped",
        *(f"{name}_degrees" for name in JOINT_NAMES), "cue",
    ]  # fmt: skip
    cues = {cue.time: cue.text for cue in data.cues}
    numbers = np.column_stack(
        [
            data.times,
            data.positions,
            data.speeds,
            data.confidences,
            data.scores,
            data.forms,
            data.timings,
            data.repetitions,
            data.joints,
        ]
    )
    flags = np.column_stack([data.dropped, data.mirrored, data.jumped, data.wrapped]).astype(int).tolist()
    for values, state, marks in zip(numbers.tolist(), data.states.tolist(), flags, strict=True):
        cells = ["" if isnan(value) else f"{value:.6g}" for value in values]
        cue = cues.get(values[0], "")
        yield [
            *cells[:3], STATES[state].value, *cells[3:8], *marks, *cells[8:],
            spreadsheet_cell(cue),
        ]  # fmt: skip


def _summary(figures: Summary) -> dict[str, Any]:
    return {
        **{
            name: _round(getattr(figures, name))
            for name in ("score", "form", "timing", "speed", "seconds", "held")
        },
        "worst_joint": figures.worst_joint,
        "joints": {name: _round(value) for name, value in figures.joints.items()},
        "leanings": {name: _round(value) for name, value in figures.leanings.items()},
    }


def _moment(found: WorstMoment) -> dict[str, Any]:
    return {
        "t": _round(found.time),
        "position": _round(found.position),
        "score": _round(found.score),
        "cue": found.cue or None,
        "differences": list(found.differences),
        "joints": {name: _round(value) for name, value in found.joints.items()},
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "position": _list(curve.centers),
        "low": _list(curve.low),
        "median": _list(curve.middle),
        "high": _list(curve.high),
    }


def _list(values: FloatArray) -> list[float | None]:
    return [_round(value) for value in values.tolist()]


def _round(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
