"""Compares a tracker's answers with the truth: errors, coverage, recovery, calm, honesty, cost.

An answer counts as one where the state is following, holding or finished and there is a time. An error is
only taken where there are both a truth and an answer, so it never stands without its coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from _motions import Array
from _scenarios import Case
from posesync.realtime.tracking.position import Position, State

#: Right: within this of the truth, s …
RIGHT: Final = 0.25
#: … and staying right for this long, s.
SUSTAINED: Final = 0.5
#: A step of the answer larger than this is a jump, announced or not, s.
JUMP: Final = 0.5
#: After a jump of the performer errors are also summed up without this time, s ("settled").
SETTLING: Final = 2.0
_ANSWERING: Final = (State.FOLLOWING, State.HOLDING, State.FINISHED)


@dataclass(frozen=True)
class Outcome:
    """One method on one case: every answer and its cost.

    Attributes:
        case: what was performed.
        method: name of the tracker.
        time: (N,) s in the reference, NaN where there was no answer.
        confidence: (N,) 0..1.
        holding: (N,) bool.
        jumped: (N,) bool, a jump that the tracker announced.
        mirrored: (N,) bool.
        lost: (N,) bool, neither waiting nor answering.
        cost: (N,) µs of each update.
    """

    case: Case
    method: str
    time: Array
    confidence: Array
    holding: np.ndarray
    jumped: np.ndarray
    mirrored: np.ndarray
    lost: np.ndarray
    cost: Array

    @classmethod
    def from_positions(cls, case: Case, method: str, answers: Sequence[Position], cost: Array) -> Outcome:
        """Take one answer and its cost, µs, for each live frame."""
        shown = [a.time if a.state in _ANSWERING and a.time is not None else np.nan for a in answers]
        return cls(
            case,
            method,
            np.array(shown, float),
            np.array([a.confidence for a in answers], float),
            np.array([a.state is State.HOLDING for a in answers], bool),
            np.array([a.jumped for a in answers], bool),
            np.array([a.mirrored for a in answers], bool),
            np.array([a.state is State.LOST for a in answers], bool),
            cost,
        )

    @property
    def error(self) -> Array:
        """(N,) s, answer − truth; NaN where one of them is missing."""
        return self.time - self.case.truth

    @property
    def unfounded(self) -> np.ndarray:
        """Bool for each frame at least 1 s after the performer was last in the piece: was there an answer?"""
        known = np.isfinite(self.case.truth)
        last = np.maximum.accumulate(np.where(known, self.case.times, -np.inf))
        nowhere = ~known & (self.case.times - last >= 1.0)
        return np.isfinite(self.time[nowhere])

    @property
    def settled(self) -> np.ndarray:
        """(N,) bool: not within ``SETTLING`` s after a jump, a return or the beginning."""
        out = np.ones(len(self.time), bool)
        for event in self.case.events:
            if event.kind != "hold":
                out &= ~((self.case.times >= event.start) & (self.case.times < event.end + SETTLING))
        return out


def right_after(outcome: Outcome, since: float) -> float:
    """Seconds from live time ``since`` until the answer is right and stays so; infinity if it never does."""
    times, error = outcome.case.times, outcome.error
    asked = (times >= since) & np.isfinite(outcome.case.truth)
    # A later event ends the trial: what happens after it says nothing about this one.
    later = [e.start for e in outcome.case.events if e.kind in ("jump", "away") and e.start > since + 1e-6]
    if later:
        asked &= times < min(later)
    times, wrong = times[asked], ~(np.abs(error[asked]) <= RIGHT)
    if len(times) == 0:
        return float("nan")
    bad = np.flatnonzero(wrong)
    starts = np.concatenate([[0], bad + 1])
    ends = np.concatenate([bad, [len(times)]])
    for first, stop in zip(starts, ends, strict=True):
        if first < stop and times[stop - 1] - times[first] >= SUSTAINED - 0.1:
            return float(times[first] - since)
    return float("inf")


def false_jumps(outcome: Outcome) -> int:
    """Jumps of the answer for which the performer gave no reason, or which landed in the wrong place.

    One is excused if the performer jumped, came back or began, the tracker was not right since, and it lands
    within 0.5 s of the truth (or during a passage that has no truth).
    """
    case, count = outcome.case, 0
    answered = np.flatnonzero(np.isfinite(outcome.time))
    if len(answered) == 0:
        return 0
    # A gap between two frames is no jump: only what the answer moved beyond the truth counts.
    truth, gap = np.diff(case.truth[answered], prepend=np.nan), np.diff(case.times[answered], prepend=np.nan)
    moved = np.where(np.abs(truth) <= 3 * gap + 0.1, truth, 0.0)
    step = np.diff(outcome.time[answered], prepend=np.nan) - moved
    jumps = answered[(np.abs(step) > JUMP) | outcome.jumped[answered]]
    reasons = [e for e in case.events if e.kind != "hold"]
    for index in jumps:
        now, error = case.times[index], abs(outcome.error[index])
        if index == answered[0] or not np.isfinite(error):
            continue
        before = [e for e in reasons if e.start <= now + 1e-6]
        lands_right = error <= JUMP
        open_reason = bool(before) and now <= before[-1].end + right_after(outcome, before[-1].end) + 1e-6
        count += not (lands_right and open_reason)
    return count


def backward_steps(outcome: Outcome) -> int:
    """Count how often the answer runs back by more than 1 ms without announcing (or making) a jump."""
    step = np.diff(outcome.time)
    return int(((step < -1e-3) & (step >= -JUMP) & ~outcome.jumped[1:]).sum())


def hold_figures(outcome: Outcome) -> list[dict[str, float]]:
    """For each hold: s until HOLDING, s the answer moved meanwhile, s until it is over again."""
    times, rows = outcome.case.times, []
    for event in outcome.case.events:
        if event.kind != "hold":
            continue
        inside = (times >= event.start) & (times <= event.end)
        noticed = times[inside & outcome.holding]
        after = times[(times > event.end) & ~outcome.holding]
        shown = outcome.time[inside]
        shown = shown[np.isfinite(shown)]
        began = len(noticed) > 0
        rows.append(
            {
                "until_holding": float(noticed[0] - event.start) if began else float("inf"),
                "moved": float(shown.max() - shown.min()) if len(shown) else float("nan"),
                "until_off": float(after[0] - event.end) if began and len(after) else float("nan"),
                "held": float((inside & outcome.holding).sum() / max(1, inside.sum())),
            }
        )
    return rows


def away_figures(outcome: Outcome) -> list[dict[str, float]]:
    """For each absence: s until LOST (infinity if it never is) and s until right after the return."""
    rows = []
    for event in outcome.case.events:
        if event.kind != "away":
            continue
        gone = (outcome.case.times >= event.start) & (outcome.case.times < event.end) & outcome.lost
        first = outcome.case.times[gone]
        rows.append(
            {
                "until_lost": float(first[0] - event.start) if len(first) else float("inf"),
                "until_back": right_after(outcome, event.end),
            }
        )
    return rows


def summarize(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of one method over several cases, pooled. Times in ms where the name says so, else s."""
    error = np.abs(np.concatenate([o.error for o in outcomes]))
    asked = sum(int(np.isfinite(o.case.truth).sum()) for o in outcomes)
    known = error[np.isfinite(error)]
    calm = np.concatenate([np.abs(o.error)[o.settled] for o in outcomes])
    minutes = sum(float(o.case.times[-1] - o.case.times[0]) for o in outcomes) / 60.0
    events = [(o, e) for o in outcomes for e in o.case.events]
    locks = [right_after(o, e.start) for o, e in events if e.kind == "begin"]
    recoveries = [right_after(o, e.end) for o, e in events if e.kind in ("jump", "away")]
    holds = [row for o in outcomes for row in hold_figures(o)]
    aways = [row for o in outcomes for row in away_figures(o)]
    leaps = sum(map(false_jumps, outcomes))
    unsure = np.concatenate([o.confidence for o in outcomes])[np.isfinite(error)]
    cost = np.concatenate([o.cost for o in outcomes])
    return {
        "cases": len(outcomes),
        "minutes": round(minutes, 2),
        "median_ms": _ms(known, 0.5),
        "p95_ms": _ms(known, 0.95),
        "worst_ms": _ms(known, 1.0),
        "settled_p95_ms": _ms(calm[np.isfinite(calm)], 0.95),
        "settled_worst_ms": _ms(calm[np.isfinite(calm)], 1.0),
        **{f"within_{limit}": _share(known <= limit) for limit in (0.1, 0.25, 0.5)},
        "coverage": round(len(known) / asked, 4) if asked else None,
        "unfounded": _share(np.concatenate([o.unfounded for o in outcomes])),
        "lock_median_s": _quantile(locks, 0.5),
        "lock_worst_s": _quantile(locks, 1.0),
        "recover_median_s": _quantile(recoveries, 0.5),
        "recover_p95_s": _quantile(recoveries, 0.95),
        "false_jumps": leaps,
        "false_jumps_per_min": round(leaps / max(minutes, 1e-9), 3),
        "backward_steps_per_min": round(sum(map(backward_steps, outcomes)) / max(minutes, 1e-9), 2),
        **{f"hold_{key}": _spread(holds, key) for key in ("until_holding", "moved", "until_off", "held")},
        **{f"away_{key}": _spread(aways, key) for key in ("until_lost", "until_back")},
        "mirror_s": _quantile([_mirror_delay(o) for o in outcomes if o.case.mirrored], 1.0),
        "sure_and_wrong": _share((known > JUMP) & (unsure >= 0.5)),
        "update_us": [round(float(np.quantile(cost, q)), 1) for q in (0.5, 0.95)],
    }


def calibration(outcomes: Iterable[Outcome], bins: int = 10) -> list[dict[str, float]]:
    """Return the error by tenth of ``confidence``."""
    rows = list(outcomes)
    error = np.abs(np.concatenate([o.error for o in rows]))
    confidence = np.concatenate([o.confidence for o in rows])[np.isfinite(error)]
    error = error[np.isfinite(error)]
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "from": round(index / bins, 2),
            "share": _share(which == index) or 0.0,
            "median_ms": _ms(error[which == index], 0.5) or 0.0,
            "p95_ms": _ms(error[which == index], 0.95) or 0.0,
            "within_0.25": _share(error[which == index] <= RIGHT) or 0.0,
        }
        for index in range(bins)
        if (which == index).any()
    ]


def _mirror_delay(outcome: Outcome) -> float:
    found = outcome.case.times[outcome.mirrored & np.isfinite(outcome.time)]
    return float(found[0] - outcome.case.times[0]) if len(found) else float("inf")


def _ms(errors: Array, quantile: float) -> float | None:
    return round(1000 * float(np.quantile(errors, quantile)), 1) if len(errors) else None


def _share(mask: np.ndarray) -> float | None:
    return round(float(mask.mean()), 4) if len(mask) else None


def _quantile(values: Sequence[float], quantile: float) -> float | None:
    """The nearest-rank quantile: never a mean with infinity. None where there is nothing."""
    known = sorted(v for v in values if not np.isnan(v))
    if not known:
        return None
    return round(known[max(0, int(np.ceil(quantile * len(known))) - 1)], 3)


def _spread(rows: Sequence[dict[str, float]], key: str) -> dict[str, float | None] | None:
    if not rows:
        return None
    values = [row[key] for row in rows]
    return {"median": _quantile(values, 0.5), "p95": _quantile(values, 0.95), "worst": _quantile(values, 1.0)}
