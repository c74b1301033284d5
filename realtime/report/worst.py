"""Finds the worst moments of a session: those stored with pictures, else those found in the frames."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import clean_text, number
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.confidence import JUDGED_FROM
from posesync.realtime.coaching.feedback import describe_difference
from posesync.realtime.session.moments import APART, MOMENTS, WORTH_BELOW

from .reading import SessionData

#: Bytes of one picture, at most; a larger one was not made by PoseSync.
MAX_PICTURE_BYTES: Final = 60_000
#: s of the session over which a moment must be bad: a single frame may be an error of the model.
_WINDOW: Final = 0.5
#: s before or after a moment within which a cue belongs to it.
_CUE_REACH: Final = 1.5
#: Degrees from which differences are put into words, and how many of them.
_WORDS_FROM: Final = 8.0
_MOST_WORDS: Final = 3
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")


@dataclass(frozen=True, slots=True)
class WorstMoment:
    """One of the worst moments.

    Attributes:
        time: s since the camera's first frame.
        position: s in the reference.
        score: 0..100.
        cue: the correction in words, as it was shown; "" without one.
        joints: joint → signed degrees, performer − expert, or None.
        performer: a JPEG, or None.
        expert: a JPEG, or None.
    """

    time: float
    position: float
    score: float
    cue: str
    joints: Mapping[str, float | None]
    performer: bytes | None = None
    expert: bytes | None = None

    @property
    def differences(self) -> tuple[str, ...]:
        """The largest differences in words, the largest first; those within tolerance are left out."""
        large = [(n, d) for n, d in self.joints.items() if d is not None and abs(d) >= _WORDS_FROM]
        large.sort(key=lambda pair: -abs(pair[1]))
        return tuple(describe_difference(name, degrees) for name, degrees in large[:_MOST_WORDS])


def worst_moments(data: SessionData) -> tuple[WorstMoment, ...]:
    """Return up to five moments, the worst first, at least two seconds of the piece apart."""
    kept = data.summary.get("moments")
    found = [moment for entry in kept[:MOMENTS] if (moment := _kept(entry))] if isinstance(kept, list) else []
    return tuple(sorted(found, key=lambda moment: moment.score)) if found else _from_frames(data)


def _kept(entry: object) -> WorstMoment | None:
    if not isinstance(entry, Mapping):
        return None
    time, position = number(entry.get("t"), 0.0, 1e6), number(entry.get("position"), 0.0, 1e6)
    score = number(entry.get("score"), 0.0, 100.0)
    if time is None or position is None or score is None:
        return None
    joints = entry.get("joints")
    given: Mapping[str, Any] = joints if isinstance(joints, Mapping) else {}
    return WorstMoment(
        time=time,
        position=position,
        score=score,
        cue=clean_text(entry.get("cue"), 120),
        joints={name: number(given.get(name), -180.0, 180.0) for name in JOINT_NAMES},
        performer=_picture(entry.get("performer")),
        expert=_picture(entry.get("expert")),
    )


def _picture(text: object) -> bytes | None:
    """Return the JPEG in a base64 text, or None: only a small JPEG is shown."""
    if not isinstance(text, str) or len(text) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.startswith(_JPEG[0]) and data.endswith(_JPEG[1]) else None


def _from_frames(data: SessionData) -> tuple[WorstMoment, ...]:
    sure = ~(data.confidences < JUDGED_FROM)  # a log without confidences may be judged too
    rows = np.flatnonzero(np.isfinite(data.positions) & np.isfinite(data.scores) & sure)
    if not len(rows):
        return ()
    times, positions = data.times[rows], data.positions[rows]
    smooth = _moving_mean(times, data.scores[rows])
    left = np.where(smooth < WORTH_BELOW, smooth, np.inf)
    found: list[WorstMoment] = []
    while len(found) < MOMENTS and np.isfinite(left).any():
        worst = int(np.argmin(left))
        near = rows[np.abs(times - times[worst]) <= _WINDOW / 2]
        found.append(
            WorstMoment(
                time=float(times[worst]),
                position=float(positions[worst]),
                score=float(smooth[worst]),
                cue=_cue_near(data, float(times[worst])),
                joints=dict(zip(JOINT_NAMES, _means(data.joints[near]), strict=True)),
            )
        )
        left[np.abs(positions - positions[worst]) < APART] = np.inf
    return tuple(found)


def _moving_mean(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the mean over ``_WINDOW`` s around each frame."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.searchsorted(times, times - _WINDOW / 2, side="left")
    last = np.searchsorted(times, times + _WINDOW / 2, side="right")
    means: FloatArray = (total[last] - total[first]) / (last - first)
    return np.clip(means, 0.0, 100.0)


def _means(joints: FloatArray) -> list[float | None]:
    columns = (column[np.isfinite(column)] for column in joints.T)
    return [float(seen.mean()) if len(seen) else None for seen in columns]


def _cue_near(data: SessionData, time: float) -> str:
    near = [cue for cue in data.cues if abs(cue.time - time) <= _CUE_REACH]
    return min(near, key=lambda cue: abs(cue.time - time)).text if near else ""
