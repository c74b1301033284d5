"""Statistics of a session: running counts, the summary of the log, the lines of the details panel."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.confidence import LOOKING_BELOW
from posesync.realtime.coaching.feedback import Feedback
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.tracking.position import Position, State

#: s over which rates are measured.
RATE_SPAN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies, ms: median and 95th percentile."""

    p50: float
    p95: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Latency | None:
        """Return the median and percentile of latencies in s; None without any."""
        values = list(seconds)
        if not values:
            return None
        p50, p95 = np.percentile(values, [50, 95]) * 1000
        return cls(round(float(p50), 2), round(float(p95), 2))


@dataclass(frozen=True, slots=True)
class Figures:
    """How fast a session runs, now or over the whole of it; everything depends on the clock.

    Attributes:
        provider: where the models run.
        captured: frames that the camera delivered.
        dropped: of these, how many a newer one replaced before they could be processed.
        shown: pictures drawn.
        captured_fps: captured frames per second.
        fps: processed frames per second; all rates are None at first.
        shown_fps: pictures drawn per second.
        latency: from a frame's arrival to its result; None before there is one.
        shown_latency: from a frame's arrival to the finished picture; None when nothing is drawn.
    """

    provider: str
    captured: int = 0
    dropped: int = 0
    shown: int = 0
    captured_fps: float | None = None
    fps: float | None = None
    shown_fps: float | None = None
    latency: Latency | None = None
    shown_latency: Latency | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as they are logged."""
        return {
            "fps": _rounded(self.fps),
            "captured_fps": _rounded(self.captured_fps),
            "shown_fps": _rounded(self.shown_fps),
            "shown": self.shown,
            "latency_ms": None if self.latency is None else asdict(self.latency),
            "shown_latency_ms": None if self.shown_latency is None else asdict(self.shown_latency),
            "provider": self.provider,
        }


@dataclass(slots=True)
class SessionStatistics:
    """Counts of one session. One thread adds frames and one adds pictures; others may read.

    Attributes:
        processed: frames that went through the models.
        dropped: captured frames that a newer one replaced before they could be processed.
        shown: pictures drawn.
        last_time: s since the camera's first frame, of the last captured frame.
        states: processed frames in each state.
        placed: processed frames with a position that was more than a guess.
        repetitions: periods of the movement finished, including those before a restart.
        latencies: s from capture to result, of the last 600 frames.
        shown_latencies: s from capture to picture, of the last 600 pictures.
    """

    processed: int = 0
    dropped: int = 0
    shown: int = 0
    last_time: float = 0.0
    states: Counter[State] = field(default_factory=Counter)
    placed: int = 0
    repetitions: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=600))
    shown_latencies: deque[float] = field(default_factory=lambda: deque(maxlen=600))
    _counted: int = 0  # of the repetitions, those since the last restart
    _reached: float = 0.0
    _score_sum: float = 0.0
    _scored: int = 0
    _joint_sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(JOINT_NAMES, 0.0))
    _joint_counts: Counter[str] = field(default_factory=Counter)
    _processed_rate: _Rate = field(default_factory=lambda: _Rate())
    _captured_rate: _Rate = field(default_factory=lambda: _Rate())
    _shown_rate: _Rate = field(default_factory=lambda: _Rate())

    def add(self, moment: Moment, missed: int = 0, *, now: float, latency: float | None = None) -> None:
        """Count a processed frame and the frames judged with it.

        Args:
            moment: the frame's moment.
            missed: captured frames that were dropped before it.
            now: s, monotonic.
            latency: s from capture to result.
        """
        self.processed += 1
        self.dropped += missed
        self.last_time = moment.time
        self.states[moment.position.state] += 1
        if moment.position.time is not None:
            self.placed += int(moment.position.confidence >= LOOKING_BELOW)
            self._reached = max(self._reached, moment.position.time)
        self._repeat(moment.position)
        for judged in moment.judged:
            self._judge(judged.feedback)
        if latency is not None:
            self.latencies.append(latency)
        self._processed_rate.add(now, self.processed)
        self._captured_rate.add(now, self.captured)

    def _repeat(self, position: Position) -> None:
        anew = position.jumped or position.state is State.WAITING
        if position.repetition < self._counted and anew:  # otherwise a finish was taken back
            self._counted = 0
        self.repetitions += position.repetition - self._counted
        self._counted = position.repetition

    def _judge(self, feedback: Feedback) -> None:
        if feedback.score is not None:
            self._score_sum += feedback.score
            self._scored += 1
        for name, degrees in feedback.joints.items():
            if degrees is not None:
                self._joint_sums[name] += abs(degrees)
                self._joint_counts[name] += 1

    def show(self, now: float, at: float) -> None:
        """Count a picture finished at ``now`` of a frame that arrived at ``at``, both s, monotonic."""
        self.shown += 1
        self.shown_latencies.append(now - at)
        self._shown_rate.add(now, self.shown)

    @property
    def captured(self) -> int:
        """Return the number of frames that the camera delivered."""
        return self.processed + self.dropped

    @property
    def fps(self) -> float | None:
        """Return processed frames per second over the last RATE_SPAN s, None at first."""
        return self._processed_rate.recent()

    @property
    def score(self) -> float | None:
        """Return the mean score 0..100 of the scored frames, None without any."""
        return self._score_sum / self._scored if self._scored else None

    def summary(self, ended: str, reference_duration: float) -> dict[str, Any]:
        """Return the log's summary, without anything that depends on the clock.

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
            "repetitions": self.repetitions,
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

    def figures(self, provider: str, *, whole: bool = False) -> Figures:
        """Return how fast the session runs now, or has run as a ``whole`` so far."""
        rates = (self._captured_rate, self._processed_rate, self._shown_rate)
        captured, processed, shown = (rate.overall() if whole else rate.recent() for rate in rates)
        return Figures(
            provider=provider,
            captured=self.captured,
            dropped=self.dropped,
            shown=self.shown,
            captured_fps=captured,
            fps=processed,
            shown_fps=shown,
            latency=Latency.of(tuple(self.latencies)),
            shown_latency=Latency.of(tuple(self.shown_latencies)),
        )


def statistics_lines(figures: Figures, *, hurried: bool = False) -> tuple[tuple[str, str], ...]:
    """Return label and value of each line of the details panel; ``hurried``: the detector runs less."""
    rates = (figures.captured_fps, figures.fps, figures.shown_fps)
    latency = figures.shown_latency or figures.latency
    share = f" ({100 * figures.dropped / figures.captured:.1f} %)" if figures.dropped else ""
    return (
        ("captured", _fps(rates[0])),
        ("processed", _fps(rates[1])),
        ("shown", _fps(rates[2])),
        ("latency p50 / p95", f"{latency.p50:.0f} / {latency.p95:.0f} ms" if latency else "…"),
        ("dropped", f"{figures.dropped}{share}"),
        ("running on", figures.provider),
        *((("detector", "only when needed"),) if hurried else ()),
    )


class _Rate:
    """Measures how fast a count grows."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque(maxlen=240)
        self._first: tuple[float, int] | None = None

    def add(self, now: float, count: int) -> None:
        """Add the count at ``now`` s."""
        if self._first is None:
            self._first = (now, count)
        self._points.append((now, count))

    def recent(self) -> float | None:
        """Return the rate per second over the last RATE_SPAN s."""
        points = list(self._points)
        recent = [point for point in points if point[0] >= points[-1][0] - RATE_SPAN]
        return None if len(recent) < 3 else _slope(recent[0], recent[-1])

    def overall(self) -> float | None:
        """Return the rate per second since the first count."""
        return None if self._first is None else _slope(self._first, self._points[-1])


def _slope(first: tuple[float, int], last: tuple[float, int]) -> float | None:
    return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else None


def _fps(value: float | None) -> str:
    return "…" if value is None else f"{value:.1f} fps"


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 2)
