"""Errors at events beside offline DTW and other peers, and the effect of a video's beginning and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from _aims import Aims
from _people_cases import (
    SQUATS,
    TENNIS,
    UNCUT,
    YAWS,
    Case,
    Choice,
    edges,
    exercises,
    films,
    grouped,
    sequences,
    singles,
    tennis,
)
from _people_figures import Trace, errors, finished_early, settled_errors, summary
from _people_peers import CLOCK, OFFLINE, OLTW, ONLINE
from _people_runs import OURS, Runs, Work

Row = dict[str, Any]
#: Beyond offline DTW's share within 0.25 s, and of its p95.
_MORE: Final = 0.05
_P95: Final = 0.6
_P95_TENNIS: Final = 0.8


def figures(runs: Runs, cases: Sequence[Case]) -> Row:
    """Live and settled errors, and what is wrong apart from them."""
    traces = [runs.trace(case) for case in cases]
    live = summary([errors(case, trace.place) for case, trace in zip(cases, traces, strict=True)])
    settled = summary(
        [settled_errors(case, trace.settled) for case, trace in zip(cases, traces, strict=True)]
    )
    return {
        **live,
        "settled": settled if settled["coverage"] else None,
        "cases": len(cases),
        "minutes": round(sum(float(case.times[-1]) for case in cases) / 60, 2),
        "jumps": sum(trace.jumps for trace in traces),
        "finished_early": sum(map(finished_early, cases, traces)),
    }


def beside(runs: Runs, name: str, cases: Sequence[Case]) -> Row:
    return summary([errors(case, runs.peer(name, case)) for case in cases])


class Groups:
    """Errors at events, live and settled, beside offline DTW on the same embedding."""

    def __init__(self, choice: Choice, *, peers: bool = False) -> None:
        """Choose whom to run; ``peers``: the online ones beside all groups."""
        yaws = YAWS[:1] if choice.quick else YAWS
        cases = [case for yaw in yaws for case in sequences(choice, yaw)]
        cases += singles(choice) + exercises(choice) + tennis(choice) + films(choice)
        self._groups = grouped(cases)
        self._peers = {name: self._beside(name, peers=peers) for name in self._groups}

    @staticmethod
    def _beside(group: str, *, peers: bool) -> list[str]:
        if peers and group != SQUATS:
            return [OFFLINE, *ONLINE]
        return [OFFLINE, OLTW, CLOCK] if group.startswith(TENNIS) else [OFFLINE]

    def work(self) -> Work:
        """Return the cases to run."""
        return [
            (method, case)
            for name, cases in self._groups.items()
            for case in cases
            for method in (OURS, *self._peers[name])
        ]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each group and method."""
        rows = []
        for name, cases in self._groups.items():
            ours = figures(runs, cases)
            peers = {method: beside(runs, method, cases) for method in self._peers[name]}
            rows.append({"group": name, "method": OURS, **ours})
            rows += [{"group": name, "method": method, **row} for method, row in peers.items()]
            _group_aims(aims, name, ours, peers)
        return rows

    def details(self, runs: Runs) -> list[Row]:
        """Every case alone: errors at its events, live and settled, ms."""
        return [_detail(case, runs.trace(case)) for cases in self._groups.values() for case in cases]


def _detail(case: Case, trace: Trace) -> Row:
    both = errors(case, trace.place), settled_errors(case, trace.settled)
    live, settled = (np.round(1000 * found, 1).tolist() for found in both)
    return {"group": case.group, "case": case.name, "live_ms": live, "settled_ms": settled}


def _group_aims(aims: Aims, name: str, ours: Row, peers: Mapping[str, Row]) -> None:
    offline = peers[OFFLINE]
    median, p95 = ours.get("median_ms", np.inf), ours.get("p95_ms", np.inf)
    if name == SQUATS:
        # The same person, partly the same frames: offline DTW has nothing to get wrong.
        aims.add(f"{name}: share within 0.25 s", 0.9, ours.get("within", 0.0), least=True)
    elif name.startswith(TENNIS):
        best = min(peers[OLTW]["median_ms"], peers[CLOCK]["median_ms"])
        aims.add(f"{name}: median ≤ OLTW's and the clock's (ms)", best, median)
        aims.add(f"{name}: p95 ≤ 0.8 of offline DTW's (ms)", _P95_TENNIS * offline["p95_ms"], p95)
    else:
        aims.add(f"{name}: median ≤ offline DTW's (ms)", offline["median_ms"], median)
        aims.add(f"{name}: p95 ≤ 0.6 of offline DTW's (ms)", _P95 * offline["p95_ms"], p95)
        share = min(1.0, offline["within"] + _MORE)
        aims.add(
            f"{name}: share within 0.25 s, offline DTW's + 5 points",
            share,
            ours.get("within", 0.0),
            least=True,
        )
    aims.add(f"{name}: events answered", 1.0, ours["coverage"], least=True)
    aims.add(f"{name}: FINISHED before the last event", 0, ours["finished_early"])


class Edges:
    """The same with a second of nobody or more of stillness at an end, beside itself uncut."""

    def __init__(self, choice: Choice) -> None:
        """Choose the people to run."""
        self._edges = edges(choice)

    def work(self) -> Work:
        """Return the cases to run."""
        return [(OURS, case) for kinds in self._edges.values() for cases in kinds.values() for case in cases]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each kind of edge, after one without any."""
        rows = []
        for group, kinds in self._edges.items():
            found = {name: figures(runs, cases) for name, cases in kinds.items()}
            rows += [{"group": group, "edge": name, **row} for name, row in found.items()]
            whole = found.pop(UNCUT)
            for name, row in found.items():
                _edge_aims(aims, f"{group}, {name}", row, whole)
        return rows


def _edge_aims(aims: Aims, name: str, row: Row, whole: Row) -> None:
    for key, label, more in (("median_ms", "median", 1.1), ("p95_ms", "p95", 1.2)):
        limit = more * whole.get(key, np.inf)
        aims.add(f"{name}: {label} ≤ {more:g} of uncut (ms)", limit, row.get(key, np.inf))
    aims.add(f"{name}: events answered", 1.0, row["coverage"], least=True)
    aims.add(f"{name}: FINISHED before the last event", 0, row["finished_early"])
