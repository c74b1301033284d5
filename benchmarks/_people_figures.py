"""Evaluates answers: errors at events, presence, and whether confidence is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from _motions import Array
from _people_cases import Case
from posesync.realtime.tracking.position import Position, State

#: Right: within this of the truth, s.
RIGHT: Final = 0.25
#: A settled place counts for an event at most this far from it, s.
NEAR: Final = 0.1
#: Between settled places further apart than this nothing is interpolated, s.
_LEAP: Final = 0.5
#: What moves: a keypoint that is this many torso lengths from where it was, …
_MOVED: Final = 0.15
#: … for this many frames, after a median over as many.
_STEADY: Final = 5
_SEEN: Final = 0.2
#: Events further apart say nothing about the frames between them, s.
_SPAN: Final = 3.0
AWAY: Final = (State.WAITING.value, State.LOST.value)


@dataclass(frozen=True)
class Trace:
    """Every answer of a tracker to one case.

    Attributes:
        place: (N,) s in the expert's video, NaN where there is none.
        confidence: (N,) 0..1.
        state: (N,) str.
        wrapped: (N,) bool.
        repetition: periods finished, at the end.
        settled: (M, 2) s of the performer and s in the expert's video.
        jumps: beyond the first lock.
    """

    place: Array
    confidence: Array
    state: np.ndarray
    wrapped: np.ndarray
    repetition: int
    settled: Array
    jumps: int

    @classmethod
    def of(cls, answers: Sequence[Position]) -> Trace:
        """Take the answer to each frame."""
        settled = [answer.settled for answer in answers if answer.settled is not None]
        return cls(
            np.array([np.nan if a.time is None else a.time for a in answers], float),
            np.array([a.confidence for a in answers], float),
            np.array([State(a.state).value for a in answers]),
            np.array([a.wrapped for a in answers], bool),
            answers[-1].repetition,
            np.array(settled, float).reshape(-1, 2),
            max(0, sum(a.jumped for a in answers) - 1),
        )

    @property
    def away(self) -> np.ndarray:
        """(N,) bool: nobody in the piece, as far as the tracker knows."""
        return np.isin(self.state, AWAY)


def errors(case: Case, place: Array) -> Array:
    """(events,) s, answer − truth at the frame nearest each event; NaN where there is no answer.

    Args:
        case: its events and times (N,) s.
        place: (N,) s in the expert's video.
    """
    found = np.empty(len(case.events))
    for row, event in enumerate(case.events):
        nearest = int(np.argmin(np.abs(case.times - event.performer)))
        found[row] = place[nearest] - event.expert + event.performer - case.times[nearest]
    return _modulo(found, case.period)


def settled_errors(case: Case, settled: Array) -> Array:
    """(events,) s, settled place − truth; NaN where no place near the event was settled.

    Args:
        case: its events.
        settled: (M, 2) s of the performer and s in the expert's video, in order of the first.
    """
    wanted = np.array([event.performer for event in case.events])
    truth = np.array([event.expert for event in case.events])
    return _modulo(settled_at(settled, wanted) - truth, case.period)


def settled_at(settled: Array, wanted: Array) -> Array:
    """(K,) s in the expert's video at ``wanted`` (K,) s of the performer: between neighbours, or the nearest.

    Nothing is interpolated across a jump: there, and at the ends, the nearest counts if it is near.
    """
    found = np.full(len(wanted), np.nan)
    if not len(settled):
        return found
    at, place = settled.T
    for row, moment in enumerate(wanted):
        after = int(np.searchsorted(at, moment))
        low, high = max(0, after - 1), min(len(at) - 1, after)
        nearest = low if abs(at[low] - moment) <= abs(at[high] - moment) else high
        near = abs(at[nearest] - moment) <= NEAR
        gap = at[high] - at[low]
        if 0 < gap <= 2 * NEAR and at[low] <= moment <= at[high] and abs(place[high] - place[low]) <= _LEAP:
            share = (moment - at[low]) / gap
            found[row] = place[low] + share * (place[high] - place[low])
        elif near:
            found[row] = place[nearest]
    return found


def _modulo(error: Array, period: float) -> Array:
    """The nearest of a series' repetitions counts."""
    if period:
        error = error - period * np.round(error / period)
    return error


def summary(found: Sequence[Array]) -> dict[str, Any]:
    """Errors of several cases pooled, ms where the name says so; what is missing is not ``within``."""
    pooled = np.concatenate(found) if len(found) else np.zeros(0)
    known = np.abs(pooled[np.isfinite(pooled)]) * 1000
    if not len(known):
        return {"events": len(pooled), "coverage": 0.0}
    return {
        "events": len(pooled),
        "median_ms": round(float(np.median(known)), 1),
        "p95_ms": round(float(np.percentile(known, 95)), 1),
        "worst_ms": round(float(known.max()), 1),
        "within": round(float((known <= 1000 * RIGHT).sum() / len(pooled)), 4),
        "coverage": round(len(known) / len(pooled), 4),
        "bias_ms": round(1000 * float(np.nanmedian(pooled)), 1),
    }


def finished_early(case: Case, trace: Trace) -> bool:
    """Whether FINISHED was said before the last event."""
    before = case.times < case.last_event
    return bool((trace.state[before] == State.FINISHED.value).any())


def first_movement(keypoints: Array, times: Array, since: float = 0.0) -> float:
    """S at which the performer first moves after ``since``; infinity if they never do.

    Moving is a keypoint that has come a sixth of the torso from where it was, measured at the median over a
    sixth of a second, so that jitter and a single bad frame are none.

    Args:
        keypoints: (N, 17, 3).
        times: (N,) s.
        since: s; the pose at this moment is where they were.
    """
    part = keypoints[times >= since - 1e-9]
    seen = part[..., 2] > _SEEN
    here = seen.sum(axis=1) >= 6
    if here.sum() <= _STEADY:
        return float("inf")
    at = times[times >= since - 1e-9][here]
    part, seen = part[here], seen[here]
    xy = np.where(seen[..., None], part[..., :2], np.nan)
    shoulders, hips = (_middle(xy, *pair) for pair in ((5, 6), (11, 12)))
    torso = float(np.nanmedian(np.linalg.norm(shoulders - hips, axis=-1)))
    windows = np.lib.stride_tricks.sliding_window_view(xy, _STEADY, axis=0)
    with np.errstate(invalid="ignore"):
        smooth = np.median(windows, axis=-1)
        far = np.linalg.norm(smooth - smooth[0], axis=-1) > _MOVED * torso
    moving = far.any(axis=1)
    steady = np.convolve(moving, np.ones(3), "valid") == 3
    return float(at[int(np.argmax(steady)) + _STEADY // 2]) if steady.any() else float("inf")


def _middle(xy: Array, a: int, b: int) -> Array:
    middle: Array = (xy[:, a] + xy[:, b]) / 2
    return middle


def between(case: Case) -> tuple[np.ndarray, Array]:
    """Frames of the performer between events at most 3 s apart, and s in the expert's video there."""
    at = sorted((event.performer, event.expert) for event in case.events)
    frames: list[np.ndarray] = [np.zeros(0, int)]
    places: list[Array] = [np.zeros(0)]
    for (begin, first), (end, last) in pairwise(at):
        if 0 < end - begin <= _SPAN and last > first:
            inside = np.flatnonzero((case.times >= begin) & (case.times < end))
            frames.append(inside)
            places.append(first + (case.times[inside] - begin) * (last - first) / (end - begin))
    return np.concatenate(frames), np.concatenate(places)


def expected_wraps(expert: int, performer: int) -> int:
    """How often the place returns to the start: an expert of 3, a performer of 5 → 1."""
    return -(-performer // expert) - 1


def auc(high: Array, low: Array) -> float:
    """Probability that one of ``high`` is above one of ``low`` (a tie counts half); NaN without either."""
    if not len(high) or not len(low):
        return float("nan")
    _, which, count = np.unique(np.concatenate([high, low]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[which]
    above = ranks[: len(high)].sum() - len(high) * (len(high) + 1) / 2
    return float(above / (len(high) * len(low)))


def tenths(confidence: Array, parts: int = 10) -> list[np.ndarray]:
    """Which frames are in which tenth of the confidence, the least first; ties are spread at random."""
    order = np.lexsort((np.random.default_rng(0).random(len(confidence)), confidence))
    return np.array_split(order, parts)


def calibration_error(confidence: Array, right: np.ndarray) -> float:
    """ECE: how far the mean confidence of a tenth is from its share that is right, over all tenths."""
    parts = [part for part in tenths(confidence) if len(part)]
    return float(
        sum(len(part) * abs(confidence[part].mean() - right[part].mean()) for part in parts) / len(confidence)
    )
