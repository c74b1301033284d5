"""From answers to figures and goals, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from _aims import Aims
from _motions import Array
from _people_cases import (
    SQUATS,
    TENNIS,
    YAWS,
    Case,
    Choice,
    edges,
    exercises,
    films,
    sequences,
    singles,
    tennis,
)
from _people_figures import (
    RIGHT,
    Trace,
    auc,
    between,
    calibration_error,
    errors,
    expected_wraps,
    finished_early,
    first_movement,
    settled_errors,
    summary,
    tenths,
)
from _people_others import (
    STRANGER,
    TRUE,
    Change,
    Repeats,
    changes,
    repetitions,
    squats,
    strangers,
    true_performers,
    twice,
)
from _people_peers import CLOCK, OFFLINE, OLTW, ONLINE
from _people_runs import OURS, Runs
from posesync.realtime.position import State

Row = dict[str, Any]
#: Beyond offline DTW's share within 0.25 s, and of its p95.
_MORE: Final = 0.05
_P95: Final = 0.6
_P95_TENNIS: Final = 0.8
#: Strangers are judged from here on, and true performers from this long after they first move, s.
_STRANGERS_FROM: Final = 2.0
_TRUE_FROM: Final = 1.0
#: Back: this near the truth, for this long, s.
_BACK: Final = 0.5
_BACK_FOR: Final = 0.25
_RESAMPLED: Final = 200
_PRESENT = (State.FOLLOWING.value, State.HOLDING.value)
Work = list[tuple[str, Case]]


def _grouped(cases: Iterable[Case]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    return groups


def _figures(runs: Runs, cases: Sequence[Case]) -> Row:
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


def _beside(runs: Runs, name: str, cases: Sequence[Case]) -> Row:
    return summary([errors(case, runs.peer(name, case)) for case in cases])


# -- groups ----------------------------------------------------------------------------------------------


class Groups:
    """Errors at events, live and settled, beside offline DTW on the same embedding."""

    def __init__(self, choice: Choice, *, peers: bool = False) -> None:
        """Choose whom to run; ``peers``: the online ones beside all groups."""
        yaws = YAWS[:1] if choice.quick else YAWS
        cases = [case for yaw in yaws for case in sequences(choice, yaw)]
        cases += singles(choice) + exercises(choice) + tennis(choice) + films(choice)
        self._groups = _grouped(cases)
        self._peers = {name: self._beside(name, peers=peers) for name in self._groups}

    @staticmethod
    def _beside(group: str, *, peers: bool) -> list[str]:
        if peers:
            return [OFFLINE, *ONLINE]
        return [OFFLINE, OLTW, CLOCK] if group.startswith(TENNIS) else [OFFLINE]

    def work(self) -> Work:
        """What must be run."""
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
            ours = _figures(runs, cases)
            peers = {method: _beside(runs, method, cases) for method in self._peers[name]}
            rows.append({"group": name, "method": OURS, **ours})
            rows += [{"group": name, "method": method, **row} for method, row in peers.items()]
            _group_aims(aims, name, ours, peers)
        return rows


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


# -- edges -----------------------------------------------------------------------------------------------


class Edges:
    """The sequences with a second of nobody or more of stillness at an end, beside themselves uncut."""

    def __init__(self, choice: Choice) -> None:
        """Choose whom to run."""
        self._edged = _grouped(edges(choice))
        self._whole = sequences(choice)

    def work(self) -> Work:
        """What must be run."""
        return [(OURS, case) for cases in (self._whole, *self._edged.values()) for case in cases]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each kind of edge, after one without any."""
        count = len(next(iter(self._edged.values())))
        whole = _figures(runs, self._whole[:count])
        rows = [{"edge": "uncut", **whole}]
        for name, cases in self._edged.items():
            row = _figures(runs, cases)
            rows.append({"edge": name, **row})
            for key, label, more in (("median_ms", "median", 1.1), ("p95_ms", "p95", 1.2)):
                limit = more * whole.get(key, np.inf)
                aims.add(f"{name}: {label} ≤ {more:g} of uncut (ms)", limit, row.get(key, np.inf))
            aims.add(f"{name}: FINISHED before the last event", 0, row["finished_early"])
        return rows


# -- strangers -------------------------------------------------------------------------------------------


class Strangers:
    """Whoever does something else is not followed, whoever does the piece is."""

    def __init__(self, choice: Choice) -> None:
        """Choose whom to run."""
        self._true, self._other = true_performers(choice), strangers(choice)

    def work(self) -> Work:
        """What must be run."""
        return [(OURS, case) for case in self._true + self._other]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each of the two."""
        since = {case: first_movement(case.performer, case.times) + _TRUE_FROM for case in self._true}
        since |= dict.fromkeys(self._other, _STRANGERS_FROM)
        sure: dict[str, Array] = {}
        rows = []
        for kind, cases in ((TRUE, self._true), (STRANGER, self._other)):
            parts = [case.times >= since[case] for case in cases]
            traces = [runs.trace(case) for case in cases]
            both = list(zip(traces, parts, strict=True))
            sure[kind] = np.array([trace.confidence[part].mean() for trace, part in both if part.any()])
            away = np.array([trace.away[part].mean() for trace, part in both if part.any()])
            pooled = np.concatenate([trace.away[part] for trace, part in both])
            finished = [State.FINISHED.value in trace.state for trace in traces]
            rows.append(
                {
                    "who": kind,
                    "cases": len(cases),
                    "confidence": float(sure[kind].mean()),
                    "away": float(pooled.mean()),
                    "away_worst": float(away.max() if kind == TRUE else away.min()),
                    "finished": float(np.mean(finished)),
                    "finished_early": sum(map(finished_early, cases, traces)) if kind == TRUE else None,
                }
            )
        true, other = rows
        aims.add("strangers, from 2 s on: WAITING or LOST", 0.8, other["away"], least=True)
        aims.add("strangers: share ever FINISHED", 0, other["finished"])
        aims.add("strangers: AUC of mean confidence", 0.95, auc(sure[TRUE], sure[STRANGER]), least=True)
        aims.add("true performers, 1 s after they move: WAITING or LOST", 0.02, true["away"])
        return rows


# -- a change in the middle ------------------------------------------------------------------------------


class Changes:
    """Somebody leaves the piece for three other actions and comes back."""

    def __init__(self, choice: Choice) -> None:
        """Choose whom to run."""
        self._changes = changes(choice)

    def work(self) -> Work:
        """What must be run."""
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
    moved = first_movement(case.performer, case.times, left)
    gone = case.times[trace.away & (case.times >= left) & (case.times < returned)]
    during = (case.times >= moved + _STRANGERS_FROM) & (case.times < returned)
    noticed = max(0.0, float(gone[0]) - moved) if len(gone) else float("inf")
    again = first_movement(case.performer, case.times, returned)
    right = np.isin(trace.state, _PRESENT) & (np.abs(trace.place - change.truth) <= _BACK)
    before = (case.times >= left - 1.0) & (case.times < left)
    return {
        "noticed_s": noticed,
        "back_s": max(0.0, _lasting(case.times, right & (case.times >= returned), _BACK_FOR) - again),
        "away": float(trace.away[during].mean()),
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
        "away": float(columns["away"].mean()),
        "back_s": _rank(columns["back_s"], 0.5),
        "back_p95_s": _rank(columns["back_s"], 0.95),
        "back_in_time": float((columns["back_s"] <= 1.5).mean()),
    }


def _rank(values: Array, quantile: float) -> float:
    """The nearest-rank quantile: never a mean with infinity."""
    return float(np.sort(values)[max(0, int(np.ceil(quantile * len(values))) - 1)])


# -- again and again -------------------------------------------------------------------------------------


class Repetitions:
    """Experts of one or three repetitions, performers of five or six; and what only looks like one."""

    def __init__(self, choice: Choice) -> None:
        """Choose whom to run."""
        self._repeats, self._twice = repetitions(choice), twice(choice)
        self._squats = squats() if choice.has(3) else []

    def work(self) -> Work:
        """What must be run."""
        return [(OURS, one.case) for one in self._repeats] + [(OURS, c) for c in self._twice + self._squats]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each movement, count and setting; then the series on film; then the dances."""
        traces = [runs.trace(case) for _, case in self.work()]
        # A tracker that knows no wraps is judged by where it shows the place.
        told = any(trace.wrapped.any() for trace in traces)
        lines: dict[tuple[str, bool], list[Row]] = {}
        for one in self._repeats:
            row = repeat_figures(one, runs.trace(one.case), told=told)
            lines.setdefault((one.case.group, one.case.loop), []).append(row)
        rows = [{"series": name, "loop": loop, **_summed(found)} for (name, loop), found in lines.items()]
        for loop in (False, True):
            found = [row for (_, setting), each in lines.items() if setting is loop for row in each]
            every = _summed(found)
            rows.append({"series": "all", "loop": loop, **every})
            setting = "with" if loop else "without"
            aims.add(f"repetitions {setting} --loop: followed", 0.9, every["followed"], least=True)
            aims.add(f"repetitions {setting} --loop: runs with exact wraps", 0.95, every["exact"], least=True)
        rows += [_squat_row(case, runs.trace(case), told=told) for case in self._squats]
        for name, cases in _grouped(self._twice).items():
            wraps = sum(count_wraps(case, runs.trace(case), told=told) for case in cases)
            figures = _figures(runs, cases)
            rows.append({"series": name, "loop": False, "runs": len(cases), "wraps": wraps, **figures})
            aims.add(f"{name}: wraps", 0, wraps)
        return rows


def count_wraps(case: Case, trace: Trace, *, told: bool) -> int:
    """How often the place returned to the start: as the tracker says, or by more than half of the piece."""
    if told:
        return int(trace.wrapped.sum())
    place = trace.place[np.isfinite(trace.place)]
    return int((np.diff(place) < -0.5 * case.expert_times[-1]).sum())


def repeat_figures(one: Repeats, trace: Trace, *, told: bool) -> Row:
    """Of one series: how many repetitions were followed, how many wraps there were and should have been."""
    followed = 0
    for moments in one.performer:
        nearest = [int(np.argmin(np.abs(one.case.times - moment))) for moment in moments]
        # (3, E): each moment may be that of any of the expert's repetitions.
        apart = np.abs(trace.place[nearest][:, None] - one.expert.T)
        followed += bool((apart.min(axis=1) <= RIGHT).all())
    return {
        "followed": followed,
        "of": len(one.performer),
        "wraps": count_wraps(one.case, trace, told=told),
        "expected": expected_wraps(len(one.expert), len(one.performer)),
        "repetition": trace.repetition,
    }


def _summed(found: Sequence[Row]) -> Row:
    total = {key: sum(row[key] for row in found) for key in ("followed", "of")}
    return {
        "runs": len(found),
        "followed": total["followed"] / total["of"],
        "exact": float(np.mean([row["wraps"] == row["expected"] for row in found])),
        "counted": float(np.mean([row["repetition"] == row["of"] for row in found])),
        "wraps": [row["wraps"] for row in found],
        "expected": sorted({row["expected"] for row in found}),
    }


def _squat_row(case: Case, trace: Trace, *, told: bool) -> Row:
    figures = summary([errors(case, trace.place)])
    wraps = count_wraps(case, trace, told=told)
    series = "video squats 1/12"
    return {"series": series, "loop": case.loop, "runs": 1, "wraps": [wraps], "expected": [11], **figures}


# -- confidence ------------------------------------------------------------------------------------------


class Confidence:
    """Whether confidence is the probability of being right within 0.25 s, on frames between events."""

    def __init__(self, choice: Choice) -> None:
        """Choose whom to run."""
        self._cases = sequences(choice) + singles(choice) + exercises(choice)

    def work(self) -> Work:
        """What must be run."""
        return [(OURS, case) for case in self._cases]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each tenth, the least first, and one for all."""
        sure, error, whose = [], [], []
        for number, case in enumerate(self._cases):
            frames, truth = between(case)
            trace = runs.trace(case)
            sure.append(trace.confidence[frames])
            error.append(np.nan_to_num(np.abs(trace.place[frames] - truth), nan=np.inf))
            whose.append(np.full(len(frames), number))
        return confidence_rows(*map(np.concatenate, (sure, error, whose)), aims)


def confidence_rows(sure: Array, error: Array, whose: np.ndarray, aims: Aims) -> list[Row]:
    """The reliability of confidences, with intervals (5–95 %) over performances.

    Args:
        sure: (N,) 0..1.
        error: (N,) s, infinity where there is no answer.
        whose: (N,) number of the performance.
        aims: get the goals.
    """
    right = error <= RIGHT
    drawn = _resampled(whose)
    spread = [
        [sure[pick[part]].mean() - right[pick[part]].mean() for part in tenths(sure[pick], right[pick])]
        for pick in drawn
    ]
    low, high = np.percentile(spread, [5, 95], axis=0)
    rows: list[Row] = []
    for number, part in enumerate(tenths(sure, right)):
        rows.append(
            {
                "tenth": number + 1,
                "from": float(sure[part].min()),
                "to": float(sure[part].max()),
                "confidence": float(sure[part].mean()),
                "right": float(right[part].mean()),
                "gap": float(sure[part].mean() - right[part].mean()),
                "gap_interval": [float(low[number]), float(high[number])],
                "median_ms": 1000 * float(np.median(error[part])),
            }
        )
    above = [auc(sure[pick][right[pick]], sure[pick][~right[pick]]) for pick in drawn]
    ece = [calibration_error(sure[pick], right[pick]) for pick in drawn]
    whole = {
        "tenth": "all",
        "frames": len(sure),
        "performances": len(set(whose)),
        "confidence": float(sure.mean()),
        "right": float(right.mean()),
        "ece": calibration_error(sure, right),
        "ece_interval": np.nanpercentile(ece, [5, 95]).tolist(),
        "auc": auc(sure[right], sure[~right]),
        "auc_interval": np.nanpercentile(above, [5, 95]).tolist(),
    }
    aims.add("confidence: ECE", 0.05, whole["ece"])
    aims.add("confidence: the worst tenth's gap", 0.1, max(abs(row["gap"]) for row in rows))
    aims.add("confidence: AUC for an error ≤ 0.25 s", 0.85, whole["auc"], least=True)
    return [*rows, whole]


def _resampled(whose: np.ndarray) -> list[np.ndarray]:
    """Frames of as many performances, drawn with replacement, again and again."""
    rng = np.random.default_rng(0)
    frames = [np.flatnonzero(whose == number) for number in np.unique(whose)]
    return [
        np.concatenate([frames[i] for i in rng.integers(len(frames), size=len(frames))])
        for _ in range(_RESAMPLED)
    ]
