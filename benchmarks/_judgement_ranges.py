"""A trial, as a peer: how far each limb ranges in the whole take, beside how far the expert's does.

What a piece holds still, others hold still as well, and a bad take does not. Tolerances come from healthy
people alone (UTD-MHAD), or from the takes given; nothing is fitted on the takes that are judged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from _judgement_cases import correct
from _judgement_sessions import Performance
from _motions import Array
from _people_cases import Choice
from posesync.pose.features import swap_left_right

_HIPS, _SHOULDERS = -2, -1
#: From, to: limbs, whole arms and legs, trunk and head.
_PARTS: Final = (
    (5, 7), (6, 8), (7, 9), (8, 10), (11, 13), (12, 14), (13, 15), (14, 16), (_HIPS, _SHOULDERS),
    (_SHOULDERS, 0), (5, 9), (6, 10), (11, 15), (12, 16),
)  # fmt: skip
#: Which of them share a tolerance: left and right.
_KINDS: Final = (0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 7)
#: Share of the expert's range that a range may differ by, besides the tolerance of its kind.
_PART: Final = 0.3
#: Torso lengths below which a range is noise, and those of an ordinary piece's mean range: a subtle piece
#: allows less.
_NOISE: Final = 0.012
_ORDINARY: Final = 0.5
#: How many takes the tolerance known beforehand counts as.
_BEFOREHAND: Final = 0.5
_SEEN: Final = 0.25


def ranges(keypoints: Array) -> Array:
    """(28,) torso lengths: between the 3rd and 97th percentile of each part, across and up; NaN unseen."""
    pose = np.nan_to_num(np.asarray(keypoints, float))
    hips, shoulders = _middle(pose, 11, 12), _middle(pose, 5, 6)
    points = np.concatenate([pose, hips[:, None], shoulders[:, None]], axis=1)
    both = np.minimum(hips[:, 2], shoulders[:, 2]) > 0.1
    if both.sum() <= 3:
        return np.full(2 * len(_PARTS), np.nan)
    torso = np.percentile(np.linalg.norm(hips[both, :2] - shoulders[both, :2], axis=1), 80)
    found = []
    for start, end in _PARTS:
        a, b = points[:, start % 19], points[:, end % 19]
        seen = np.minimum(a[:, 2], b[:, 2]) > _SEEN
        enough = seen.sum() >= 8 and seen.mean() >= 0.5
        found += [_range((b - a)[seen, axis] / torso) if enough else np.nan for axis in (0, 1)]
    return np.array(found)


def _middle(pose: Array, left: int, right: int) -> Array:
    """(T, 3) of two keypoints, or the one of them that is seen."""
    weight = (pose[:, [left, right], 2] > 0.1).astype(float)
    xy = (pose[:, [left, right], :2] * weight[..., None]).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)[
        :, None
    ]
    return np.concatenate([xy, pose[:, [left, right], 2].max(axis=1)[:, None]], axis=1)


def _range(values: Array) -> float:
    smooth = np.convolve(np.pad(values, 2, mode="edge"), np.ones(5) / 5, "valid")
    return float(np.percentile(smooth, 97) - np.percentile(smooth, 3))


def _stir(expert: Array) -> float:
    """How much a piece moves, 0..1 of an ordinary one's, as a root: a still piece allows less."""
    mean = np.sqrt(np.nanmean(expert**2))
    return float(np.sqrt(min(1.0, max(0.05, mean / _ORDINARY))))


@lru_cache
def tolerances() -> Array:
    """(28,) torso lengths: what nine of ten healthy people keep to, beyond their share of the range."""
    pairs = correct(Choice())
    excess: dict[tuple[int, int], list[float]] = {}
    for performance in (*pairs["one action"], *pairs["one action, yaw 20"]):
        expert, mine = ranges(performance.takes[0]), ranges(performance.performer)
        beyond = np.maximum(0.0, np.abs(mine - expert) - _PART * expert) / _stir(expert)
        for index, value in enumerate(beyond):
            if np.isfinite(value):
                excess.setdefault((_KINDS[index // 2], index % 2), []).append(value)
    by_kind = {key: max(0.02, np.percentile(values, 90)) for key, values in excess.items()}
    return np.array([by_kind[_KINDS[i // 2], i % 2] for i in range(2 * len(_PARTS))])


def apart(performance: Performance) -> float:
    """Return how far the ranges are beyond what is allowed: 1 is where one in ten healthy people is."""
    mine = ranges(performance.performer)
    return min(
        _beyond(performance.takes, mine), _beyond(tuple(map(swap_left_right, performance.takes)), mine)
    )


def _beyond(takes: tuple[Array, ...], mine: Array) -> float:
    every = np.array([ranges(take) for take in takes])
    seen = np.isfinite(every).sum(axis=0)
    mean = np.where(seen > 0, np.nansum(every, axis=0) / np.maximum(seen, 1), np.nan)
    allowed = tolerances() * _stir(mean) + _PART * mean + _NOISE
    if len(takes) > 1:
        spread = np.nansum((every - mean) ** 2, axis=0)
        known = _BEFOREHAND + np.maximum(seen - 1, 0)
        deviation = np.sqrt((_BEFOREHAND * (allowed / 1.64) ** 2 + spread) / known)
        allowed = 1.64 * deviation * np.sqrt(1 + 1 / np.maximum(seen, 1))
    beyond = np.abs(mine - mean) / allowed
    beyond = beyond[np.isfinite(beyond)]
    return float(np.mean(beyond**4) ** 0.25) if len(beyond) else np.inf
