"""Cost of one update as the expert's video grows from 10 s to half an hour, and growth of memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from _disturb import Disturbance, observe
from _motions import Array, Look, performances
from _peers import Factory
from posesync.reference.reference import Reference

LENGTHS: Final = (10.0, 60.0, 600.0, 1800.0)
_RATE: Final = 30.0
_WARM: Final = 60
_FRAMES: Final = 360


def long_reference(seconds: float) -> tuple[Array, Array]:
    """Keypoints (T, 17, 3) and times (T,) of the dance again and again, each time by another performer."""
    motion = performances()["dance"]
    pieces, total, number = [], 0, 0
    while total < seconds * _RATE:
        rng = np.random.default_rng([number, 5])
        look = Look(
            yaw=float(rng.uniform(-60, 60)) if number else 0.0, style=15.0 * (number > 0), seed=number
        )
        clock = np.arange(0.0, motion.end - motion.start, 1 / _RATE)
        pieces.append(observe(motion.render(motion.start + clock, look), clock, Disturbance(), rng))
        total, number = total + len(clock), number + 1
    keypoints = np.concatenate(pieces)[: int(seconds * _RATE)]
    return keypoints, np.arange(len(keypoints)) / _RATE


def growth(methods: Mapping[str, Factory], lengths: Iterable[float] = LENGTHS) -> list[dict[str, Any]]:
    """µs per update (p50, p95) and s to get ready, by length of the expert."""
    rows = []
    motion = performances()["dance"]
    clock = 0.011 + np.arange(_FRAMES) / 29.97
    view = motion.render(motion.start + clock, Look(style=2.0, seed=99))
    live = observe(view, clock, Disturbance(), np.random.default_rng(99))
    for length in lengths:
        reference = Reference.from_keypoints(*long_reference(length))
        for name, factory in methods.items():
            before = time.thread_time()
            method = factory(reference)
            ready = time.thread_time() - before
            cost = np.empty(_FRAMES)
            for index in range(_FRAMES):
                start = time.thread_time_ns()
                method.update(live[index], float(clock[index]))
                cost[index] = (time.thread_time_ns() - start) / 1000.0
            p50, p95 = np.quantile(cost[_WARM:], [0.5, 0.95])
            row = {
                "method": name,
                "expert_s": length,
                "p50_us": round(float(p50), 1),
                "p95_us": round(float(p95), 1),
            }
            rows.append(row | {"ready_s": round(ready, 3)})
    return rows


def kept(factory: Factory, updates: int = 3000) -> float:
    """Return KiB of memory gained per thousand updates, after the first thousand, with a 60 s expert."""
    method = factory(Reference.from_keypoints(*long_reference(60.0)))
    keypoints, times = long_reference(updates / _RATE)
    tracemalloc.start()
    held = 0
    for index in range(updates):
        method.update(keypoints[index], float(times[index]))
        if index == updates // 3:
            held = tracemalloc.get_traced_memory()[0]
    more = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    return round(more / 1024 / (updates * 2 / 3 / 1000), 2)
