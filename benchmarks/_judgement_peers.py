"""Peers of the score: mean Angle-MAE and distance of pose vectors along offline DTW; ranges of limbs."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from _judgement_cases import Judged
from _judgement_ranges import apart
from _judgement_sections import Labelled
from _judgement_sessions import Performance, Session
from _motions import Array
from posesync.pose.embedding import embed
from posesync.pose.features import extract_features, swap_left_right

RANGES: Final = "ranges of limbs"
#: What a pose that is not seen costs; the scale of the others.
_UNSEEN: Final = {"DTW on Angle-MAE": 60.0, "DTW on the embedding": 1.0, RANGES: 1.0}
_SEEN = 0.5


def _features(name: str, keypoints: Array) -> tuple[Array, Array]:
    if name == "DTW on Angle-MAE":
        found = extract_features(keypoints)
        return found.angles.astype(float), found.angle_weights.astype(float)
    values, weights = embed(np.nan_to_num(keypoints))
    return np.asarray(values, np.float32), np.asarray(weights, np.float32)


def distance(name: str, expert: Array, performer: Array) -> float:
    """Mean cost along the path, the better of straight and mirrored."""
    mine, seen = _features(name, performer)
    found = []
    for keypoints in (expert, swap_left_right(expert)):
        theirs, shown = _features(name, keypoints)
        weight = np.minimum(shown[None], seen[:, None])
        total = weight.sum(axis=-1)
        costs = (weight * np.abs(theirs[None] - mine[:, None])).sum(axis=-1) / np.maximum(total, 1e-6)
        found.append(mean_along_path(np.where(total > _SEEN, costs, _UNSEEN[name])))
    return min(found)


def mean_along_path(costs: Array) -> float:
    """Mean cost along the best path of a (T, S) matrix, its ends tied."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros_like(total)
    total[0, 0] = 0.0
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        which, each = before.argmin(axis=0), np.arange(len(i))
        total[i + 1, j + 1] = before[which, each] + costs[i, j]
        counted = np.stack([steps[i, j], steps[i, j + 1], steps[i + 1, j]])
        steps[i + 1, j + 1] = counted[which, each] + 1
    return float(total[rows, columns] / steps[rows, columns])


def peer_rows(judged: list[Judged]) -> list[dict[str, Any]]:
    """Return AUC by peer and exercise; with several takes the nearest of them counts."""
    rows = []
    for name in _UNSEEN:

        @cache
        def session(performance: Performance, name: str = name) -> Session:
            if name == RANGES:
                far = apart(performance)
            else:
                far = min(distance(name, take, performance.performer) for take in performance.takes)
            nothing = np.zeros(0)
            return Session(performance, 100.0 * np.exp(-far / _UNSEEN[name]), nothing, nothing, (), ())

        for one in judged:
            auc, low, high = Labelled(one, session).auc()
            rows.append({"exercise": one.exercise, "peer": name, "auc": auc, "low": low, "high": high})
    return rows
