"""Checks that repetitions are followed and counted, and that movements that only resemble them are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from _aims import Aims
from _people_cases import SQUAT_COUNT, Case, Choice, grouped
from _people_figures import RIGHT, Trace, errors, expected_wraps, summary
from _people_groups import beside, figures
from _people_others import Repeats, repetitions, squats, twice
from _people_peers import OFFLINE
from _people_runs import OURS, Runs, Work

Row = dict[str, Any]


class Repetitions:
    """Experts of one or three repetitions, performers of five or six; and what only looks like one."""

    def __init__(self, choice: Choice) -> None:
        """Choose the people to run."""
        self._repeats, self._twice = repetitions(choice), twice(choice)
        self._squats = squats() if choice.has(3) else []

    def work(self) -> Work:
        """Return the cases to run."""
        beside = [(OFFLINE, case) for case in self._twice]
        return [(OURS, case) for case in self._cases()] + beside

    def _cases(self) -> list[Case]:
        return [one.case for one in self._repeats] + self._twice + self._squats

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each movement, count and setting; then the series on film; then the dances."""
        # A tracker that knows no wraps is judged by where it shows the place.
        told = any(runs.trace(case).wrapped.any() for case in self._cases())
        lines: dict[tuple[str, bool], list[Row]] = {}
        for one in self._repeats:
            row = repeat_figures(one, runs.trace(one.case), told=told)
            lines.setdefault((one.case.group, one.case.loop), []).append(row)
        rows = [{"series": name, "loop": loop, **_summed(found)} for (name, loop), found in lines.items()]
        for loop in dict.fromkeys(setting for _, setting in lines):
            found = [row for (_, setting), each in lines.items() if setting is loop for row in each]
            every = _summed(found)
            rows.append({"series": "all", "loop": loop, **every, "wraps": None, "expected": None})
            setting = "with" if loop else "without"
            aims.add(f"repetitions {setting} --loop: followed", 0.9, every["followed"], least=True)
            aims.add(f"repetitions {setting} --loop: runs with exact wraps", 0.95, every["exact"], least=True)
        rows += [_squat_row(case, runs.trace(case), told=told) for case in self._squats]
        for name, cases in grouped(self._twice).items():
            wraps = sum(count_wraps(case, runs.trace(case), told=told) for case in cases)
            ours, offline = figures(runs, cases), beside(runs, OFFLINE, cases)
            rows.append({"series": name, "loop": False, "runs": len(cases), "wraps": [wraps], **ours})
            rows.append({"series": f"   {OFFLINE}", "loop": None, **offline})
            aims.add(f"{name}: wraps", 0, wraps)
            share = ours.get("within", 0.0)
            aims.add(f"{name}: share within 0.25 s ≥ offline DTW's", offline["within"], share, least=True)
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
    ours = summary([errors(case, trace.place)])
    wraps = count_wraps(case, trace, told=told)
    counted = float(trace.repetition == SQUAT_COUNT)
    row = {"series": f"video squats 1/{SQUAT_COUNT}", "loop": case.loop, "runs": 1, "counted": counted}
    return row | {"wraps": [wraps], "expected": [expected_wraps(1, SQUAT_COUNT)], **ours}
