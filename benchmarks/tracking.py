"""Where in the expert's video is the performer now? Our tracker beside its peers, on paths known exactly.

    python benchmarks/tracking.py --quick
    python benchmarks/tracking.py --full --jobs 2
    python benchmarks/tracking.py --method posesync --scenario skip --scenario back

One table per group of scenarios and one JSON in ``benchmarks/out/``. From Python, for tuning::

    rows = run({"mine": lambda reference: Tracker(reference, settings)}, scenarios=["skip"], quick=True)["rows"]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _metrics import Outcome, calibration, summarize
from _motions import performances
from _peers import Arzt, ClockLocked, Factory, NearestPose, OpenEndDTW, ReferenceLike
from _scenarios import SCENARIOS, Case, make_case
from posesync.reference.reference import Reference
from rich.console import Console
from rich.table import Table

OUT = Path(__file__).resolve().parent / "out"


def posesync(reference: ReferenceLike) -> Any:
    """Our tracker as it comes."""
    from posesync.realtime.tracker import Tracker

    return Tracker(reference)


METHODS: dict[str, Factory] = {
    "posesync": posesync,
    "clock-locked": ClockLocked,
    "nearest pose": NearestPose,
    "open-end DTW": OpenEndDTW,
    "OLTW Arzt": Arzt,
}


def track(case: Case, name: str, factory: Factory) -> Outcome:
    """Run one method over one case, frame by frame, as a camera would give it the frames."""
    method = factory(Reference.from_keypoints(case.reference_keypoints, case.reference_times))
    answers, cost = [], np.empty(len(case.times))
    for index, (keypoints, now) in enumerate(zip(case.keypoints, case.times, strict=True)):
        before = time.perf_counter_ns()
        answer = method.update(keypoints, float(now))
        cost[index] = (time.perf_counter_ns() - before) / 1000.0
        answers.append(answer)
    return Outcome.from_positions(case, name, answers, cost)


def plan(scenarios: Iterable[str], *, quick: bool, seeds: int | None, seed: int) -> list[Callable[[], Case]]:
    """The cases to run, not yet made."""
    count = seeds if seeds is not None else (2 if quick else 4)
    length = 22.0 if quick else None
    return [
        partial(make_case, scenario, motion, number, length)
        for scenario in scenarios
        if scenario in SCENARIOS
        for motion in performances()
        for number in range(seed, seed + count)
    ]


def run(
    methods: Mapping[str, Factory],
    scenarios: Sequence[str] | None = None,
    *,
    quick: bool = True,
    seeds: int | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> dict[str, Any]:
    """Run methods over scenarios.

    Args:
        methods: name → factory (reference → object with ``update(keypoints, time)``).
        scenarios: names, by default all.
        quick: references of 22 s and two seeds, instead of up to the whole motion and four.
        seeds: how many seeds per scenario and motion.
        seed: the first of them.
        jobs: processes; with more than one the factories must be picklable.

    Returns:
        ``rows``: per scenario and method the figures of :func:`_metrics.summarize`; ``cases``: the same for each
        case alone, short; ``calibration``: per method; ``outcomes``: every answer, for plotting.
    """
    makers = plan(scenarios or list(SCENARIOS), quick=quick, seeds=seeds, seed=seed)
    work = [(maker, dict(methods)) for maker in makers]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            outcomes = [o for part in pool.map(_run_case, work, chunksize=1) for o in part]
    else:
        outcomes = [o for item in work for o in _run_case(item)]
    return collect(outcomes)


def _run_case(work: tuple[Callable[[], Case], dict[str, Factory]]) -> list[Outcome]:
    maker, methods = work
    case = maker()
    return [track(case, name, factory) for name, factory in methods.items()]


def collect(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Sum up outcomes per scenario and method."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.scenario, outcome.method), []).append(outcome)
    rows = [
        {"scenario": scenario, "method": method, **summarize(group)}
        for (scenario, method), group in groups.items()
    ]
    keys = (
        "median_ms",
        "p95_ms",
        "worst_ms",
        "coverage",
        "lock_worst_s",
        "recover_p95_s",
        "false_jumps_per_min",
    )
    cases = []
    for outcome in outcomes:
        full, case = summarize([outcome]), outcome.case
        label = {
            "scenario": case.scenario,
            "motion": case.motion,
            "seed": case.seed,
            "method": outcome.method,
        }
        cases.append(label | {key: full[key] for key in keys})
    methods = dict.fromkeys(o.method for o in outcomes)
    calibrated = {m: calibration([o for o in outcomes if o.method == m]) for m in methods}
    return {"rows": rows, "cases": cases, "calibration": calibrated, "outcomes": list(outcomes)}


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The figures, one line per scenario and method."""
    out = Table(title="Where is the performer? Errors in ms, times in s", header_style="bold")
    heads = (
        "scenario", "method", "median", "p95", "worst", "settled p95", "≤0.1", "≤0.25", "≤0.5", "cover", "lock",
        "recover", "p95", "false/min", "back/min", "hold on", "moved", "off", "µs",
    )  # fmt: skip
    for index, head in enumerate(heads):
        out.add_column(head, justify="left" if index < 2 else "right", no_wrap=True)
    last = None
    for row in rows:
        hold = [row[f"hold_{key}"] or {} for key in ("until_holding", "moved", "until_off")]
        cells = [
            row["median_ms"], row["p95_ms"], row["worst_ms"], row["settled_p95_ms"],
            *(_percent(row[f"within_{limit}"]) for limit in (0.1, 0.25, 0.5)), _percent(row["coverage"]),
            row["lock_worst_s"], row["recover_median_s"], row["recover_p95_s"], row["false_jumps_per_min"],
            row["backward_steps_per_min"], *(h.get("p95") for h in hold), row["update_us"][0],
        ]  # fmt: skip
        if last not in (None, row["scenario"]):
            out.add_section()
        name = row["scenario"] if row["scenario"] != last else ""
        out.add_row(
            name, row["method"], *map(_cell, cells), style="bold" if row["method"] == "posesync" else ""
        )
        last = row["scenario"]
    return out


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _cell(value: float | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if np.isinf(value):
        return "never"
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.2f}"


def main() -> None:
    """Parse, run, show, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="22 s references, two seeds (default)")
    extent.add_argument("--full", action="store_true", help="longer references, four seeds, all peers")
    parser.add_argument(
        "--method", action="append", choices=list(METHODS), help="repeat for more; default all"
    )
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="repeat; default all")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, help="how many seeds")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    names = options.method or (list(METHODS) if options.full else ["posesync"])
    result = run(
        {name: METHODS[name] for name in names}, options.scenario,
        quick=not options.full, seeds=options.seeds, seed=options.seed, jobs=options.jobs,
    )  # fmt: skip
    console = Console(width=200)
    console.print(table(result["rows"]))
    OUT.mkdir(exist_ok=True)
    path = OUT / "tracking.json"
    del result["outcomes"]
    path.write_text(json.dumps(result, indent=1, allow_nan=True))
    console.print(f"{time.perf_counter() - began:.0f} s, written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
