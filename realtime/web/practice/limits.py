"""How much one connection may ask for."""

from __future__ import annotations


class Allowance:
    """A token bucket: ``rate`` per s in the long run, ``burst`` at once.

    Args:
        rate: per s.
        burst: what may come together.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left = burst
        self._at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Use up ``amount`` at ``now`` s; False, and nothing is used, when it is too much."""
        if self._at is not None:
            self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
