"""Cost of one update beside one MoveNet inference, timed in turns in the same run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from _aims import Aims
from _motions import Array
from _people_cases import Case, Choice, sequences
from _people_data import FPS, clock
from _people_runs import Factory
from posesync.pose.movenet import MoveNet
from posesync.reference import Reference

LIGHTNING: Final = Path(__file__).resolve().parents[1] / "pose" / "models" / "movenet_lightning.onnx"
LENGTHS: Final = (10.0, 60.0, 600.0, 1800.0)
_FRAMES: Final = 480
#: Updates in a row, and inferences before them.
_TURN: Final = 30
_INFERENCES: Final = 6


class Speed:
    """One update as a share of an inference, by length of the expert's video."""

    def __init__(self, choice: Choice) -> None:
        """Choose whom to run; quick: 60 s alone."""
        self._cases, self._quick = sequences(choice), choice.quick

    def judge(self, factory: Factory, aims: Aims) -> list[dict[str, Any]]:
        """A row for each length."""
        movenet = MoveNet(LIGHTNING, provider="cpu", threads=1)
        rows = []
        for seconds in (60.0,) if self._quick else LENGTHS:
            row = measure(factory, movenet, self._cases, seconds, frames=_FRAMES // (2 if self._quick else 1))
            rows.append(row)
            for key, length, limit in (("p50", 60.0, 0.035), ("p95", 60.0, 0.07), ("p95", 1800.0, 0.11)):
                if seconds == length:
                    aims.add(
                        f"one update, {seconds:.0f} s, {key}: share of MoveNet", limit, row[f"{key}_share"]
                    )
        return rows


def long_expert(cases: list[Case], seconds: float) -> Array:
    """(T, 17, 3): the experts one after the other, again and again, never quite the same."""
    base = np.concatenate([case.expert for case in cases])
    frames = round(seconds * FPS)
    long = np.tile(base, (frames // len(base) + 1, 1, 1))[:frames]
    long[..., :2] += np.random.default_rng(0).normal(0, 0.5, (frames, 17, 2))
    return long


def measure(
    factory: Factory, movenet: MoveNet, cases: list[Case], seconds: float, frames: int
) -> dict[str, Any]:
    """Figures for one length of the expert's video.

    Time of this thread, a few inferences and a few updates by turns, so that whatever else runs on the
    machine hits both. An update that comes right after an inference finds its data gone from the caches:
    those are given apart.
    """
    expert = long_expert(cases, seconds)
    before = time.thread_time()
    tracker = factory(Reference.from_keypoints(expert, clock(len(expert))))
    ready = time.thread_time() - before
    live = np.concatenate([case.performer for case in cases[:2]])[:frames]
    image = np.zeros((movenet.size, movenet.size, 3), np.uint8)
    inference, update = [], np.empty(len(live))
    for index, keypoints in enumerate(live):
        for _ in range(_INFERENCES if index % _TURN == 0 else 0):
            start = time.thread_time_ns()
            movenet.infer(image)
            inference.append((time.thread_time_ns() - start) / 1000)
        start = time.thread_time_ns()
        tracker.update(keypoints, index / FPS)
        update[index] = (time.thread_time_ns() - start) / 1000
    pace, cold = float(np.median(inference)), float(np.median(update[_TURN::_TURN]))
    warm = update[_TURN:][np.arange(_TURN, len(update)) % _TURN > 0]
    p50, p95 = (float(value) for value in np.percentile(warm, [50, 95]))
    return {
        "expert_s": seconds,
        "movenet_us": round(pace, 1),
        "p50_us": round(p50, 1),
        "p95_us": round(p95, 1),
        "cold_us": round(cold, 1),
        "p50_share": p50 / pace,
        "p95_share": p95 / pace,
        "ready_s": round(ready, 2),
    }
