"""Fixed-lag places: where the performer was, one settled place for every update that was followed."""

from __future__ import annotations

from collections import deque


class FixedLagPlaces:
    """Interpolates between the moments that settle and gives one place for each update between them.

    The row settles a moment every 0.1 s; between two of them the place is taken to change linearly.

    Args:
        start: s of the piece's first moment.
        end: s of its last.
    """

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end
        self._waiting: deque[float] = deque()
        self._ready: deque[tuple[float, float]] = deque()
        self._before: tuple[float, float] | None = None

    def clear(self) -> None:
        """Forget what has not settled: the performer was lost, or is somewhere else."""
        self._waiting.clear()
        self._before = None

    def follow(self, time: float) -> None:
        """Note that an update at ``time`` s was followed."""
        self._waiting.append(time)

    def settle(self, time: float, place: float) -> None:
        """Note the ``place`` s of the performer at ``time`` s; it may lie past either end of the piece."""
        before = self._before or (time, place)
        self._before = time, place
        while self._waiting and self._waiting[0] <= time + 1e-9:
            when = self._waiting.popleft()
            share = (when - before[0]) / (time - before[0]) if time > before[0] else 1.0
            self._ready.append((when, self._inside(before[1] + max(0.0, share) * (place - before[1]))))

    def wrap(self, seconds: float) -> None:
        """Shift the last settled place back by ``seconds``: the piece began again."""
        if self._before is not None:
            self._before = self._before[0], self._before[1] - seconds

    def take(self) -> tuple[float, float] | None:
        """Return the next settled ``(time, place)``, or None while there is none."""
        return self._ready.popleft() if self._ready else None

    def _inside(self, place: float) -> float:
        if place < self.start:  # it was settled before the piece began again
            return max(self.start, min(self.end, place + self.end - self.start))
        return min(place, self.end)
