"""Compares the performer's pose with the expert's: signed degrees per joint, and one score.

Pure functions. Left and right are the performer's own: when the piece is done mirrored, the performer's left
arm is compared with the expert's right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from posesync.pose.features import Features, check_keypoints, extract_features, swap_left_right
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.types import FloatArray

from .settings import FeedbackSettings

#: Seen joints and limbs (of 18) below which there is no score: half a body is no basis for a judgement.
MIN_SEEN: Final = 4.0
_MORE_THAN: Final = {"shoulder": "too high"}
_LESS_THAN: Final = {"shoulder": "too low"}


@dataclass(frozen=True, slots=True)
class Feedback:
    """One moment's comparison.

    Attributes:
        joints: joint name → performer − expert, degrees −180..180, or None when either was not seen. Positive
            means the performer's angle is larger: a straighter elbow, hip or knee, a higher arm.
        error: degrees 0..180, the weighted root mean square of the differences of 8 interior angles and 10
            limb directions; None when less than ``MIN_SEEN`` of these 18 were seen in both poses.
        score: 0..100 (see :func:`score_of`), or None like ``error``.
    """

    joints: Mapping[str, float | None]
    error: float | None
    score: float | None

    @classmethod
    def none(cls) -> Feedback:
        """Return the feedback when there is nothing to compare with: every value None."""
        return cls(dict.fromkeys(JOINT_NAMES), None, None)


def compare_poses(
    performer: FloatArray,
    expert: FloatArray,
    *,
    mirrored: bool = False,
    settings: FeedbackSettings | None = None,
) -> Feedback:
    """Compare two poses.

    Args:
        performer: (17, 3) x px, y px, confidence 0..1.
        expert: (17, 3), the matched moment, in the expert's own frame.
        mirrored: the performer does the piece with left and right exchanged.
        settings: tolerance and curve.

    Raises:
        InvalidDataError: another shape.
    """
    return compare_nearest(performer, expert[None], mirrored=mirrored, settings=settings)[0]


def compare_nearest(
    performer: FloatArray,
    experts: FloatArray,
    *,
    mirrored: bool = False,
    settings: FeedbackSettings | None = None,
) -> tuple[Feedback, int]:
    """Compare with the most similar of the expert's poses; return the comparison and that pose's index.

    Args:
        performer: (17, 3) x px, y px, confidence 0..1.
        experts: (K, 17, 3), the moments around the matched one; the middle one is used when too little was
            seen to decide.
        mirrored: the performer does the piece with left and right exchanged.
        settings: tolerance and curve.

    Raises:
        InvalidDataError: another shape.
    """
    settings = settings or FeedbackSettings()
    others = swap_left_right(experts) if mirrored else check_keypoints(experts)
    # All at once: of so few poses, what a call of NumPy's costs is most of it.
    every = extract_features(np.concatenate([check_keypoints(performer)[None], others]))
    ours = Features(every.values[0], every.weights[0])
    theirs = Features(every.values[1:], every.weights[1:])
    errors = _overall_errors(ours, theirs, settings.min_weight)
    unseen = bool(np.isnan(errors).all())
    nearest = len(experts) // 2 if unseen else int(np.nanargmin(errors))
    error = None if unseen else float(errors[nearest])
    return Feedback(
        joints=_joint_differences(
            ours, Features(theirs.values[nearest], theirs.weights[nearest]), settings.min_weight
        ),
        error=error,
        score=None if error is None else score_of(error, settings.tolerance, settings.half_score),
    ), nearest


def _joint_differences(ours: Features, theirs: Features, min_weight: float) -> dict[str, float | None]:
    """Interior angles run from 0 to 180, so a difference needs no wrapping."""
    seen = np.minimum(ours.angle_weights, theirs.angle_weights) >= max(min_weight, 1e-6)
    difference = ours.angles.astype(np.float64) - theirs.angles
    return {name: float(difference[i]) if seen[i] else None for i, name in enumerate(JOINT_NAMES)}


def _overall_errors(ours: Features, theirs: Features, min_weight: float) -> FloatArray:
    """Overall error of one pose or, with a leading axis, of many; NaN where too little was seen.

    The square makes one limb that is far off count for more than many that are a little off.
    """
    angle = np.abs(ours.angles.astype(np.float64) - theirs.angles)
    a, b = ours.directions.astype(np.float64), theirs.directions.astype(np.float64)
    cross = np.abs(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
    turned = np.degrees(np.arctan2(cross, (a * b).sum(axis=-1)))
    degrees = np.concatenate([angle, turned], axis=-1)
    weights = np.concatenate(
        [
            np.minimum(ours.angle_weights, theirs.angle_weights),
            np.minimum(ours.direction_weights, theirs.direction_weights),
        ],
        axis=-1,
    ).astype(np.float64)
    weights = np.where(weights >= min_weight, weights, 0.0)
    total = weights.sum(axis=-1)
    mean = (weights * degrees**2).sum(axis=-1) / np.maximum(total, MIN_SEEN)
    return np.where(total >= MIN_SEEN, np.sqrt(mean), np.nan)


def score_of(error: float, tolerance: float = 6.0, half_score: float = 22.0) -> float:
    """Return the score 0..100 of an overall error in degrees.

    100 up to ``tolerance``, then ``100 · 2^−x^1.5``, x = (error − tolerance) / (half_score − tolerance): it
    leaves 100 without a kink, is 50 at ``half_score`` and never rises again. With the defaults 10° scores 92,
    16° 71, 22° 50, 32° 24 and 44° 8.
    """
    beyond = max(0.0, error - tolerance) / max(half_score - tolerance, 1e-6)
    return float(100.0 * 2.0 ** -(beyond**1.5))


def expert_poses(times: FloatArray, keypoints: FloatArray, moments: FloatArray) -> FloatArray:
    """Return the expert's keypoints at any moments, (K, 17, 3), interpolated linearly between samples.

    A keypoint seen in only one of the two samples is taken from that one, where it is the nearer.

    Args:
        times: (T,) s, strictly increasing.
        keypoints: (T, 17, 3).
        moments: (K,) s; before the first or after the last sample gives that sample.
    """
    moments = np.minimum(np.maximum(moments, times[0]), times[-1])
    if len(times) == 1:
        return np.repeat(check_keypoints(keypoints), len(moments), axis=0)
    right = np.searchsorted(times, moments).clip(1, len(times) - 1)
    a, b = check_keypoints(keypoints[right - 1]), check_keypoints(keypoints[right])
    share = ((moments - times[right - 1]) / (times[right] - times[right - 1]))[:, None, None]
    both = (a[..., 2:] > 0) & (b[..., 2:] > 0)
    return np.where(both, (1.0 - share) * a + share * b, np.where(share < 0.5, a, b))


def describe_difference(joint: str, degrees: float) -> str:
    """Return one joint's difference in words, as in ``left elbow 24° too bent``."""
    part = joint.rpartition("_")[2]
    words = _MORE_THAN.get(part, "too straight") if degrees > 0 else _LESS_THAN.get(part, "too bent")
    name = joint.replace("shoulder", "arm") if part == "shoulder" else joint
    return f"{name.replace('_', ' ')} {abs(degrees):.0f}° {words}"
