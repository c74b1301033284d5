"""The peers on our own embedding, for the same poses."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
from _motions import Array
from _peers import Arzt, ClockLocked, NearestPose, OpenEndDTW
from _people_cases import Case
from posesync.pose import embedding
from posesync.reference import Reference

OFFLINE: Final = "offline DTW"
OLTW: Final = "OLTW Arzt"
CLOCK: Final = "clock-locked"
ONLINE: Final[dict[str, Any]] = {
    "open-end DTW": OpenEndDTW,
    OLTW: Arzt,
    "nearest pose": NearestPose,
    CLOCK: ClockLocked,
}


class EmbeddedCosts:
    """The local cost of one live pose to every pose of the expert: weighted mean absolute difference."""

    def __init__(self, keypoints: Array) -> None:
        """Take the expert's keypoints (T, 17, 3)."""
        values, weights = embedding.embed(np.asarray(keypoints, float))
        self._values, self._weights = values.astype(np.float32), weights.astype(np.float32)

    def __call__(self, keypoints: Array, low: int = 0, high: int | None = None) -> Array:
        """(T,) or, from frame ``low`` to before ``high``, a part of it. Nothing seen in both → 1."""
        values, weights = embedding.embed(np.asarray(keypoints, float))
        weight = np.minimum(self._weights[low:high], weights)
        total = weight.sum(axis=1)
        difference = (weight * np.abs(self._values[low:high] - values)).sum(axis=1)
        return np.where(total > 0.5, difference / np.maximum(total, 0.5), 1.0)


def online(name: str, case: Case) -> Array:
    """(N,) s in the expert's video, frame by frame."""
    reference = Reference.from_keypoints(case.expert, case.expert_times)
    method = ONLINE[name](reference)
    method.costs = EmbeddedCosts(reference.keypoints)
    return np.array(
        [
            method.update(keypoints, float(now)).time
            for keypoints, now in zip(case.performer, case.times, strict=True)
        ]
    )


def offline(case: Case) -> Array:
    """(N,) s: dtaidistance with both performances complete and their ends tied; it sees the future.

    A series of repetitions is aligned with as many of the expert's: it is told how many there are.
    """
    from dtaidistance import dtw, dtw_ndim

    again = max(1, round(case.times[-1] / case.period)) if case.period else 1
    expert = np.tile(case.expert, (again, 1, 1))
    (values, weights), (live, seen) = embedding.embed(expert), embedding.embed(case.performer)
    root = np.sqrt(np.sqrt(weights.mean(axis=0) * seen.mean(axis=0)))
    pair = (_filled(live, seen) * root, _filled(values, weights) * root)
    _, paths = dtw_ndim.warping_paths_fast(*map(np.ascontiguousarray, pair))
    path = np.array(dtw.best_path(paths))
    times = np.concatenate([case.expert_times + index * case.period for index in range(again)])
    total = np.bincount(path[:, 0], times[path[:, 1]], minlength=len(live))
    mean: Array = total / np.maximum(np.bincount(path[:, 0], minlength=len(live)), 1)
    return mean


def _filled(values: Array, weights: Array) -> Array:
    """Return the values with each unseen one replaced by the last seen before it."""
    seen = np.where(weights > 0, np.arange(len(values))[:, None], 0)
    filled: Array = np.take_along_axis(values, np.maximum.accumulate(seen, axis=0), axis=0)
    return filled


def peer(name: str, case: Case) -> Array:
    """(N,) s in the expert's video by a peer's name."""
    return offline(case) if name == OFFLINE else online(name, case)


def fingerprint() -> str:
    """What the embedding makes of a few made-up poses: peers' answers hold as long as this does."""
    poses = np.random.default_rng(0).uniform(0, 300, (20, 17, 3))
    poses[..., 2] = 0.9
    made = np.concatenate([part.ravel() for part in embedding.embed(poses)])
    return hashlib.sha256(np.round(made, 9).tobytes()).hexdigest()
