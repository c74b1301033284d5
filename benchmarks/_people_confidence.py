"""Checks whether confidence is the probability of being right."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from _aims import Aims
from _motions import Array
from _people_cases import Choice, exercises, sequences, singles
from _people_figures import RIGHT, auc, between, calibration_error, tenths
from _people_runs import OURS, Runs, Work

Row = dict[str, Any]
_RESAMPLED: Final = 200


class Confidence:
    """Whether confidence is the probability of being right within 0.25 s, on frames between events."""

    def __init__(self, choice: Choice) -> None:
        """Choose the people to run."""
        self._cases = sequences(choice) + singles(choice) + exercises(choice)

    def work(self) -> Work:
        """Return the cases to run."""
        return [(OURS, case) for case in self._cases]

    def judge(self, runs: Runs, aims: Aims) -> list[Row]:
        """A row for each tenth, the least first, and one for all."""
        sure, error, whose = [], [], []
        for number, case in enumerate(self._cases):
            frames, truth = between(case)
            trace = runs.trace(case)
            sure.append(trace.confidence[frames])
            error.append(np.nan_to_num(np.abs(trace.place[frames] - truth), nan=np.inf))
            whose.append(np.full(len(frames), number))
        return confidence_rows(np.concatenate(sure), np.concatenate(error), np.concatenate(whose), aims)


def confidence_rows(sure: Array, error: Array, whose: np.ndarray, aims: Aims) -> list[Row]:
    """The reliability of confidences, with intervals (5–95 %) over performances.

    Args:
        sure: (N,) 0..1.
        error: (N,) s, infinity where there is no answer.
        whose: (N,) number of the performance.
        aims: get the goals.
    """
    right = error <= RIGHT
    drawn = _resampled(whose)
    spread = [
        [sure[pick[part]].mean() - right[pick[part]].mean() for part in tenths(sure[pick])] for pick in drawn
    ]
    low, high = np.percentile(spread, [5, 95], axis=0)
    rows: list[Row] = []
    for number, part in enumerate(tenths(sure)):
        rows.append(
            {
                "tenth": number + 1,
                "from": float(sure[part].min()),
                "to": float(sure[part].max()),
                "confidence": float(sure[part].mean()),
                "right": float(right[part].mean()),
                "gap": float(sure[part].mean() - right[part].mean()),
                "gap_interval": [float(low[number]), float(high[number])],
                "median_ms": 1000 * float(np.median(error[part])),
            }
        )
    above = [auc(sure[pick][right[pick]], sure[pick][~right[pick]]) for pick in drawn]
    ece = [calibration_error(sure[pick], right[pick]) for pick in drawn]
    whole = {
        "tenth": "all",
        "frames": len(sure),
        "performances": len(set(whose)),
        "confidence": float(sure.mean()),
        "right": float(right.mean()),
        "ece": calibration_error(sure, right),
        "ece_interval": np.percentile(ece, [5, 95]).tolist(),
        "auc": auc(sure[right], sure[~right]),
        "auc_interval": np.percentile([a for a in above if np.isfinite(a)] or [np.nan], [5, 95]).tolist(),
    }
    aims.add("confidence: ECE", 0.05, whole["ece"])
    aims.add("confidence: the worst tenth's gap", 0.1, max(abs(row["gap"]) for row in rows))
    aims.add("confidence: AUC for an error ≤ 0.25 s", 0.85, whole["auc"], least=True)
    return [*rows, whole]


def _resampled(whose: np.ndarray) -> list[np.ndarray]:
    """Frames of as many performances, drawn with replacement, again and again."""
    rng = np.random.default_rng(0)
    frames = [np.flatnonzero(whose == number) for number in np.unique(whose)]
    return [
        np.concatenate([frames[i] for i in rng.integers(len(frames), size=len(frames))])
        for _ in range(_RESAMPLED)
    ]
