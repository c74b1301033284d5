"""Analyses a session's log: curves over the piece, sections, joints, worst moments. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.confidence import JUDGED_FROM, LOOKING_BELOW
from posesync.realtime.tracking.position import State
from posesync.reference.sections import SectionSpan, section_spans

from .reading import STATES, BoolArray, IntArray, SessionData
from .worst import WorstMoment, worst_moments

#: Columns of the curves and of the heat map, at most, and the least that one of them spans, s of the piece.
CURVE_BINS: Final = 160
HEAT_BINS: Final = 96
MIN_BIN: Final = 0.1
#: Points of the warping path, at most.
PATH_POINTS: Final = 1500
#: Frames that a bin should have on average, so that a curve shows the performance, not the jitter.
_FRAMES_PER_BIN: Final = 3
#: Below this share of the piece the charts show only the part that was practised.
_WHOLE_FROM: Final = 0.6
#: Share of a section, counted in tenths, that must have been passed through for it to be judged.
_PASSED: Final = 0.5
#: s; a longer wait for the next frame does not count as time spent in the piece.
_LONGEST_STEP: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values over the piece, K bins; NaN where there was no frame.

    Attributes:
        centers: (K,) s in the reference.
        low: (K,) tenth percentile of the bin's frames.
        middle: (K,) median.
        high: (K,) ninetieth percentile.
    """

    centers: FloatArray
    low: FloatArray
    middle: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Error of each joint over the piece.

    Attributes:
        edges: (K + 1,) s in the reference.
        size: (8, K) mean absolute difference, degrees 0..180, NaN where unseen; in the order of JOINT_NAMES.
        signed: (8, K) mean difference, performer − expert, degrees.
    """

    edges: FloatArray
    size: FloatArray
    signed: FloatArray


@dataclass(frozen=True, slots=True)
class Summary:
    """One session, or one section of it, in figures; None where there was nothing to measure.

    Attributes:
        score: mean 0..100.
        form: mean 0..100.
        timing: mean 0..100.
        speed: median pace while following, 1.0 = the expert's.
        seconds: time spent, s.
        held: share of that time spent standing still, s.
        joints: joint → mean absolute difference, degrees 0..180.
        leanings: joint → mean signed difference, degrees, performer − expert.
    """

    score: float | None
    form: float | None
    timing: float | None
    speed: float | None
    seconds: float
    held: float
    joints: Mapping[str, float | None]
    leanings: Mapping[str, float | None]

    @property
    def worst_joint(self) -> str | None:
        """The joint with the largest error."""
        seen = {name: size for name, size in self.joints.items() if size is not None}
        return max(seen, key=seen.__getitem__) if seen else None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A whole session.

    Attributes:
        data: the log that it was made from.
        total: the session in figures.
        sections: each with its place and its figures; sections not really followed are not judged.
        span: (from, to) s of the piece that the charts show.
        coverage: share 0..1 of the processed frames with a position that is no mere guess.
        reached: s in the reference, the furthest place, None without a position.
        repetitions: periods of the movement finished, None where the log does not count them.
        states: s spent in each state.
        score: over the piece.
        tempo: pace over the piece, while following.
        heat: by joint.
        path: pieces of the warping path, each (n, 2): s of the session, s in the reference.
        moments: the worst first.
    """

    data: SessionData
    total: Summary
    sections: tuple[tuple[SectionSpan, Summary], ...]
    span: tuple[float, float]
    coverage: float
    reached: float | None
    repetitions: int | None
    states: Mapping[State, float]
    score: Curve
    tempo: Curve
    heat: HeatMap
    path: tuple[FloatArray, ...]
    moments: tuple[WorstMoment, ...]


def analyse(data: SessionData) -> Analysis:
    """Return everything that the report shows of one session."""
    steps = _steps(data)
    placed = np.isfinite(data.positions)
    processed = int((~data.dropped).sum())
    span = _span(data)
    named = data.part("reference").get("sections")
    spans = section_spans(named, span)
    moving = placed & (data.states == STATES.index(State.FOLLOWING)) & (data.speeds > 0)
    edges = _edges(span, int(placed.sum()), CURVE_BINS)
    return Analysis(
        data=data,
        total=_summarise(data, steps, ~data.dropped),
        sections=tuple((part, _section_summary(data, steps, part, span)) for part in spans),
        span=span,
        coverage=float((placed & _is_sure(data, LOOKING_BELOW)).sum() / processed) if processed else 0.0,
        reached=float(data.positions[placed].max()) if placed.any() else None,
        repetitions=_repetitions(data),
        states={state: float(steps[data.states == code].sum()) for code, state in enumerate(STATES)},
        score=_curve(data.positions, data.scores, edges),
        tempo=_curve(np.where(moving, data.positions, np.nan), data.speeds, edges),
        heat=_heat_map(data, _edges(span, int(placed.sum()), HEAT_BINS)),
        path=_path(data),
        moments=worst_moments(data),
    )


def _repetitions(data: SessionData) -> int | None:
    """Return the number of finished repetitions, summed over restarts of the session.

    A finish that was withdrawn because the performer went on does not count.
    """
    rows = np.flatnonzero(np.isfinite(data.repetitions))
    if not len(rows):
        return None
    counts, anew = data.repetitions[rows], data.jumped | (data.states == STATES.index(State.WAITING))
    ends = np.flatnonzero((np.diff(counts) < 0) & anew[rows][1:])
    return int(counts[ends].sum() + counts[-1])


def _steps(data: SessionData) -> FloatArray:
    """Return (N,) s until the next frame."""
    steps = np.diff(data.times, append=data.times[-1])
    return np.minimum(steps, _LONGEST_STEP)


def _span(data: SessionData) -> tuple[float, float]:
    duration = data.duration
    placed = data.positions[np.isfinite(data.positions)]
    if not len(placed):
        return 0.0, max(duration, 1.0)
    first, last = float(placed.min()), float(placed.max())
    if last - first >= _WHOLE_FROM * duration:
        return 0.0, max(duration, MIN_BIN)
    return first, max(last, first + MIN_BIN)


def _within(data: SessionData, part: SectionSpan, span: tuple[float, float]) -> BoolArray:
    """Return (N,) whether a frame lies in a section; the very end of the piece belongs to the last one."""
    before_end = data.positions <= part.end if part.end >= span[1] else data.positions < part.end
    inside: BoolArray = (data.positions >= part.start) & before_end
    return inside


def _summarise(data: SessionData, steps: FloatArray, rows: BoolArray) -> Summary:
    following = rows & (data.states == STATES.index(State.FOLLOWING)) & (data.speeds > 0)
    holding = rows & (data.states == STATES.index(State.HOLDING))
    joints = data.joints[rows]
    sizes, leanings = _columns(np.mean, np.abs(joints)), _columns(np.mean, joints)
    return Summary(
        score=_mean(data.scores[rows]),
        form=_mean(data.forms[rows]),
        timing=_mean(data.timings[rows]),
        speed=float(np.median(data.speeds[following])) if following.any() else None,
        seconds=float(steps[rows].sum()),
        held=float(steps[holding].sum()),
        joints=dict(zip(JOINT_NAMES, sizes, strict=True)),
        leanings=dict(zip(JOINT_NAMES, leanings, strict=True)),
    )


def _section_summary(
    data: SessionData, steps: FloatArray, part: SectionSpan, span: tuple[float, float]
) -> Summary:
    """Return a section in figures; only the time spent if it was not really followed."""
    rows = _within(data, part, span)
    found = _summarise(data, steps, rows)
    if _passed_through(data, part, rows):
        return found
    nothing = dict.fromkeys(JOINT_NAMES)
    return replace(found, score=None, form=None, timing=None, speed=None, joints=nothing, leanings=nothing)


def _passed_through(data: SessionData, part: SectionSpan, rows: BoolArray) -> bool:
    """Return whether the performer went through most of a section with the tracker fairly sure.

    Standing at one place of it, or being believed there for a moment, is not enough for a judgement.
    """
    places = data.positions[rows & _is_sure(data, JUDGED_FROM)]
    tenths = np.unique(np.floor(10 * (places - part.start) / (part.end - part.start)).clip(0, 9))
    return len(tenths) >= 10 * _PASSED


def _is_sure(data: SessionData, least: float) -> BoolArray:
    """Return (N,) whether the confidence is ``least`` or more; a log without confidences counts as sure."""
    sure: BoolArray = np.isnan(data.confidences) | (data.confidences >= least)
    return sure


def _mean(values: FloatArray) -> float | None:
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if len(seen) else None


def _columns(what: Callable[[FloatArray], float], table: FloatArray) -> list[float | None]:
    return [float(what(seen)) if len(seen := column[np.isfinite(column)]) else None for column in table.T]


def _edges(span: tuple[float, float], frames: int, most: int) -> FloatArray:
    bins = min(most, frames // _FRAMES_PER_BIN, int((span[1] - span[0]) / MIN_BIN))
    return np.linspace(*span, max(bins, 4) + 1)


def _bins(positions: FloatArray, values: FloatArray, edges: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the bin and the value of each frame that has a place and a value."""
    usable = np.isfinite(positions) & np.isfinite(values)
    where = np.searchsorted(edges, positions[usable], side="right") - 1
    where = np.where(positions[usable] == edges[-1], len(edges) - 2, where)
    inside = (where >= 0) & (where < len(edges) - 1)
    return where[inside], values[usable][inside]


def _curve(positions: FloatArray, values: FloatArray, edges: FloatArray) -> Curve:
    where, kept = _bins(positions, values, edges)
    order = np.lexsort((kept, where))
    kept = kept[order]
    counts = np.bincount(where, minlength=len(edges) - 1)
    starts = np.cumsum(counts) - counts
    found = []
    for share in (0.1, 0.5, 0.9):
        quantile = np.full(len(counts), np.nan)
        some = counts > 0
        quantile[some] = kept[(starts + np.rint(share * (counts - 1))).astype(int)[some]]
        found.append(_bridge(quantile))
    return Curve((edges[1:] + edges[:-1]) / 2, *found)


def _bridge(values: FloatArray) -> FloatArray:
    """Fill a single empty bin between two others, which is not a gap in the performance."""
    values = values.copy()
    lone = np.flatnonzero(np.isnan(values[1:-1]) & np.isfinite(values[:-2]) & np.isfinite(values[2:])) + 1
    values[lone] = (values[lone - 1] + values[lone + 1]) / 2
    return values


def _heat_map(data: SessionData, edges: FloatArray) -> HeatMap:
    shape = len(JOINT_NAMES), len(edges) - 1
    size, signed = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, degrees in enumerate(data.joints.T):
        where, kept = _bins(data.positions, degrees, edges)
        counts = np.bincount(where, minlength=shape[1])
        some = counts > 0
        size[row, some] = np.bincount(where, np.abs(kept), shape[1])[some] / counts[some]
        signed[row, some] = np.bincount(where, kept, shape[1])[some] / counts[some]
    return HeatMap(edges, size, signed)


def _path(data: SessionData) -> tuple[FloatArray, ...]:
    """Return the warping path, thinned to the resolution of a screen.

    It is cut where it jumps or returns to the start, and where nobody was followed.
    """
    rows = np.flatnonzero(~data.dropped)
    times, positions = data.times[rows], data.positions[rows]
    cuts = np.isnan(positions) | data.jumped[rows] | data.wrapped[rows]
    cuts[1:] |= np.isnan(positions[:-1])
    bounds = [0, *np.flatnonzero(cuts).tolist(), len(rows)]
    every = max(1, len(rows) // PATH_POINTS)
    pieces = []
    for begin, end in pairwise(bounds):
        piece = np.column_stack([times[begin:end], positions[begin:end]])
        piece = piece[np.isfinite(piece[:, 1])]
        if len(piece) > 1:
            pieces.append(np.concatenate([piece[:-1:every], piece[-1:]]))
    return tuple(pieces)
