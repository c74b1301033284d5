"""Limits how much one connection may send."""

from __future__ import annotations


class Allowance:
    """A token bucket: allows ``rate`` per s in the long run, and ``burst`` at once.

    Args:
        rate: amount per s.
        burst: amount at once.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left = burst
        self._at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Use ``amount`` at ``now`` s and return True; when it is too much, use nothing and return False."""
        if self._at is not None:
            self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
