"""Where in the expert's video is the performer now? Our tracker beside its peers, on paths known exactly.

    python benchmarks/tracking.py --quick                      # ours alone, under a minute
    python benchmarks/tracking.py --full --jobs 2              # all methods, all figures
    python benchmarks/tracking.py --method posesync --scenario skip --scenario back

Tables on the screen, everything in ``benchmarks/out/tracking.json``. From Python, for tuning::

    found = run({"mine": lambda reference: Tracker(reference, settings)}, ["skip"], quick=True)
    found["headline"], found["rows"], found["cases"], found["outcomes"]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from _fetched import fetched
from _growth import growth, kept
from _metrics import Outcome, calibration, summarize
from _peers import (
    Arzt,
    ClockLocked,
    Dixon,
    Factory,
    NearestPose,
    OfflineDTW,
    OpenEndDTW,
    RecomputedDTW,
)
from _report import OURS, aims, aims_table, growth_table, headline, headline_table, scenario_table
from _scenarios import SCENARIOS, Case, make_case, motions_for
from posesync.reference.reference import Reference
from rich.console import Console
from rich.progress import track as progress_track

Item = TypeVar("Item")

OUT = Path(__file__).resolve().parent / "out"
#: Seeds of "repeats" in a full run of ours: more than half an hour of undisturbed repetition.
_REPEATS_SEEDS = 24
_NOTHING = np.zeros((0, 17, 3))


def posesync(reference: Any) -> Any:
    """Our tracker with its default settings."""
    from posesync.realtime.tracking.tracker import Tracker

    return Tracker(reference)


METHODS: dict[str, Any] = {
    OURS: posesync,
    "clock-locked": ClockLocked,
    "nearest pose": NearestPose,
    "open-end DTW": OpenEndDTW,
    "OLTW Dixon": Dixon,
    "OLTW Arzt": Arzt,
    "dtaidistance": RecomputedDTW,
    "offline DTW": OfflineDTW,
}
#: Those whose cost is measured for long experts; the others' grows with the square of the time.
_GROWING = (OURS, "nearest pose", "open-end DTW", "OLTW Dixon", "OLTW Arzt")


def track(case: Case, name: str, factory: Factory, reference: Reference | None = None) -> Outcome:
    """Run one method over one case, frame by frame, as a camera would give it the frames.

    The outcome's case no longer holds the keypoints (:func:`_scenarios.make_case` has them), so that many
    fit.
    """
    if reference is None:
        reference = Reference.from_keypoints(case.reference_keypoints, case.reference_times)
    method, light = factory(reference), replace(case, keypoints=_NOTHING, reference_keypoints=_NOTHING)
    # Time of this thread: others on the same machine do not count.
    if isinstance(method, OfflineDTW):
        before = time.thread_time_ns()
        answers = method.follow(case.keypoints, case.truth)
        each = (time.thread_time_ns() - before) / 1000.0 / len(answers)
        return Outcome.from_positions(light, name, answers, np.full(len(answers), each))
    answers, cost = [], np.empty(len(case.times))
    for index, (keypoints, now) in enumerate(zip(case.keypoints, case.times, strict=True)):
        before = time.thread_time_ns()
        answer = method.update(keypoints, float(now))
        cost[index] = (time.thread_time_ns() - before) / 1000.0
        answers.append(answer)
    return Outcome.from_positions(light, name, answers, cost)


def plan(
    scenarios: Sequence[str], *, quick: bool, seeds: int | None = None, seed: int = 0
) -> list[Callable[[], Case]]:
    """The cases to run, not yet made.

    A quick run takes references of 22 s, two seeds of the dance and one of everything else; a full run takes
    references from 20 s to the whole motion and four seeds, two for the clips.
    """
    makers: list[Callable[[], Case]] = []
    for number, scenario in enumerate(scenarios):
        for motion in motions_for(scenario):
            short = motion not in ("dance", "capoeira")
            count = seeds or ((1 if motion != "dance" else 2) if quick else (2 if short else 4))
            # Parity chooses between variants: a single seed should not always take the same.
            first = seed + (number % 2 if count == 1 else 0)
            length = 22.0 if quick else None
            makers += [partial(make_case, scenario, motion, s, length) for s in range(first, first + count)]
    return makers


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
        quick: see :func:`plan`.
        seeds: how many seeds per scenario and motion.
        seed: the first of them.
        jobs: processes (forked where the system can, so that factories may be lambdas).

    Returns:
        ``headline``: per method; ``rows``: per scenario and method the figures of :func:`_metrics.summarize`;
        ``cases``: the main ones for each case alone; ``calibration``: per method; ``outcomes``: every answer.
    """
    names = list(scenarios or SCENARIOS)
    work: list[tuple[Callable[[], Case], tuple[str, ...]]] = [
        (maker, tuple(methods)) for maker in plan(names, quick=quick, seeds=seeds, seed=seed)
    ]
    if not quick and seeds is None and OURS in methods and "repeats" in names:
        more = plan(["repeats"], quick=False, seeds=_REPEATS_SEEDS, seed=seed + 4)
        work += [(maker, (OURS,)) for maker in more]
    if jobs > 1:
        # Set before the fork: lambdas cannot be pickled, but they are inherited.
        _inherited.clear()
        _inherited.update(methods)
        with ProcessPoolExecutor(jobs) as pool:
            parts = _progress(pool.map(_run_inherited, work, chunksize=1), len(work))
            outcomes = [o for part in parts for o in part]
    else:
        outcomes = [
            outcome
            for maker, chosen in _progress(work, len(work))
            for outcome in _run_case(maker, {name: methods[name] for name in chosen})
        ]
    return collect(outcomes)


def _progress(items: Iterable[Item], total: int) -> Iterable[Item]:
    """A bar on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return items
    return progress_track(items, "cases", total=total, console=console, transient=True)


_inherited: dict[str, Factory] = {}


def _run_inherited(work: tuple[Callable[[], Case], tuple[str, ...]]) -> list[Outcome]:
    maker, chosen = work
    return _run_case(maker, {name: _inherited.get(name) or METHODS[name] for name in chosen})


def _run_case(maker: Callable[[], Case], methods: Mapping[str, Factory]) -> list[Outcome]:
    case = maker()
    reference = Reference.from_keypoints(case.reference_keypoints, case.reference_times)
    return [track(case, name, factory, reference) for name, factory in methods.items()]


def collect(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Sum up outcomes per method, per scenario and method, and one by one."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.scenario, outcome.method), []).append(outcome)
    rows = [
        {"scenario": scenario, "method": method, **summarize(group)}
        for (scenario, method), group in groups.items()
    ]
    keys = (
        "median_ms", "p95_ms", "worst_ms", "coverage", "lock_worst_s", "recover_p95_s", "false_jumps",
        "hold_until_holding", "hold_moved", "hold_until_off",
    )  # fmt: skip
    cases = []
    for outcome in outcomes:
        full, case = summarize([outcome]), outcome.case
        label = {"scenario": case.scenario, "motion": case.motion, "seed": case.seed}
        cases.append(label | {"method": outcome.method} | {key: full[key] for key in keys})
    methods = dict.fromkeys(o.method for o in outcomes)
    return {
        "headline": headline(outcomes),
        "rows": rows,
        "cases": cases,
        "calibration": {m: calibration([o for o in outcomes if o.method == m]) for m in methods},
        "outcomes": list(outcomes),
    }


def _plain(value: Any) -> Any:
    """Return a value for JSON: infinity becomes "never", any other non-finite number None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return "never" if value > 0 else None
    return value


def main() -> None:
    """Parse, run, show, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument(
        "--quick", action="store_true", help="22 s references, few seeds, ours alone (default)"
    )
    extent.add_argument("--full", action="store_true", help="longer references, more seeds, all methods")
    parser.add_argument("--method", action="append", choices=list(METHODS), help="repeat for more")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="repeat for more")
    parser.add_argument("--seed", type=int, help="the first seed; 0, or 100 with --full: not tuned on")
    parser.add_argument("--seeds", type=int, help="how many seeds per scenario and motion")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=OUT / "tracking.json", help="where the figures go")
    options = parser.parse_args()
    fetched()

    began = time.perf_counter()
    seed = options.seed if options.seed is not None else (100 if options.full else 0)
    names = options.method or (list(METHODS) if options.full else [OURS])
    result = run(
        {name: METHODS[name] for name in names}, options.scenario,
        quick=not options.full, seeds=options.seeds, seed=seed, jobs=options.jobs,
    )  # fmt: skip
    outcomes = result.pop("outcomes")
    result["growth"], result["kept_kib"] = [], None
    if options.full and not options.scenario and motions_for("skip"):
        result["growth"] = growth({name: METHODS[name] for name in names if name in _GROWING})
        if OURS in names:
            result["kept_kib"] = kept(METHODS[OURS])
    result["aims"] = aims(outcomes, result["growth"])
    result["machine"] = {"python": platform.python_version(), "numpy": np.__version__, "cpus": os.cpu_count()}
    result["options"] = {"full": options.full, "seed": seed, "seeds": options.seeds}
    _show(result)
    result["seconds"] = round(time.perf_counter() - began)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    part = options.out.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(_plain(result), indent=1, allow_nan=False))
    part.replace(options.out)
    Console().print(f"{result['seconds']} s, written to {options.out}")


def _show(result: Mapping[str, Any]) -> None:
    console = Console(width=210)
    console.print(scenario_table(result["rows"]))
    if result["growth"]:
        console.print(growth_table(result["growth"]))
    if result["kept_kib"] is not None:
        console.print(f"{OURS} keeps {result['kept_kib']} KiB more per thousand updates")
    if result["aims"]:
        console.print(aims_table(result["aims"]))
    console.print(headline_table(result["headline"]))


if __name__ == "__main__":
    main()
