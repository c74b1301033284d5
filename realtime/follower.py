"""The fine row: follows a performer whose place is known, in a window around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from posesync.pose.types import FloatArray

from .observation import Observation
from .position_filter import Evidence, Likeness, PositionFilter, SpeedModel
from .reference_table import ReferenceTable

#: s around a place that count as that place.
_REACH = 0.2
#: s around a new place from which the first belief is taken.
_START_REACH = 0.6


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the fine row says.

    Attributes:
        time: s in the reference; it may run back.
        probability: of the surroundings of ``time``.
        standing: probability that the performer stands.
        pace: speed that is believed in, relative to the expert's.
    """

    time: float
    probability: float
    standing: float
    pace: float


class Follower:
    """The fine row in a moving window, and how its belief becomes one place.

    Args:
        table: the expert, on the fine grid.
        speeds: how a performer's speed changes.
        delay: age of a live velocity, s.
        back: s of the piece kept behind the performer.
        ahead: s of the piece kept ahead of the performer.
        loop: the piece begins again where it ends.
    """

    def __init__(
        self,
        table: ReferenceTable,
        speeds: SpeedModel,
        *,
        delay: float,
        back: float,
        ahead: float,
        loop: bool = False,
    ) -> None:
        self._cells = len(table)
        self._loop = loop
        self._table = table.looped(ahead + back) if loop else table
        self._row = PositionFilter(self._table, speeds, delay=delay)
        self._back, self._ahead = round(back / table.cell), round(ahead / table.cell)
        self._reach = round(_REACH / table.cell)
        self._lo, self._hi = 0, len(self._table)
        self._mass: FloatArray | None = None  # the belief of each cell in the window, where it is known

    def start(self, time: float, coarse: PositionFilter) -> None:
        """Take over from what a coarse row believes around ``time`` s."""
        self._center(time)
        self._mass = None
        lo, hi, cell = self._lo, self._hi, self._table.cell
        self._row.predict(0.0, lo, hi)
        where = np.arange(lo, hi) * cell
        known = np.arange(len(coarse.table)) * coarse.table.cell
        near = np.abs(where + self._table.start - time) <= _START_REACH
        belief = self._row.belief[:, lo:hi]
        for speed, probability in enumerate(coarse.belief):
            belief[speed] = np.interp(where, known, probability) * near
        total = float(belief.sum())
        if total > 0.0:
            belief /= total
        else:
            belief[:, near] = 1.0 / max(1, len(belief) * int(near.sum()))

    def predict(self, time: float, dt: float) -> None:
        """Let ``dt`` s pass, in a window around ``time`` s."""
        self._center(time)
        self._row.predict(dt, self._lo, self._hi)
        self._mass = None

    def correct(self, seen: Observation, dt: float, evidence: Evidence, likeness: Likeness) -> float:
        """Weigh in a pose; return its difference from where the performer is believed to be, rad²."""
        cost, difference = self._row.costs(seen, dt, evidence, likeness, self._lo, self._hi)
        self._row.correct(cost, self._lo)
        self._mass = self._row.belief[:, self._lo : self._hi].sum(axis=0)
        return float(self._mass @ difference)

    def miss(self, gone: float, dt: float, evidence: Evidence) -> None:
        """Weigh in that nobody was seen in the last ``dt`` of ``gone`` s out of sight.

        That is less likely where the expert is in full view than where the expert was not seen either. But
        who is missed in one frame is missed in the next: the longer it lasts, the less each frame adds.
        """
        memory = evidence.absence_memory
        news = evidence.absence * (math.exp((dt - gone) / memory) - math.exp(-gone / memory))
        seen = self._table.seen[self._lo : self._hi]
        self._row.correct(np.broadcast_to(news * seen, (len(self._row.speeds), len(seen))), self._lo)
        self._mass = None

    def estimate(self) -> Estimate:
        """Read one place off the belief."""
        lo, hi = self._lo, self._hi
        belief = self._row.belief[:, lo:hi]
        mass = belief.sum(axis=0) if self._mass is None else self._mass
        summed = np.zeros(len(mass) + 1)
        np.cumsum(mass, out=summed[1:])
        index = np.arange(len(mass))
        left, right = np.maximum(index - self._reach, 0), np.minimum(index + self._reach + 1, len(mass))
        around = summed[right] - summed[left]
        if hi == len(self._table) and mass[-1] < 0.5:
            around[len(mass) - 1 - self._reach :] -= mass[-1]  # those past the end wait there: no place
        middle = int(np.argmax(around))
        if around[middle] < 0.5:
            # No place has most of the belief: the middle of it is a better answer than its thickest part,
            # which is where the slow hypotheses crowd.
            middle = min(int(np.searchsorted(summed[1:], 0.5 * summed[-1])), len(mass) - 1)
        a, b = int(left[middle]), int(right[middle])
        total = max(float(summed[b] - summed[a]), 1e-30)
        cell = lo + float(mass[a:b] @ index[a:b]) / total
        speeds = belief[:, a:b].sum(axis=1) / total
        return Estimate(
            self._table.start + cell * self._table.cell,
            min(1.0, total),
            float(speeds[0]),
            float(self._row.speeds @ speeds),
        )

    def wrap(self) -> float:
        """Carry the belief from behind a loop's end to its beginning; return the s to take off a time."""
        belief, cells = self._row.belief, self._cells
        again = belief[:, cells:].copy()
        belief[:] = 0.0
        belief[:, : again.shape[1]] = again
        belief /= max(float(belief.sum()), 1e-30)
        return cells * self._table.cell

    def is_past_end(self, time: float) -> bool:
        """Whether ``time`` s lies behind the end of a loop."""
        return self._loop and time >= self._table.start + self._cells * self._table.cell

    def expected(self, time: float) -> float:
        """How much of the expert is in view around ``time`` s, 0..1."""
        cell = round((time - self._table.start) / self._table.cell)
        near = self._table.seen[max(0, cell - 2) : cell + 8]
        return float(near.mean()) if len(near) else 0.0

    def _center(self, time: float) -> None:
        cell = round((time - self._table.start) / self._table.cell)
        self._lo = min(max(0, cell - self._back), len(self._table) - 1)
        self._hi = min(len(self._table), cell + self._ahead + 1)
