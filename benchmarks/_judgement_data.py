"""Takes that people judged: pose-trainer's by their performers, Exercise-Correction's by frame.

pose-trainer's own rules name the kinds of error that a bad take has. They choose the cases for which a cue is
expected; nothing of them may be used in the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from _motions import Array
from _people_data import DATA, Moments, from_openpose, read_arrays, read_json
from posesync.pose.skeleton import LEFT_SHOULDER, RIGHT_SHOULDER

#: A take's moments that correspond to another take's, in order.
CORRESPONDING: Final = ("rise20", "rise50", "rise80", "peak", "fall80", "fall50", "fall20")
_SIZE: Final = 1280  # px, width of the labelled postures' picture


@dataclass(frozen=True, eq=False)
class Take:
    """One performance.

    Attributes:
        name: of the file.
        keypoints: (T, 17, 3) x px, y px, confidence.
        good: as the person filmed judged it.
        errors: kinds of error by pose-trainer's own rules.
        moments: event → frame; empty where none are marked.
    """

    name: str
    keypoints: Array
    good: bool
    errors: frozenset[str]
    moments: Moments


def labelled() -> dict[str, list[Take]]:
    """Return pose-trainer's takes by exercise."""
    data = read_arrays("skeleton/pose_trainer.npz")
    marked = read_json("skeleton_events.json")["pose_trainer"]
    found: dict[str, list[Take]] = {}
    rows = zip(*(data[key] for key in ("start", "length", "exercise", "name", "quality")), strict=True)
    for start, length, exercise, name, quality in rows:
        keypoints = from_openpose(data, int(start), int(length))
        known = marked.get(str(name), {})
        moments = {event: known[event] for event in CORRESPONDING if event in known}
        kinds = error_kinds(str(exercise), keypoints)
        found.setdefault(str(exercise), []).append(
            Take(str(name), keypoints, str(quality) == "good", kinds, moments)
        )
    return found


def _angles(u: Array, v: Array) -> Array:
    """Degrees 0..180 between vectors (T, 2)."""
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    return np.degrees(np.arctan2(np.abs(cross), (u * v).sum(axis=1)))


def error_kinds(exercise: str, keypoints: Array) -> frozenset[str]:
    """Return the kinds of error by pose-trainer's rules (its evaluate.py), on the arm that is seen most."""
    seen = keypoints[..., 2] > 0
    side = int(seen[:, [5, 7, 9]].all(axis=1).sum() < seen[:, [6, 8, 10]].all(axis=1).sum())
    shoulder, elbow, wrist, hip = 5 + side, 7 + side, 9 + side, 11 + side
    arm = [shoulder, elbow, wrist, hip]
    whole = seen[:, [*arm, LEFT_SHOULDER, RIGHT_SHOULDER]].all(axis=1)
    if whole.sum() < 5:
        whole = seen[:, arm].all(axis=1)
    if whole.sum() < 5:
        return frozenset()
    poses, both = keypoints[whole, :, :2], seen[whole][:, [LEFT_SHOULDER, RIGHT_SHOULDER]].all(axis=1)
    middle = poses[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=1)
    neck = np.where(both[:, None], middle, poses[:, shoulder])
    torso = np.linalg.norm(neck - poses[:, hip], axis=1).mean()
    bend = _angles(poses[:, elbow] - poses[:, shoulder], poses[:, wrist] - poses[:, elbow])
    down = poses[:, hip] - poses[:, shoulder]
    lean = (neck - poses[:, hip])[:, 0] / torso
    found: dict[str, bool] = {}
    if exercise == "bicep":
        found["swing"] = _span(_angles(poses[:, elbow] - poses[:, shoulder], down)) > 35
        found["partial"] = _low(180 - bend) > 70
    elif exercise == "frontraise":
        found["partial"] = _high(_angles(poses[:, wrist] - poses[:, shoulder], down)) < 90
        found["swing"] = _span(lean) > 0.3
    elif exercise == "shoulderpress":
        found["swing"] = _span(lean) > 0.16
        found["partial"] = _high(180 - bend) < 155
    elif exercise == "shouldershrug":
        shown = seen[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].all(axis=1)
        height = keypoints[shown][:, [LEFT_SHOULDER, RIGHT_SHOULDER], 1].mean(axis=1) / torso
        found["partial"] = len(height) > 5 and _span(height) < 0.1
        found["elbows"] = _high(bend) > 30
    return frozenset(kind for kind, there in found.items() if there)


def _high(values: Array) -> float:
    return float(np.percentile(values, 97))


def _low(values: Array) -> float:
    return float(np.percentile(values, 3))


def _span(values: Array) -> float:
    return _high(values) - _low(values)


@dataclass(frozen=True, eq=False)
class Postures:
    """Frames in order, labelled one by one; their rate is unknown.

    Attributes:
        keypoints: (N, 17, 3).
        labels: (N,) ``C`` for correct, else the kind of error.
        clip: (N,) which clip a frame comes from, by the jumps of the body between frames.
    """

    keypoints: Array
    labels: Array
    clip: Array


def postures(exercise: str) -> Postures:
    """Return Exercise-Correction's frames of ``bicep`` or ``plank``."""
    with np.load(DATA / "exercise_correction.npz", allow_pickle=False) as file:
        keypoints, labels = file[exercise].astype(float), file[exercise + "_label"].astype(str)
    trunk = keypoints[:, [0, 5, 6, 11, 12], :2] / _SIZE
    step = np.abs(np.diff(trunk, axis=0)).mean(axis=(1, 2))
    return Postures(keypoints, labels, np.r_[0, np.cumsum(step > 0.03)])
