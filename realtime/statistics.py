"""What a session amounts to: running counts, the summary of the log, the lines of the details panel."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES

from .coach import Step
from .position import State

#: s over which rates are measured.
RATE_SPAN = 2.0


@dataclass(slots=True)
class SessionStatistics:
    """Counts of one session. One thread writes, others may read.

    Attributes:
        processed: frames that went through the models.
        dropped: captured frames that a newer one replaced before they could be processed.
        shown: pictures drawn.
        last_time: s since the camera's first frame, of the last captured frame.
        states: processed frames in each state.
        placed: processed frames with a position.
        latencies: s from capture to result, of the last 600 frames; empty for a file without display.
    """

    processed: int = 0
    dropped: int = 0
    shown: int = 0
    last_time: float = 0.0
    states: Counter[State] = field(default_factory=Counter)
    placed: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=600))
    _reached: float = 0.0
    _score_sum: float = 0.0
    _scored: int = 0
    _joint_sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(JOINT_NAMES, 0.0))
    _joint_counts: Counter[str] = field(default_factory=Counter)
    _moments: deque[float] = field(default_factory=lambda: deque(maxlen=240))

    def add(self, step: Step, missed: int = 0, *, now: float, latency: float | None = None) -> None:
        """Count a processed frame.

        Args:
            step: what came out.
            missed: captured frames that were dropped before it.
            now: s, monotonic.
            latency: s from capture to result.
        """
        self.processed += 1
        self.dropped += missed
        self.last_time = step.frame.time
        self.states[step.position.state] += 1
        if step.position.time is not None:
            self.placed += 1
            self._reached = max(self._reached, step.position.time)
        if step.feedback.score is not None:
            self._score_sum += step.feedback.score
            self._scored += 1
        for name, degrees in step.feedback.joints.items():
            if degrees is not None:
                self._joint_sums[name] += abs(degrees)
                self._joint_counts[name] += 1
        if latency is not None:
            self.latencies.append(latency)
        self._moments.append(now)

    @property
    def captured(self) -> int:
        """Frames that the camera delivered."""
        return self.processed + self.dropped

    @property
    def fps(self) -> float | None:
        """Processed frames per second over the last RATE_SPAN s, None in the beginning."""
        moments = list(self._moments)
        recent = [m for m in moments if m >= moments[-1] - RATE_SPAN] if moments else []
        if len(recent) < 3 or recent[-1] <= recent[0]:
            return None
        return (len(recent) - 1) / (recent[-1] - recent[0])

    @property
    def score(self) -> float | None:
        """Mean score 0..100 of the scored frames, None without any."""
        return self._score_sum / self._scored if self._scored else None

    def summary(self, ended: str, reference_duration: float) -> dict[str, Any]:
        """The log's last line, without anything that depends on the clock.

        Args:
            ended: why the session ended.
            reference_duration: s.
        """
        return {
            "ended": ended,
            "frames": self.captured,
            "processed": self.processed,
            "dropped": self.dropped,
            "duration": round(self.last_time, 4),
            "reference_duration": round(reference_duration, 4),
            "reached": round(self._reached, 4),
            "coverage": round(self.placed / self.processed, 4) if self.processed else 0.0,
            "states": {state.value: self.states[state] for state in State},
            "score": None if self.score is None else round(self.score, 2),
            "joints": {
                name: round(self._joint_sums[name] / count, 2)
                if (count := self._joint_counts[name])
                else None
                for name in JOINT_NAMES
            },
        }

    def timing(self) -> dict[str, Any]:
        """What depends on the clock: the rate and the latency in ms."""
        return {"fps": _rounded(self.fps), "shown": self.shown, "latency_ms": _percentiles(self.latencies)}


def statistics_lines(statistics: SessionStatistics, provider: str) -> tuple[tuple[str, str], ...]:
    """Label and value of each line of the details panel."""
    fps = statistics.fps
    latency = _percentiles(statistics.latencies)
    return (
        ("processed", f"{fps:.1f} fps" if fps is not None else "…"),
        ("captured", f"{statistics.captured} frames"),
        ("dropped", f"{statistics.dropped}"),
        ("latency p50 / p95", f"{latency['p50']:.0f} / {latency['p95']:.0f} ms" if latency else "…"),
        ("running on", provider),
    )


def _percentiles(seconds: Sequence[float]) -> dict[str, float] | None:
    values = list(seconds)
    if not values:
        return None
    p50, p95 = np.percentile(values, [50, 95]) * 1000
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 2)
