"""Content of every picture of a synchronised video: frame of each video, score, lead, differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.feedback import compare_poses, describe_difference
from posesync.realtime.coaching.settings import FeedbackSettings
from posesync.reference.reference import Reference
from posesync.reference.sync import Match

#: s over which displayed differences and scores are averaged.
SHOWN_SMOOTHING: Final = 0.35
#: s for which the largest difference is shown, long enough to be read, and degrees from which it is.
WORDS_SECONDS: Final = 1.5
WORDS_FROM_DEGREES: Final = 22.0


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One video over the whole result of T pictures.

    Attributes:
        reference: its sequence.
        index: (T,) the frame shown, never falling.
        inside: (T,) whether the video has this moment.
    """

    reference: Reference
    index: npt.NDArray[np.intp]
    inside: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """An attempt compared with the expert over T pictures; NaN where there is nothing to compare.

    Attributes:
        score: (T,) 0..100.
        lead: (T,) s, early (+) or late (−).
        joints: (T, 8) attempt − expert, degrees, smoothed, in the order of ``JOINT_NAMES``; left and right
            are the attempt's own.
        words: (T,) the largest difference in words, or "".
    """

    score: FloatArray
    lead: FloatArray
    joints: FloatArray
    words: tuple[str, ...]

    @property
    def mean_score(self) -> float | None:
        """Mean score 0..100, None when there is nothing to compare."""
        return float(np.nanmean(self.score)) if np.isfinite(self.score).any() else None


def make_tracks(matches: Sequence[Match], *, follow_attempt: bool = False) -> tuple[FloatArray, list[Track]]:
    """Return which frame of each video every picture shows.

    Args:
        matches: one for each attempt, all with the same expert.
        follow_attempt: pictures come at the times of the first attempt's frames instead of the expert's.

    Returns:
        The time of each picture (T,), s, on the clock that is kept; the tracks, the expert's first.
    """
    expert = matches[0].expert
    times = matches[0].attempt.times if follow_attempt else expert.times
    moments = matches[0].expert_times(times) if follow_attempt else times
    tracks = [_track(expert, moments)]
    for number, match in enumerate(matches):
        own = follow_attempt and number == 0
        tracks.append(_track(match.attempt, times if own else match.attempt_times(moments)))
    return times, tracks


def judge(
    match: Match, expert: Track, attempt: Track, times: FloatArray, settings: FeedbackSettings
) -> Judgement:
    """Compare the two poses of every picture.

    Args:
        match: the match of the two videos.
        expert: the expert's frames.
        attempt: the attempt's frames.
        times: (T,) s, times of the pictures.
        settings: settings of the score.
    """
    expert_times = expert.reference.times[expert.index]
    valid = match.matched(expert_times) & expert.inside & attempt.inside
    score = np.full(len(times), np.nan)
    joints = np.full((len(times), len(JOINT_NAMES)), np.nan)
    for k in np.flatnonzero(valid).tolist():
        theirs = expert.reference.keypoints[expert.index[k]]
        ours = attempt.reference.keypoints[attempt.index[k]]
        found = compare_poses(ours, theirs, mirrored=match.mirrored, settings=settings)
        score[k] = np.nan if found.score is None else found.score
        joints[k] = [np.nan if v is None else v for v in (found.joints[name] for name in JOINT_NAMES)]
    # From the path's smooth times: frame numbers are whole, so their lead would flicker.
    lead = match.lead(expert_times, match.attempt_times(expert_times))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    joints = np.column_stack([_smooth(column, step) for column in joints.T])
    return Judgement(_smooth(score, step), np.where(valid, lead, np.nan), joints, _words(joints, times))


def _track(reference: Reference, moments: FloatArray) -> Track:
    """Return the frames nearest to ``moments``; outside the recording, its first or last."""
    times = reference.times
    half = reference.duration / max(1, len(reference) - 1) / 2 + 1e-6
    after = np.clip(np.searchsorted(times, moments), 1, max(len(times) - 1, 1))
    if len(times) == 1:
        index = np.zeros(len(moments), np.intp)
    else:
        index = (after - (moments - times[after - 1] <= times[after] - moments)).astype(np.intp)
    inside = (moments >= times[0] - half) & (moments <= times[-1] + half)
    return Track(reference, index, inside)


def _smooth(values: FloatArray, step: float) -> FloatArray:
    """Return the mean over ``SHOWN_SMOOTHING`` s around each value; NaN stays NaN and is left out."""
    width = 2 * round(SHOWN_SMOOTHING / max(step, 1e-3) / 2) + 1
    known = np.isfinite(values)
    kernel = np.ones(min(width, 2 * len(values) - 1))
    total = np.convolve(np.where(known, values, 0.0), kernel, "full")
    count = np.convolve(known.astype(float), kernel, "full")
    middle = slice(len(kernel) // 2, len(kernel) // 2 + len(values))
    mean = total[middle] / np.maximum(count[middle], 1.0)
    return np.where(known, mean, np.nan)


def _words(joints: FloatArray, times: FloatArray) -> tuple[str, ...]:
    """Return the largest difference of each ``WORDS_SECONDS``, in words."""
    part = ((times - times[0]) / WORDS_SECONDS).astype(int)
    words = {}
    for number in np.unique(part).tolist():
        some = joints[part == number]
        seen = np.isfinite(some).mean(axis=0) >= 0.5
        if not seen.any():
            continue
        mean = np.array([np.nanmean(some[:, j]) if seen[j] else 0.0 for j in range(some.shape[1])])
        worst = int(np.abs(mean).argmax())
        if abs(mean[worst]) >= WORDS_FROM_DEGREES:
            words[number] = describe_difference(JOINT_NAMES[worst], float(mean[worst]))
    return tuple(words.get(number, "") for number in part.tolist())
