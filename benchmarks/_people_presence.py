"""Detecting who does the piece: true performers, strangers, and somebody who leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from _aims import Aims
from _motions import Array
from _people_cases import Case, Choice
from _people_figures import Trace, auc, finished_early, first_movement
from _people_others import STRANGER, TRUE, Change, changes, strangers, true_performers
from _people_runs import OURS, Runs, Work
from posesync.realtime.tracking.position import State

Row = dict[str, Any]
#: Strangers are judged from here on, and true performers from this long after they first move, s.
_STRANGERS_FROM: Final = 2.0
_TRUE_FROM: Final = 1.0
#: Back: this near the truth, for this long, s.
_BACK: Final = 0.5
_BACK_FOR: Final = 0.25
_PRESENT = (State.FOLLOWING.value, State.HOLDING.value)


class Strangers:
    """Checks that somebody who does the piece is followed, and somebody who does something else is not."""

    def __init__(self, choice: Choice) -> None:
        """Choose the people to run."""
        self._true, self._other = true_performers(choice), strangers(choice)

    def work(self) -> Work:
        """Return the cases to run."""
        return [(OURS, case) for case in self._true + self._other]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each of the two, and for the pieces of one and of several actions apart."""
        rows = []
        for kind, cases in ((TRUE, self._true), (STRANGER, self._other)):
            found = [presence(case, runs.trace(case), is_true=kind == TRUE) for case in cases]
            rows.append({"who": kind, **_presences(found)})
            for piece in ("sequence", "single action"):
                part = [row for row, case in zip(found, cases, strict=True) if piece in case.group]
                rows.append({"who": f"   {piece}", **_presences(part)})
        everybody = {row["who"]: row for row in rows if not row["who"].startswith(" ")}
        true, other = everybody[TRUE], everybody[STRANGER]
        aims.add("strangers, from 2 s on: WAITING or LOST", 0.8, other["away"], least=True)
        aims.add("strangers: share ever FINISHED", 0, other["finished"])
        aims.add("strangers: AUC of mean confidence", 0.95, auc(true["each"], other["each"]), least=True)
        aims.add("true performers, 1 s after they move: WAITING or LOST", 0.02, true["away"])
        return rows


def presence(case: Case, trace: Trace, *, is_true: bool) -> Row:
    """Of one performer, from when they are judged on: frames, frames away, mean confidence."""
    since = first_movement(case.performer, case.times) + _TRUE_FROM if is_true else _STRANGERS_FROM
    part = case.times >= since
    return {
        "frames": int(part.sum()),
        "away": int(trace.away[part].sum()),
        "confidence": float(trace.confidence[part].mean()) if part.any() else float("nan"),
        "finished": State.FINISHED.value in trace.state,
        "finished_early": finished_early(case, trace) if is_true else None,
    }


def _presences(found: Sequence[Row]) -> Row:
    """Several performers: shares of all frames, and of all performers."""
    seen = [row for row in found if row["frames"]]
    shares = np.array([row["away"] / row["frames"] for row in seen])
    each = np.array([row["confidence"] for row in seen])
    early = [row["finished_early"] for row in found]
    return {
        "cases": len(found),
        "confidence": float(each.mean()),
        "away": sum(row["away"] for row in seen) / sum(row["frames"] for row in seen),
        "away_from": float(shares.min()),
        "away_to": float(shares.max()),
        "finished": float(np.mean([row["finished"] for row in found])),
        "finished_early": None if None in early else sum(early),
        "each": each.tolist(),
    }


class Changes:
    """Somebody leaves the piece for three other actions and comes back."""

    def __init__(self, choice: Choice) -> None:
        """Choose the people to run."""
        self._changes = changes(choice)

    def work(self) -> Work:
        """Return the cases to run."""
        return [(OURS, change.case) for change in self._changes]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each kind of change, and one for both."""
        kinds: dict[str, list[Row]] = {}
        for change in self._changes:
            found = change_figures(change, runs.trace(change.case))
            kinds.setdefault(change.case.group, []).append(found)
        everything = [row for rows in kinds.values() for row in rows]
        rows = [
            {"kind": name, **_pooled(found)} for name, found in [*kinds.items(), ("change, both", everything)]
        ]
        both = rows[-1]
        aims.add("a change: noticed", 0.95, both["noticed"], least=True)
        aims.add("a change: noticed after (s, median)", 2.0, both["noticed_s"])
        aims.add("a change: the performer back after (s of movement, median)", 1.5, both["back_s"])
        return rows


def change_figures(change: Change, trace: Trace) -> Row:
    """Of one change: s until it was noticed, and s of the performer's movement until they were back."""
    case = change.case
    assert case.other is not None
    left, returned = case.other
    moved = min(first_movement(case.performer, case.times, left), returned)
    gone = case.times[trace.away & (case.times >= left) & (case.times < returned)]
    during = (case.times >= moved + _STRANGERS_FROM) & (case.times < returned)
    noticed = max(0.0, float(gone[0]) - moved) if len(gone) else float("inf")
    again = min(first_movement(case.performer, case.times, returned), float(case.times[-1]))
    right = np.isin(trace.state, _PRESENT) & (np.abs(trace.place - change.truth) <= _BACK)
    before = (case.times >= left - 1.0) & (case.times < left)
    return {
        "noticed_s": noticed,
        "back_s": max(0.0, _lasting(case.times, right & (case.times >= returned), _BACK_FOR) - again),
        "away": float(trace.away[during].mean()) if during.any() else float("nan"),
        "right_before": float(right[before].mean()),
    }


def _lasting(times: Array, mask: np.ndarray, seconds: float) -> float:
    """S at which ``mask`` first becomes true for so long; infinity if it never does."""
    begun = None
    for now, on in zip(times, mask, strict=True):
        begun = (now if begun is None else begun) if on else None
        if begun is not None and now - begun >= seconds - 1e-9:
            return float(begun)
    return float("inf")


def _pooled(found: Sequence[Row]) -> Row:
    columns = {key: np.array([row[key] for row in found]) for key in found[0]}
    return {
        "cases": len(found),
        "right_before": float(columns["right_before"].mean()),
        "noticed": float(np.isfinite(columns["noticed_s"]).mean()),
        "noticed_s": _rank(columns["noticed_s"], 0.5),
        "noticed_p95_s": _rank(columns["noticed_s"], 0.95),
        "away": float(np.nanmean(columns["away"])),
        "back_s": _rank(columns["back_s"], 0.5),
        "back_p95_s": _rank(columns["back_s"], 0.95),
        "back_in_time": float((columns["back_s"] <= 1.5).mean()),
    }


def _rank(values: Array, quantile: float) -> float:
    """The nearest-rank quantile: never a mean with infinity."""
    return float(np.sort(values)[max(0, int(np.ceil(quantile * len(values))) - 1)])
