"""Chooses one cue at a time: which correction to show now, and for how long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import CONFIDENCE_FLOOR, check_keypoints, swap_left_right
from posesync.pose.skeleton import (
    JOINTS,
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    RIGHT_ANKLE,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
)
from posesync.pose.types import FloatArray

from .cues import Cue, cues_between, urgency
from .legs import LegIdentity
from .settings import CueSettings

#: s between two frames beyond which the older ones no longer count.
_GAP: Final = 1.0
#: s for which a joint may be out of sight before its cue goes.
_BLINK: Final = 0.4
_LEGS: Final = ("hip", "knee")
_LEG_ENDS: Final = [LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE]
_TRUNK: Final = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
#: Trunk lengths by which a knee or an ankle of the expert moves where the end of a piece meets its beginning.
_CONTINUED: Final = 0.3
_WAYS: Final = (
    ("bend", "straighten"),
    ("raise", "lower"),
    ("in", "out"),
    ("forward", "back"),
    ("left", "right"),
)
_OPPOSITE: Final = {a: b for pair in _WAYS for a, b in (pair, pair[::-1])}
#: The keypoints that must be seen for a cue on a joint.
_NEEDED: Final = {
    "trunk": _TRUNK,
    "left_shoulder": [LEFT_SHOULDER, LEFT_ELBOW],
    "right_shoulder": [RIGHT_SHOULDER, RIGHT_ELBOW],
    "left_hip": [LEFT_HIP, LEFT_KNEE],
    "right_hip": [RIGHT_HIP, RIGHT_KNEE],
    **{name: list(JOINTS[name]) for name in ("left_elbow", "right_elbow", "left_knee", "right_knee")},
}


@dataclass
class _Error:
    """One kind of mistake of one joint, over time.

    Attributes:
        cue: the cue as last found.
        presence: 0..1, the share of the recent time for which it was there.
        degrees: its size, smoothed over the frames in which it was there; signed.
        silent_until: s, time until which it is not repeated.
    """

    cue: Cue
    presence: float = 0.0
    degrees: float = 0.0
    silent_until: float = -math.inf


class CueQueue:
    """Chooses among what :func:`~.cues.find_cues` finds, by size, duration and visibility.

    An error gives a cue once it was there for most of the recent time, as no jitter and no passing movement
    is. Its cue stays until the error is put right, at least long enough to be read and at most a few seconds;
    at a jump or a return to the start it goes at once. Legs are named as :class:`~.legs.LegIdentity` holds
    them, and get no cue while their identity is in doubt.

    Args:
        settings: see :class:`~posesync.realtime.coaching.cues.CueSettings`.
    """

    def __init__(self, settings: CueSettings | None = None) -> None:
        self._settings = settings or CueSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything, for a new performer or a new beginning."""
        self._legs = (LegIdentity(), LegIdentity())
        self._errors: dict[tuple[str, str], _Error] = {}
        self._shown: _Error | None = None
        self._since = -math.inf
        self._unseen = 0.0  # s for which the joint that the cue is about was out of sight
        self._time: float | None = None
        self._expert: FloatArray | None = None
        self._mirrored = False

    def drop(self) -> None:
        """Take down the cue that is shown: its moment is over. An error that lasts is shown again later."""
        self._shown, self._unseen = None, 0.0

    def update(
        self,
        time: float,
        performer: FloatArray,
        expert: FloatArray,
        *,
        mirrored: bool = False,
        confidence: float = 1.0,
        jumped: bool = False,
        wrapped: bool = False,
    ) -> Cue | None:
        """Return the cue to show now, given one more frame.

        Args:
            time: s on a clock that only goes forward.
            performer: (17, 3) x px, y px, confidence 0..1.
            expert: (17, 3), the matched moment, in the expert's own frame.
            mirrored: the performer does the piece with left and right exchanged.
            confidence: 0..1, of the matched moment; 0 when there is none.
            jumped: the matched place was reached by a jump.
            wrapped: the matched place returned from the end of the piece to its beginning.

        Raises:
            InvalidDataError: another shape, or a time that is not finite.
        """
        if not math.isfinite(time):
            raise InvalidDataError(
                f"time is {time}, expected finite seconds: pass the frame's own time stamp"
            )
        performer = check_keypoints(performer)
        expert = swap_left_right(expert) if mirrored else check_keypoints(expert)
        dt = 0.0 if self._time is None else time - self._time
        if mirrored != self._mirrored or not 0.0 <= dt <= _GAP:
            since = self._since if dt >= 0.0 else -math.inf
            self.reset()
            self._since, dt = since, 0.0
        self._time, self._mirrored = time, mirrored
        if jumped or wrapped:
            self._leave(expert, cut=jumped)
        self._expert = expert
        found = self._find(time, performer, expert, confidence)
        self._remember(found, dt)
        if self._shown is not None:
            clear = confidence >= self._settings.min_confidence
            visible = clear and _is_seen(self._shown.cue.joint, performer, expert)
            self._unseen = 0.0 if visible else self._unseen + dt
            self._drop_shown(self._shown, time)
        if self._shown is None and time - self._since >= self._settings.interval:
            self._show_next(time, found)
        return None if self._shown is None else self._shown.cue

    def _leave(self, expert: FloatArray, *, cut: bool) -> None:
        """Continue at another place; ``cut`` means that the expert's pose there is not a continuation."""
        if cut or _is_cut(self._expert, expert):
            self._legs[1].reset()
        self.drop()

    def _find(self, time: float, performer: FloatArray, expert: FloatArray, confidence: float) -> list[Cue]:
        ours, theirs = self._legs[0].update(time, performer), self._legs[1].update(time, expert)
        if not confidence >= self._settings.min_confidence:
            return []
        found = cues_between(ours.body, theirs.body, self._settings)
        if ours.certain and theirs.certain:
            return found
        return [cue for cue in found if not cue.joint.endswith(_LEGS)]

    def _remember(self, found: list[Cue], dt: float) -> None:
        keep = math.exp(-dt / self._settings.memory)
        present = {(cue.joint, cue.kind): cue for cue in found}
        for key, cue in present.items():
            self._errors.setdefault(key, _Error(cue, degrees=cue.degrees))
        for key, error in self._errors.items():
            error.presence *= keep
            if (now := present.get(key)) is not None:
                error.presence += 1.0 - keep
                error.degrees += (now.degrees - error.degrees) * (1.0 - keep)
                if error is not self._shown:  # the text does not change while it is being read
                    error.cue = now

    def _lasting(self, error: _Error) -> float:
        """Return the share of the recent time, 0..1, for which the joint was wrong in this direction.

        An elbow's cue may change between "bend" and "raise your forearm" while it is wrong by the same
        rotation: the two add up. The opposite direction does not count.
        """
        joint, opposite = error.cue.joint, _OPPOSITE[error.cue.kind]
        total = 0.0
        for (name, kind), other in self._errors.items():
            if name == joint:
                total += -other.presence if kind == opposite else other.presence
        return total

    def _drop_shown(self, error: _Error, time: float) -> None:
        settings, age = self._settings, time - self._since
        corrected = self._lasting(error) <= settings.release
        if self._unseen > _BLINK or (corrected and age >= settings.hold) or age >= settings.longest:
            for (name, _), other in self._errors.items():
                if name == error.cue.joint:
                    other.presence = 0.0
                    other.silent_until = -math.inf if corrected else time + settings.again
            self._unseen, self._shown = 0.0, None

    def _show_next(self, time: float, found: list[Cue]) -> None:
        # Only errors found in this very frame: the words must fit what the performer does now.
        now = [self._errors[cue.joint, cue.kind] for cue in found]
        lasting = [
            error
            for error in now
            if self._lasting(error) >= self._settings.share and time >= error.silent_until
        ]
        if lasting:
            self._shown = max(
                lasting, key=lambda error: error.presence * urgency(error.cue.joint, error.degrees)
            )
            self._since = time


def _is_cut(before: FloatArray | None, after: FloatArray) -> bool:
    """Return whether the legs of one pose do not continue those of the other.

    Where an exercise meets its own beginning there is no cut: forgetting which leg is which at every squat
    would leave no time for a cue on a leg.
    """
    if before is None:
        return True
    apart = np.hypot(*(before[_LEG_ENDS, :2] - after[_LEG_ENDS, :2]).T)
    trunk = np.hypot(*(after[_TRUNK[:2], :2].mean(axis=0) - after[_TRUNK[2:], :2].mean(axis=0)))
    return not bool((apart <= _CONTINUED * trunk).all())


def _is_seen(joint: str, performer: FloatArray, expert: FloatArray) -> bool:
    needed = _NEEDED[joint]
    return bool(min(performer[needed, 2].min(), expert[needed, 2].min()) > CONFIDENCE_FLOOR)
