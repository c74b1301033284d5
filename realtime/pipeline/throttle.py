"""When a live session falls behind its camera, the detector is spared, so that no frames are dropped."""

from __future__ import annotations

from typing import Final

#: s of throttle after the first dropped frame; doubled each time that its end brings drops back …
FIRST: Final = 10.0
#: … up to this: one try every five minutes costs next to nothing.
LONGEST: Final = 300.0
#: s at leisure without a drop after which the next throttle is a first one again.
FORGIVEN: Final = 60.0


class DetectorThrottle:
    """Whether the detector must make do with running only when the lock on the performer is weak."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self._span = FIRST

    def update(self, missed: int, now: float) -> bool:
        """Take note of the frames dropped before the newest one; answer whether to hurry with it.

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
