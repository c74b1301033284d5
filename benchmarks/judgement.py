"""Does the judgement hold on people whom somebody else judged? Scores, cues and the number on screen.

    python benchmarks/judgement.py                          # everything, some three minutes
    python benchmarks/judgement.py --sections one,told --jobs 2
    python benchmarks/judgement.py --subjects 1,2           # fit on these correct people …
    python benchmarks/judgement.py --subjects 3,4           # … and report on the others

Every session runs through the coach with recorded keypoints. From Python, for tuning::

    found = run(lambda takes, *, loop=False: Coach(takes, loop=loop, feedback=mine))

Tables on the screen, everything in ``benchmarks/out/judgement.json``; the exit code is the number of goals
missed, 2 where the recordings are missing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import _judgement_cases as cases  # noqa: E402
from _aims import Aims  # noqa: E402
from _conclusion import conclude  # noqa: E402
from _judgement_peers import peer_rows  # noqa: E402
from _judgement_postures import posture_rows  # noqa: E402
from _judgement_report import section_table  # noqa: E402
from _judgement_sections import Labelled, add_aims, flicker_row, peace_row, truth_row  # noqa: E402
from _judgement_sessions import Factory, Performance, Session, hold, posesync  # noqa: E402
from _people_cases import Choice  # noqa: E402
from _people_data import SUBJECTS, missing  # noqa: E402
from rich.console import Console  # noqa: E402

OUT = Path(__file__).resolve().parent / "out"
ISSUE: Final = 15
ALL: Final = ("one", "four", "peers", "correct", "truth", "told", "flicker", "postures")
_work: list[Performance] = []
_factory: list[Factory] = []


class Runs:
    """Sessions of one coach, each held once.

    Args:
        factory: makes the coach.
        jobs: processes (forked, so that factories may be lambdas).
    """

    def __init__(self, factory: Factory, jobs: int = 1) -> None:
        self._factory, self._jobs = factory, jobs
        self._held: dict[Performance, Session] = {}

    def __call__(self, performance: Performance) -> Session:
        """Return the session of a performance."""
        if performance not in self._held:
            self._held[performance] = hold(self._factory, performance)
        return self._held[performance]

    def prepare(self, wanted: Sequence[Performance]) -> None:
        """Hold all of these, in as many processes as were asked for."""
        _work[:] = [one for one in wanted if one not in self._held]
        _factory[:] = [self._factory]
        if self._jobs == 1:
            return
        with ProcessPoolExecutor(self._jobs, mp_context=multiprocessing.get_context("fork")) as pool:
            found = pool.map(_hold, range(len(_work)), chunksize=8)
            self._held.update(zip(_work, found, strict=True))


def _hold(index: int) -> Session:
    return hold(_factory[0], _work[index])


def run(
    factory: Factory = posesync,
    sections: Sequence[str] = ALL,
    *,
    subjects: Sequence[int] = SUBJECTS,
    quick: bool = False,
    jobs: int = 1,
) -> dict[str, Any]:
    """Run one coach over the sections.

    Args:
        factory: ``factory(takes, loop=…)`` makes the coach.
        sections: of :data:`ALL`.
        subjects: of the people who do everything right.
        quick: fewer of them.
        jobs: processes.

    Returns:
        Per section its rows; ``aims`` and ``missed``.
    """
    runs, found = Runs(factory, jobs), {}
    one = cases.one_take() if {"one", "peers", "truth", "told", "flicker"} & set(sections) else []
    four = cases.several_takes() if {"four", "peers"} & set(sections) else []
    healthy = (
        cases.correct(Choice(tuple(subjects), quick))
        if {"correct", "truth", "flicker"} & set(sections)
        else {}
    )
    labelled = one if {"one", "truth", "told", "flicker"} & set(sections) else []
    several = four if "four" in sections else []
    runs.prepare(
        [p for judged in (*labelled, *several) for row in judged.performances for p in row if p is not None]
        + [p for group in healthy.values() for p in group]
    )
    exercises = [Labelled(judged, runs) for judged in labelled]
    correct = {name: [runs(p) for p in group] for name, group in healthy.items()}
    good, bad = ([s for exercise in exercises for s in exercise.of(good=kind)] for kind in (True, False))
    everybody = {
        "good takes": good,
        "bad takes": bad,
        "people who do it right": [s for group in correct.values() for s in group],
    }
    makes: dict[str, Any] = {
        "one": lambda: [exercise.row() for exercise in exercises],
        "four": lambda: [Labelled(judged, runs).row() for judged in several],
        "peers": lambda: [
            {"takes": count, **row}
            for count, group in (("one", one), ("four", four))
            for row in peer_rows(group)
        ],
        "correct": lambda: (
            [peace_row(f"good {e.judged.exercise}", e.of(good=True)) for e in exercises]
            + [peace_row(name, group) for name, group in correct.items()]
        ),
        "truth": lambda: [truth_row(name, group) for name, group in everybody.items()],
        "told": lambda: [row for exercise in exercises for row in exercise.told()],
        "flicker": lambda: [
            flicker_row(name, group) for name, group in everybody.items() if name != "bad takes"
        ],
        "postures": posture_rows,
    }
    for name in sections:
        found[name] = makes[name]()
    aims = Aims(ISSUE)
    add_aims(found, aims)
    return found | {"aims": aims.rows, "missed": sum(not row["met"] for row in aims.rows)}


def main() -> int:
    """Parse, run, show, write."""
    options = _options()
    if absent := missing():
        Console(stderr=True, soft_wrap=True).print(absent)
        return 2
    began = time.perf_counter()
    found = run(
        sections=options.sections, subjects=options.subjects, quick=options.quick, jobs=options.jobs
    )  # fmt: skip
    tables = [section_table(name, found[name]) for name in options.sections]
    return conclude(found, tables, ISSUE, options.out, began)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sections", type=lambda text: text.split(","), default=ALL, help=",".join(ALL))
    parser.add_argument("--subjects", type=lambda text: tuple(map(int, text.split(","))), default=SUBJECTS)
    parser.add_argument("--quick", action="store_true", help="fewer of the people who do it right")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=OUT / "judgement.json")
    options = parser.parse_args()
    unknown = set(options.sections) - set(ALL)
    if unknown:
        parser.error(f"unknown sections {', '.join(sorted(unknown))}: choose of {', '.join(ALL)}")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
