"""Throttles the detector when a live session falls behind its camera, so that no frames are dropped."""

from __future__ import annotations

from typing import Final

#: s of throttling after the first dropped frame; doubled each time drops return when it ends …
FIRST: Final = 10.0
#: … up to this: one attempt every five minutes costs next to nothing.
LONGEST: Final = 300.0
#: s without throttling and without a drop after which the next throttling starts at FIRST again.
FORGIVEN: Final = 60.0


class DetectorThrottle:
    """Decides whether the detector runs only when the lock on the performer is weak."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self._span = FIRST

    def update(self, missed: int, now: float) -> bool:
        """Return whether to hurry with the newest frame, given the frames dropped before it.

        Args:
            missed: captured frames that were replaced since the last one was processed.
            now: s, any clock that only goes forward.
        """
        if now < self._until:
            return True
        if missed == 0:
            return False
        self._span = FIRST if now - self._until > FORGIVEN else min(2 * self._span, LONGEST)
        self._until = now + self._span
        return True
