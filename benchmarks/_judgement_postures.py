"""Postures labelled frame by frame: scores of right and wrong ones, and what is said of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from _judgement_data import Postures, postures
from _judgement_sections import POSTURE, area_under_curve, fits
from _motions import Array
from posesync.pose.embedding import embed
from posesync.pose.features import swap_left_right
from posesync.realtime.coaching.cues import Cue, find_cues
from posesync.realtime.coaching.feedback import compare_nearest

#: A clip serves as expert from this many correct frames on; the first half of them, some twelve.
_ENOUGH = 15
_EXPERT = 12


def posture_rows() -> list[dict[str, Any]]:
    """Return a line for each exercise, kind and place: in the expert's own clip, and in others'."""
    rows = []
    for exercise in ("bicep", "plank"):
        data = postures(exercise)
        found: dict[str, list[tuple[str, float, tuple[Cue, ...]]]] = {"same clip": [], "other clips": []}
        for clip in np.unique(data.clip):
            correct = np.flatnonzero((data.clip == clip) & (data.labels == "C"))
            if len(correct) >= _ENOUGH:
                _compare(data, correct, found, clip)
        for where, frames in found.items():
            rows += _summed(exercise, where, frames)
    return rows


def _compare(data: Postures, correct: Array, found: dict[str, list[Any]], clip: int) -> None:
    half = correct[: len(correct) // 2]
    expert = data.keypoints[half[:: max(1, len(half) // _EXPERT)]]
    values, weights = embed(np.concatenate([expert, swap_left_right(expert)]))
    for index in np.setdiff1d(np.arange(len(data.labels)), half)[::2]:
        pose = data.keypoints[index]
        own, seen = embed(pose)
        weight = np.minimum(weights, seen)
        apart = (weight * np.abs(values - own)).sum(axis=1) / np.maximum(weight.sum(axis=1), 0.5)
        mirrored = bool(apart.argmin() >= len(expert))
        feedback, alike = compare_nearest(pose, expert, mirrored=mirrored)
        score = np.nan if feedback.score is None else feedback.score
        cues = tuple(find_cues(pose, expert[alike], mirrored=mirrored))
        where = "same clip" if data.clip[index] == clip else "other clips"
        found[where].append((str(data.labels[index]), score, cues))


def _summed(
    exercise: str, where: str, frames: list[tuple[str, float, tuple[Cue, ...]]]
) -> list[dict[str, Any]]:
    rows = []
    right = [frame for frame in frames if frame[0] == "C"]
    for kind in sorted({label for label, _, _ in frames} - {"C"}):
        wrong = [frame for frame in frames if frame[0] == kind]
        want = POSTURE[exercise, kind]
        good, bad = (np.array([score for _, score, _ in group]) for group in (right, wrong))
        good, bad = good[np.isfinite(good)], bad[np.isfinite(bad)]
        first = Counter(cues[0].text for _, _, cues in wrong if cues).most_common(2)
        rows.append(
            {
                "posture": f"{exercise} {kind}", "where": where, "frames": len(wrong),
                "auc": area_under_curve(good, bad) if len(good) and len(bad) else np.nan,
                "correct": float(np.median(good)) if len(good) else np.nan,
                "wrong": float(np.median(bad)) if len(bad) else np.nan,
                "told": _first_fits(wrong, want), "correct_told": _first_fits(right, want),
                "said": ", ".join(f"{text} {count / len(wrong):.0%}" for text, count in first),
            }
        )  # fmt: skip
    return rows


def _first_fits(frames: list[tuple[str, float, tuple[Cue, ...]]], want: Any) -> float:
    return float(np.mean([bool(cues) and fits(cues[0], want) for _, _, cues in frames])) if frames else np.nan
