"""Hands-free start: from standing in front of the camera to being in the piece.

Framing first, then a count-in, a first movement or a raised hand. Pure logic: the clock is passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from .settings import PracticeSettings, Start


class Phase(Enum):
    """Phase of a practice."""

    FRAMING = "framing"
    """The performer finds their place."""
    READY = "ready"
    """The performer is well in the picture; waiting for the sign to start."""
    COUNT_IN = "count-in"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class PracticeStatus:
    """One moment of a practice.

    Attributes:
        phase: the current phase.
        countdown: the number to show in huge digits, or None.
        hint: what the performer should do now, or None.
        tick: a new number of the count-in has begun: time for a beep.
        started: the piece begins at this moment.
    """

    phase: Phase
    countdown: str | None = None
    hint: str | None = None
    tick: bool = False
    started: bool = False


class Practice:
    """Steps through FRAMING → READY → COUNT_IN → RUNNING; READY only where a sign is needed to start.

    Args:
        settings: what begins the piece, and after how long; None: the first frame.
    """

    def __init__(self, settings: PracticeSettings | None = None) -> None:
        self.settings = settings or PracticeSettings(start=Start.NOW)
        self.restart()

    def restart(self) -> None:
        """Start again with the framing."""
        self.phase = Phase.FRAMING
        self._began: float | None = None
        self._good_since: float | None = None
        self._still_since: float | None = None
        self._was_still = False
        self._hand_since: float | None = None
        self._count_from = 0.0
        self._number: int | None = None
        self._skip = False

    def skip(self) -> None:
        """Begin with the next moment, whatever is being waited for, as the key does."""
        self._skip = True

    def update(
        self, time: float, framing_ok: bool, moving: float = 0.0, hand: bool = False
    ) -> PracticeStatus:
        """Add one moment and return the status.

        Args:
            time: s, any clock that only goes forward.
            framing_ok: the camera sees enough of the performer.
            moving: torso lengths per s (:class:`MotionMeter`).
            hand: a hand is raised (:func:`hand_raised`).
        """
        if self.phase is Phase.RUNNING:
            return PracticeStatus(Phase.RUNNING)
        if self._skip or self.settings.start is Start.NOW:
            return self._run()
        self._began = time if self._began is None else self._began
        well = framing_ok or time - self._began >= self.settings.patience
        self._good_since = (time if self._good_since is None else self._good_since) if well else None
        if self._good_since is None:
            self.phase, self._was_still, self._still_since, self._hand_since = (
                Phase.FRAMING,
                False,
                None,
                None,
            )
            return PracticeStatus(Phase.FRAMING)
        if self.phase is Phase.FRAMING and time - self._good_since >= self.settings.settle:
            if self.settings.start is Start.COUNT:
                self._begin_count(time)
            else:
                self.phase = Phase.READY
        if self.phase is Phase.READY:
            return self._wait_for_sign(time, moving, hand)
        if self.phase is Phase.COUNT_IN:
            return self._count(time)
        return PracticeStatus(Phase.FRAMING)

    def _wait_for_sign(self, time: float, moving: float, hand: bool) -> PracticeStatus:
        if self.settings.start is Start.HAND:
            self._hand_since = (time if self._hand_since is None else self._hand_since) if hand else None
            if self._hand_since is not None and time - self._hand_since >= self.settings.hand_for:
                self._begin_count(time)
                return self._count(time)
            return PracticeStatus(Phase.READY, hint="raise a hand above your head to start")
        if moving < self.settings.still:
            self._still_since = time if self._still_since is None else self._still_since
            self._was_still |= time - self._still_since >= self.settings.still_for
        else:
            self._still_since = None
        if self._was_still and moving >= self.settings.moving:
            return self._run()
        return PracticeStatus(Phase.READY, hint="start when you like" if self._was_still else "stand still")

    def _begin_count(self, time: float) -> None:
        self.phase, self._count_from, self._number = Phase.COUNT_IN, time, None

    def _count(self, time: float) -> PracticeStatus:
        left = self._count_from + self.settings.seconds - time
        if left <= 1e-9:
            return self._run()
        number = math.ceil(left - 1e-9)
        tick, self._number = number != self._number, number
        return PracticeStatus(Phase.COUNT_IN, countdown=str(number), tick=tick)

    def _run(self) -> PracticeStatus:
        self.phase, self._skip = Phase.RUNNING, False
        return PracticeStatus(Phase.RUNNING, started=True)
