"""Converts presentation timestamps, as containers really hold them, to strictly increasing seconds."""

from __future__ import annotations

_JUMP_BACK = 1.0  # s: a larger step back means a recording joined from parts, whose clock began again


class Timeline:
    """Turns the raw times of one source's frames into seconds since its first frame, strictly increasing.

    A missing time follows the last by the nominal interval. An equal or slightly earlier time becomes half
    an interval after the last, so that correct times that follow still hold. A time that falls back by more
    than a second means that the clock began again: everything from there is shifted to continue from the
    last.
    """

    def __init__(self, fps: float | None) -> None:
        """Start with a nominal rate of ``fps`` frames per second; None or not positive counts as 30."""
        self.interval = 1.0 / fps if fps is not None and fps > 0 else 1.0 / 30.0
        self.last: float | None = None
        self._origin = 0.0
        self.repairs = 0  # number of times that had to be made up or moved

    def add(self, raw: float | None) -> float:
        """Return the time, s, of the next frame whose raw time is ``raw`` s (None: it has none)."""
        if self.last is None:
            self._origin = raw if raw is not None else 0.0
            self.last = 0.0
            return 0.0
        if raw is None:
            moment = self.last + self.interval
            self.repairs += 1
        else:
            moment = raw - self._origin
            if moment < self.last - _JUMP_BACK:
                self._origin = raw - (self.last + self.interval)
                moment = self.last + self.interval
                self.repairs += 1
            elif moment <= self.last:
                moment = self.last + self.interval / 2
                self.repairs += 1
        self.last = moment
        return moment
