"""Measures whether cues name the right joint and scores are right, on real poses, clips and performances.

    python benchmarks/feedback.py             # all of it, some four minutes on one core
    python benchmarks/feedback.py --poses 8   # a quick look

Tables on the screen, everything in ``benchmarks/out/feedback.json``; docs/feedback.md quotes them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from _clips import clips
from _constructed import JOINTS_TURNED, Turned, cases, goes, is_right, poses, turn
from _disturb import Disturbance, observe
from _fetched import fetched
from _motions import Array, Look, Motion, MotionClip, View, performances
from _scenarios import make_case, motions_for
from posesync.pose.features import swap_left_right
from posesync.pose.skeleton import LEFT_ANKLE, RIGHT_ANKLE
from posesync.realtime.coaching.cue_queue import CueQueue
from posesync.realtime.coaching.cues import find_cues
from posesync.realtime.coaching.feedback import compare_poses, expert_poses
from posesync.realtime.coaching.legs import LegIdentity
from posesync.realtime.coaching.scoring import FORM_SLACK, TimingMeter, form_score
from posesync.realtime.tracking.tracker import Tracker
from posesync.reference.reference import Reference
from rich.console import Console
from rich.table import Table

OUT: Final = Path(__file__).resolve().parent / "out" / "feedback.json"
_RATE: Final = 30.0
LARGE: Final = (20.0, 25.0, 30.0, 45.0)
SMALL: Final = (2.0, 4.0, 6.0, 7.99)


def sources() -> dict[str, Motion]:
    """Return every movement available: clips and 3-D performances."""
    return {**clips(), **performances()}


def constructed(count: int) -> dict[str, dict[str, int]]:
    """One frame, no noise: what the first cue says of each error, by source."""
    rows = {}
    for name, motion in sources().items():
        tally: Counter[str] = Counter()
        for pose in poses(motion, count):
            for degrees in (*LARGE, *SMALL):
                for case in cases(name, pose, degrees):
                    tally[_verdict(case, degrees)] += 1
        rows[name] = dict(tally)
    return rows


def _verdict(case: Turned, degrees: float) -> str:
    found = find_cues(case.performer, case.shown_expert, mirrored=case.mirrored)
    if degrees < 8.0:
        return "small, a cue" if found else "small, silent"
    answer = "silent" if not found else "right" if is_right(found[0], case) else "wrong"
    if case.excluded:
        return f"excluded ({case.excluded}), {answer}"
    return f"large, {answer}" + (", and more" if len(found) > 1 else "")


def held(count: int, seconds: float = 2.5) -> dict[str, dict[str, int]]:
    """A pose held for ``seconds`` under jitter as MoveNet has it, judged by the queue's first cue."""
    rows = {}
    for name, motion in sources().items():
        tally: Counter[str] = Counter()
        for number, pose in enumerate(poses(motion, count)):
            for degrees in (20.0, 7.99):
                for case in cases(name, pose, degrees):
                    if case.excluded and degrees > 8.0:
                        tally["excluded"] += 1
                        continue
                    rng = np.random.default_rng([number, JOINTS_TURNED.index(case.joint), int(degrees)])
                    tally[_under_noise(case, seconds, rng)] += 1
        rows[name] = dict(tally)
    return rows


def _under_noise(case: Turned, seconds: float, rng: np.random.Generator) -> str:
    times = np.arange(0.0, seconds, 1 / _RATE)
    streams = [_jittered(pose, times, rng) for pose in (case.performer, case.shown_expert)]
    queue = CueQueue()
    for now, performer, expert in zip(times, *streams, strict=True):
        cue = queue.update(float(now), performer, expert, mirrored=case.mirrored)
        if cue is not None:
            if abs(case.degrees) < 8.0:
                return "small, a cue"
            return "large, right" if is_right(cue, case) else "large, wrong"
    return "large, silent" if abs(case.degrees) > 8.0 else "small, silent"


def _jittered(pose: Array, times: Array, rng: np.random.Generator) -> Array:
    trunk = np.linalg.norm(pose[5:7, :2].mean(0) - pose[11:13, :2].mean(0))
    count = len(times)
    view = View(
        np.repeat(pose[None, :, :2], count, 0),
        np.repeat(pose[None, :, 2], count, 0),
        np.full(count, max(float(trunk), 1.0)),
        np.zeros((count, 17)),
    )
    return observe(view, times, Disturbance(), rng)


def moving(count: int, seconds: float = 2.5) -> dict[str, dict[str, int]]:
    """The whole piece with one joint always 25° off, or nothing: a second estimate of the clip, or jitter."""
    rows = {}
    for name, motion in sources().items():
        tally: Counter[str] = Counter()
        last = max(motion.start, motion.end - seconds)
        for number, start in enumerate(np.linspace(motion.start, last, count)):
            times = np.arange(start, min(start + seconds, motion.end), 1 / _RATE)
            expert, performer = _two_takes(motion, times, number)
            for joint in (*JOINTS_TURNED, "nothing"):
                tally[_in_motion(joint, times, expert, performer)] += 1
        rows[name] = dict(tally)
    return rows


def _two_takes(motion: Motion, times: Array, seed: int) -> tuple[Array, Array]:
    if isinstance(motion, MotionClip):
        views = [motion.render(times, Look(seed=take)) for take in (0, 1)]
        first, second = (np.concatenate([v.xy, v.confidence[..., None]], -1) for v in views)
        return first, second
    view = motion.render(times, Look())
    first, second = (
        observe(view, times, Disturbance(), np.random.default_rng([seed, take])) for take in (0, 1)
    )
    return first, second


def _in_motion(joint: str, times: Array, expert: Array, performer: Array) -> str:
    wrong = performer if joint == "nothing" else turn(performer, joint, 25.0)
    queue = CueQueue()
    for now, theirs, ours, better in zip(times, expert, wrong, performer, strict=True):
        cue = queue.update(float(now), ours, theirs)
        if cue is not None:
            if joint == "nothing":
                return "faultless, a cue"
            right = cue.joint == joint and goes(cue.kind, joint, ours, better)
            return "25°, right" if right else "25°, wrong"
    return "faultless, silent" if joint == "nothing" else "25°, silent"


def calibration() -> dict[str, dict[str, list[float]]]:
    """Scores (5 %, median, mean) of the expert against themself, re-timed takes and other moments."""
    rows: dict[str, dict[str, list[float]]] = {}
    rng = np.random.default_rng(5)
    for name, motion in sources().items():
        times = np.arange(motion.start, motion.end, 1 / _RATE)
        expert, again = _two_takes(motion, times, 3)
        plain = [compare_poses(a, b).score for a, b in zip(again, expert, strict=True)]
        form = [form_score(pose, _around(times, expert, now)) for pose, now in zip(again, times, strict=True)]
        other = [
            form_score(again[i], _around(times, expert, float(times[j])))
            for i, j in rng.integers(0, len(times), (1500, 2))
            if abs(times[i] - times[j]) >= 0.75
        ]
        rows[name] = {
            "itself, one moment": _three(plain),
            "itself": _three(form),
            "another moment": _three(other),
        }
    for scenario in ("tempo", "steady tempo", "mirrored", "yaw 15", "student"):
        for name in motions_for(scenario):
            scores = [score for seed in (0, 1) for score in _tracked(scenario, name, seed)]
            rows.setdefault(name, {})[scenario] = _three(scores)
    return rows


def _around(times: Array, expert: Array, now: float) -> Array:
    return expert_poses(times, expert, now + np.array(FORM_SLACK))


def _tracked(scenario: str, motion: str, seed: int) -> Iterator[float | None]:
    """Form scores of a whole take, each frame where the tracker, not the truth, says the performer is."""
    case = make_case(scenario, motion, seed)
    tracker = Tracker(Reference.from_keypoints(case.reference_keypoints, case.reference_times))
    for pose, now in zip(case.keypoints, case.times, strict=True):
        position = tracker.update(pose, float(now))
        if position.time is not None:
            around = _around(case.reference_times, case.reference_keypoints, position.time)
            yield form_score(pose, around, mirrored=position.mirrored)


def _three(scores: Any) -> list[float]:
    known = [score for score in scores if score is not None]
    return [round(float(v), 1) for v in (*np.quantile(known, (0.05, 0.5)), np.mean(known))]


def timing() -> dict[str, dict[str, float]]:
    """At a constant pace, known exactly: the word and the score that the tracker's positions lead to."""
    rows = {}
    for pace in (0.6, 0.8, 1.0, 1.25, 1.6):
        words: Counter[str] = Counter()
        scores = []
        for name in performances():
            motion = performances()[name]
            start, seconds = motion.start + 2.0, 18.0
            grid = np.arange(0.0, seconds, 1 / _RATE)
            reference, _ = _two_takes(motion, start + grid, 1)
            live = np.arange(0.0, seconds / pace - 0.3, 1 / _RATE)
            _, performer = _two_takes(motion, start + live * pace, 2)
            tracker, meter = Tracker(Reference.from_keypoints(reference, grid)), TimingMeter()
            for pose, now in zip(performer, live, strict=True):
                reading = meter.update(tracker.update(pose, float(now)), float(now))
                if reading.label is not None and reading.score is not None:
                    words[reading.label.value] += 1
                    scores.append(reading.score)
        total = sum(words.values())
        shares = {word: round(100 * count / total, 1) for word, count in words.items()}
        rows[f"{pace:g}"] = {"score, median": round(float(np.median(scores)), 1), **shares}
    return rows


def legs() -> dict[str, dict[str, float]]:
    """Share of frames in which ankles that are apart are misnamed, %: as seen, held, and when sure."""
    rows = {}
    for name, motion in performances().items():
        for share in (0.03, 0.1, 0.35):
            times = np.arange(motion.start, motion.end, 1 / _RATE)
            view = motion.render(times, Look())
            seen = observe(view, times, Disturbance(ankle_swaps=share), np.random.default_rng(7))
            identity, counts = LegIdentity(), Counter[str]()
            for now, pose, truth, torso in zip(times, seen, view.xy, view.torso, strict=True):
                found = identity.update(float(now), pose)
                apart = truth[LEFT_ANKLE] - truth[RIGHT_ANKLE]
                if np.linalg.norm(apart) < 0.25 * torso:
                    continue
                counts["apart"] += 1
                counts["as seen, wrong"] += _wrong(pose, apart)
                counts["held, wrong"] += _wrong(found.keypoints, apart)
                counts["sure"] += found.certain
                counts["sure, wrong"] += found.certain and _wrong(found.keypoints, apart)
            rows[f"{name}, {share:.0%} exchanged"] = {
                key: round(100.0 * counts[key] / counts["apart"], 2)
                for key in ("as seen, wrong", "held, wrong", "sure", "sure, wrong")
            }
    return rows


def _wrong(pose: Array, apart: Array) -> bool:
    return bool((pose[LEFT_ANKLE, :2] - pose[RIGHT_ANKLE, :2]) @ apart < 0.0)


def cost() -> dict[str, float]:
    """Processor time per frame, ms."""
    motion = clips()["walk"]
    times = np.arange(motion.start, motion.end, 1 / _RATE)
    expert, again = _two_takes(motion, times, 0)
    wrong, queue, found = turn(again, "left_shoulder", 25.0), CueQueue(), {}
    steps = {
        "cue queue": lambda i: queue.update(float(times[i]), wrong[i], expert[i]),
        "cue queue, mirrored": lambda i: queue.update(
            float(times[i]), wrong[i], swap_left_right(expert[i]), mirrored=True
        ),
        "find_cues": lambda i: find_cues(wrong[i], expert[i]),
        "form_score of five moments": lambda i: form_score(wrong[i], expert[i // 5 * 5 : i // 5 * 5 + 5]),
    }
    for name, step in steps.items():
        spent = []
        for _ in range(7):
            begin = time.process_time()
            for i in range(100):
                step(i)
            spent.append((time.process_time() - begin) * 10)
        found[name] = round(min(spent), 3)
    return found


def show(console: Console, title: str, rows: dict[str, Any]) -> None:
    """Print one part as a table."""
    columns = sorted({key for row in rows.values() if isinstance(row, dict) for key in row})
    table = Table("", *(columns or ["ms"]), title=title)
    for name, row in rows.items():
        cells = [str(row.get(key, "")) for key in columns] if isinstance(row, dict) else [str(row)]
        table.add_row(name, *cells)
    console.print(table)


def main() -> None:
    """Measure everything and store the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--poses", type=int, default=40, help="poses of each movement")
    count = max(2, parser.parse_args().poses)
    fetched()
    console, result = Console(width=200), {}
    parts = {
        "constructed errors, one frame": lambda: constructed(count),
        "constructed errors, held under jitter": lambda: held(max(2, count // 10)),
        "a joint off during the piece": lambda: moving(max(2, count // 5)),
        "scores: 5 %, median, mean": calibration,
        "timing": timing,
        "legs, %": legs,
        "cost": cost,
    }
    for title, part in parts.items():
        result[title] = part()
        show(console, title, result[title])
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
