"""Does the tracker follow one person through another person's video? Goals from the peers of the same run.

    python benchmarks/people.py                                # everything, about a minute
    python benchmarks/people.py --quick                        # a few cases of each kind
    python benchmarks/people.py --sections groups,confidence --peers --jobs 2
    python benchmarks/people.py --subjects 1,2                 # fit on these …
    python benchmarks/people.py --leave-out 1,2                # … and report on the others

Tables on the screen, everything in ``benchmarks/out/people.json``; the exit code is the number of goals
missed, 2 where the recordings are missing. From Python, for tuning::

    def mine(reference, *, loop=False):
        return Tracker(reference, settings, loop=loop)

    found = run(mine, ["groups"], subjects=(1, 2))
    found["groups"], found["aims"], found["missed"]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from _aims import Aims  # noqa: E402
from _conclusion import conclude  # noqa: E402
from _people_cases import Choice  # noqa: E402
from _people_confidence import Confidence  # noqa: E402
from _people_data import SUBJECTS, missing  # noqa: E402
from _people_groups import Edges, Groups  # noqa: E402
from _people_presence import Changes, Strangers  # noqa: E402
from _people_repeats import Repetitions  # noqa: E402
from _people_report import section_table  # noqa: E402
from _people_runs import Factory, Runs, posesync  # noqa: E402
from _people_speed import Speed  # noqa: E402
from rich.console import Console  # noqa: E402

OUT = Path(__file__).resolve().parent / "out"
ISSUE: Final = 12
SECTIONS: Final[dict[str, Callable[..., Any]]] = {
    "groups": Groups,
    "edges": Edges,
    "strangers": Strangers,
    "change": Changes,
    "repetitions": Repetitions,
    "confidence": Confidence,
}
SPEED: Final = "speed"
ALL: Final = (*SECTIONS, SPEED)


def run(
    factory: Factory = posesync,
    sections: Sequence[str] = ALL,
    *,
    subjects: Sequence[int] = SUBJECTS,
    quick: bool = False,
    peers: bool = False,
    jobs: int = 1,
) -> dict[str, Any]:
    """Run one tracker over the sections.

    Args:
        factory: ``factory(reference, loop=…)`` makes the tracker.
        sections: of :data:`ALL`.
        subjects: who may be expert or performer: fit on some, report on others.
        quick: a few cases of each kind.
        peers: the online peers beside every group.
        jobs: processes (forked, so that factories may be lambdas).

    Returns:
        Per section its rows; ``cases``: of the groups, every case's errors; ``aims``: rows of aim, limit,
        measured and met; ``missed``: how many were not. Peers' answers are kept for the next call in the
        same process.
    """
    choice, aims = Choice(tuple(subjects), quick), Aims(ISSUE)
    plans = {
        name: SECTIONS[name](choice, **({"peers": peers} if name == "groups" else {}))
        for name in sections
        if name != SPEED
    }
    runs = Runs(factory, jobs)
    runs.prepare(item for plan in plans.values() for item in plan.work())
    result: dict[str, Any] = {name: plan.judge(runs, aims) for name, plan in plans.items()}
    if SPEED in sections:
        result[SPEED] = Speed(choice).judge(factory, aims)
    if "groups" in plans:
        result["cases"] = plans["groups"].details(runs)
    return result | {"aims": aims.rows, "missed": sum(not row["met"] for row in aims.rows)}


def main() -> int:
    """Parse, run, show, write."""
    options = _options()
    if absent := missing():
        Console(stderr=True, soft_wrap=True).print(absent)
        return 2
    began = time.perf_counter()
    result = run(
        sections=options.sections, subjects=options.subjects, quick=options.quick, peers=options.peers,
        jobs=options.jobs,
    )  # fmt: skip
    result["options"] = {key: value for key, value in vars(options).items() if key != "out"}
    tables = [section_table(name, result[name]) for name in options.sections]
    return conclude(result, tables, ISSUE, options.out, began)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sections", default=",".join(ALL), help="some of: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a few cases of each kind")
    parser.add_argument("--peers", action="store_true", help="the online peers beside every group")
    parser.add_argument("--subjects", help="run on these of the four, as in 1,2")
    parser.add_argument("--leave-out", help="run on all but these")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=OUT / "people.json", help="where the figures go")
    options = parser.parse_args()
    options.sections = options.sections.split(",")
    if unknown := set(options.sections) - set(ALL):
        parser.error(f"no section {', '.join(sorted(unknown))}: choose from {', '.join(ALL)}")
    try:
        chosen, left = (
            {int(number) for number in text.split(",")} if text else None
            for text in (options.subjects, options.leave_out)
        )
    except ValueError:
        parser.error("people are numbers with commas between them, as in 1,2")
    options.subjects = tuple(s for s in SUBJECTS if s in (chosen or SUBJECTS) and s not in (left or ()))
    if len(options.subjects) < 2:
        parser.error(f"an expert and a performer take two people: choose from {SUBJECTS}")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
