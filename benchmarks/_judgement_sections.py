"""What the sessions show: scores of good and bad, peace for who does it right, the truth of claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from _aims import Aims
from _judgement_cases import Judged, again_and_again
from _judgement_sessions import Performance, Session, truths
from _motions import Array
from _people_data import FPS
from posesync.realtime.coaching.cues import Cue

Row = dict[str, Any]
#: From here on a session counts as good.
WELL: Final = 85.0
#: The colours of the number change here.
BANDS: Final = (50.0, 75.0)
_REPLICATES: Final = 500
#: The words that count as telling a kind of error: joints, and directions (None: any). Frozen: cues are
#: changed to say what is wrong, never this to fit what they say.
WANT: Final = {
    ("bicep", "partial"): (("elbow",), ("bend",)),
    ("bicep", "swing"): (("shoulder",), ("lower", "back", "in", "forward")),
    ("frontraise", "partial"): (("shoulder",), ("raise",)),
    ("frontraise", "swing"): (("trunk",), None),
    ("shoulderpress", "partial"): (("elbow", "shoulder"), ("straighten", "raise")),
    ("shoulderpress", "swing"): (("trunk",), None),
    ("shouldershrug", "elbows"): (("elbow",), ("straighten",)),
}
#: The same for labelled postures.
POSTURE: Final = {
    ("bicep", "L"): (("trunk",), ("forward",)),
    ("plank", "H"): (("trunk", "hip"), None),
    ("plank", "L"): (("trunk", "hip"), None),
}

Sessions = Callable[[Performance], Session]


def area_under_curve(good: Array, bad: Array) -> float:
    """Return the probability that a good take scores above a bad one."""
    g, b = good[:, None], bad[None]
    return float(((g > b) + 0.5 * (g == b)).mean())


def fits(cue: Cue, want: tuple[tuple[str, ...], tuple[str, ...] | None]) -> bool:
    """Return whether a cue says what is wanted."""
    joints, kinds = want
    return cue.joint.rpartition("_")[2] in joints and (kinds is None or cue.kind in kinds)


class Labelled:
    """Good and bad takes of one exercise: the session's score, and what was told."""

    def __init__(self, judged: Judged, sessions: Sessions) -> None:
        """Take an exercise, and what gives its sessions."""
        self.judged, self._session = judged, sessions
        self.scores = np.array([[self._score(p) for p in row] for row in judged.performances])
        self.others = np.array([[p is not None for p in row] for row in judged.performances])

    def _score(self, performance: Performance | None) -> float:
        return np.nan if performance is None else self._session(performance).score

    def auc(self) -> tuple[float, float, float]:
        """Return AUC, mean over experts, and its 90 % interval over takes; no score counts as the worst."""
        scores, good = np.where(np.isfinite(self.scores), self.scores, -1.0), self.judged.good
        every = np.arange(len(good))

        def once(chosen: Array) -> float:
            found = []
            for row, other in zip(scores, self.others, strict=True):
                used = chosen[other[chosen]]
                if good[used].any() and not good[used].all():
                    found.append(area_under_curve(row[used[good[used]]], row[used[~good[used]]]))
            return float(np.mean(found)) if found else np.nan

        rng = np.random.default_rng(0)
        drawn = [
            once(np.concatenate([rng.choice(every[kind], kind.sum()) for kind in (good, ~good)]))
            for _ in range(_REPLICATES)
        ]
        return once(every), *np.nanpercentile(drawn, (5, 95))

    def row(self) -> Row:
        """Return the exercise's line."""
        auc, low, high = self.auc()
        good = self.scores[:, self.judged.good][self.others[:, self.judged.good]]
        bad = self.scores[:, ~self.judged.good][self.others[:, ~self.judged.good]]
        every = np.concatenate([good, bad])
        sessions = [self._session(p) for row in self.judged.performances for p in row if p is not None]
        return {
            "exercise": self.judged.exercise,
            "good": int(self.judged.good.sum()), "bad": int((~self.judged.good).sum()),
            "auc": auc, "low": low, "high": high,
            "good_median": _percentile(good, 50), "good_p10": _percentile(good, 10),
            "bad_median": _percentile(bad, 50), "bad_p90": _percentile(bad, 90),
            "good_well": float(np.mean(good >= WELL)), "bad_well": float(np.mean(bad >= WELL)),
            "no_score": float(np.isnan(every).mean()),
            "scored": float(np.mean([session.scored for session in sessions])),
        }  # fmt: skip

    def of(self, *, good: bool) -> list[Session]:
        """Return the sessions of all good, or of all bad takes."""
        return [
            self._session(p)
            for row in self.judged.performances
            for p, take in zip(row, self.judged.takes, strict=True)
            if p is not None and take.good is good
        ]

    def told(self) -> list[Row]:
        """Return a line for each kind of error: told to takes that have it, and to good ones that do not."""
        rows = []
        for (exercise, kind), want in WANT.items():
            if exercise != self.judged.exercise:
                continue
            takes = self.judged.takes
            free = [e for e, chosen in enumerate(self.judged.experts) if kind not in takes[chosen[0]].errors]
            groups = {
                "bad": [i for i, take in enumerate(takes) if not take.good and kind in take.errors],
                "good": [i for i, take in enumerate(takes) if take.good and kind not in take.errors],
            }
            row: Row = {"exercise": exercise, "kind": kind, "takes": len(groups["bad"])}
            for name, indices in groups.items():
                found = [self.judged.performances[e][i] for e in free for i in indices]
                there = [p for p in found if p is not None]
                row[name] = _share(any(fits(c, want) for c in self._session(p).said) for p in there)
                many = [again_and_again(p) for p in there[: 2 * len(indices)]]
                row[f"{name}_again"] = _share(any(fits(c, want) for c in self._session(p).said) for p in many)
            rows.append(row)
        return rows


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return float(np.mean(values)) if values else np.nan


def _percentile(values: Array, percent: float) -> float:
    return float(np.nanpercentile(values, percent)) if np.isfinite(values).any() else np.nan


def peace_row(name: str, sessions: Sequence[Session]) -> Row:
    """Return the line of people who all do it right: scores, and cues said, all of them false alarms."""
    scores = np.array([session.score for session in sessions])
    minutes = sum(session.performance.minutes for session in sessions)
    said = sum(len(session.said) for session in sessions)
    return {
        "group": name, "sessions": len(sessions), "median": _percentile(scores, 50),
        "p10": _percentile(scores, 10), "below_60": float(np.mean(scores[np.isfinite(scores)] < 60)),
        "no_score": float(np.isnan(scores).mean()),
        "scored": float(np.mean([session.scored for session in sessions])),
        "cues": said / minutes, "minutes": minutes,
    }  # fmt: skip


def truth_row(name: str, sessions: Sequence[Session]) -> Row:
    """Return the line of how true claims are while they are on screen, at the true place."""
    found = np.array([value for session in sessions for value in truths(session)])
    minutes = sum(session.performance.minutes for session in sessions)
    row: Row = {"group": name, "frames": len(found), "claims": sum(len(s.said) for s in sessions) / minutes}
    if len(found):
        row |= {"true": np.mean(found == 1), "neither": np.mean(found == 0), "opposite": np.mean(found == -1)}
    return row


def flicker_row(name: str, sessions: Sequence[Session]) -> Row:
    """Return the line of how the number moves within a second, and how often its colour changes."""
    ranges, changes, minutes, width = [], 0, 0.0, int(FPS)
    for session in sessions:
        numbers = session.numbers
        windows = [numbers[i : i + width] for i in range(0, len(numbers) - width, width // 3)]
        ranges += [np.ptp(window) for window in windows if np.isfinite(window).all()]
        there = numbers[np.isfinite(numbers)]
        changes += int((np.diff(np.digitize(there, BANDS)) != 0).sum())
        minutes += len(there) / FPS / 60
    return {
        "group": name, "windows": len(ranges), "median": float(np.median(ranges)),
        "p90": float(np.percentile(ranges, 90)), "changes": changes / max(minutes, 1e-9),
    }  # fmt: skip


def add_aims(found: dict[str, list[Row]], aims: Aims) -> None:
    """Compare what was found with what the issue asks."""
    for key, label, wanted, apart in (("one", "one take", 0.80, 0.35), ("four", "four takes", 0.85, 0.50)):
        rows = found.get(key, [])
        if rows:
            aims.add(f"{label}: mean AUC", wanted, np.mean([r["auc"] for r in rows]), least=True)
            aims.add(f"{label}: worst AUC", 0.70, min(r["auc"] for r in rows), least=True)
            gap = np.mean([r["good_well"] - r["bad_well"] for r in rows])
            aims.add(f"{label}: good ≥ {WELL:.0f} less bad", apart, gap, least=True)
            aims.add(f"{label}: sessions without a score", 0.02, max(r["no_score"] for r in rows))
    for row in found.get("correct", []):
        aims.add(f"{row['group']}: median", 92, row["median"], least=True)
        aims.add(f"{row['group']}: p10", 82, row["p10"], least=True)
        aims.add(f"{row['group']}: below 60", 0.01, row["below_60"])
        aims.add(f"{row['group']}: cues a minute", 1, row["cues"])
    for row in found.get("truth", []):
        aims.add(f"{row['group']}: claims true", 0.92, row.get("true"), least=True)
        aims.add(f"{row['group']}: the opposite", 0.005, row.get("opposite"))
    for row in found.get("told", []):
        if row["takes"]:
            aims.add(f"{row['exercise']} {row['kind']}: told", 0.80, row["bad"], least=True)
        aims.add(f"{row['exercise']} {row['kind']}: told to good takes", 0.05, row["good"])
    for row in found.get("flicker", []):
        aims.add(f"{row['group']}: range in 1 s, median", 5, row["median"])
        aims.add(f"{row['group']}: range in 1 s, p90", 15, row["p90"])
        aims.add(f"{row['group']}: colour changes a minute", 6, row["changes"])
