"""Follows a performer whose place is known, with a fine row in a window around that place."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from posesync.pose.types import FloatArray

from .evidence import Likeness
from .observation import Observation
from .online_warping import WarpingRow
from .reference_table import ReferenceTable
from .settings import Evidence, SpeedModel

#: s around a place that still count as that place.
_REACH = 0.2
#: s around the place shown whose probability is the tracker's confidence.
RIGHT = 0.25
#: s around a new place within which the coarse row's belief is taken over.
_START_REACH = 0.6
#: s between two moments that are settled, and s after which each of them is settled.
_ANCHOR_EVERY, _ANCHOR_AGE = 0.1, 0.2
_ANCHORS = 3
#: How much of a piece that begins again is kept ahead of the performer, at most, as a share of its length.
_LOOP_AHEAD = 0.6


@dataclass(frozen=True, slots=True)
class Estimate:
    """The fine row's estimate.

    Attributes:
        time: s in the reference; it may run backwards, and past the end of a piece that begins again.
        standing: probability that the performer stands still.
    """

    time: float
    standing: float


class Follower:
    """Keeps the fine row in a moving window and turns its belief into one place.

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
        self._row = WarpingRow(self._table, speeds, delay=delay, anchors=_ANCHORS)
        if loop:  # the same moment must not be in the window twice
            ahead = min(ahead, _LOOP_AHEAD * len(table) * table.cell)
        self._back, self._ahead = round(back / table.cell), round(ahead / table.cell)
        self._reach = round(_REACH / table.cell)
        self._lo, self._hi = 0, len(self._table)
        self._mass: FloatArray | None = None  # belief of each cell in the window, once computed
        self._around = 0, 0  # cells of the window around the last answer
        self._anchors: deque[tuple[float, float]] = deque()  # (time s, place believed at that time)

    def start(self, time: float, coarse: WarpingRow, age: float) -> None:
        """Take over from what a coarse row believed around ``time`` s, ``age`` s ago."""
        self._center(time)
        self._mass = None
        self._row.drop_anchors()
        self._anchors.clear()
        lo, hi, cell = self._lo, self._hi, self._table.cell
        self._row.predict(0.0, lo, hi)
        where = np.arange(lo, hi) * cell
        known = np.arange(len(coarse.table)) * coarse.table.cell
        near = np.abs(where + self._table.start - time) <= _START_REACH
        # A performer who stands still may be anywhere in the passage in which the expert does, up to the
        # movement that ends it.
        here = min(max(round((time - self._table.start) / cell), 0), len(self._table) - 1)
        if self._table.passage[here] >= 0:
            near |= self._table.passage[lo:hi] == self._table.passage[here]
            near |= np.abs(where - (here + float(self._table.rest[here])) * cell) <= _START_REACH
        belief = self._row.belief[:, lo:hi]
        # Each fine speed starts from the nearest coarse one.
        kin = np.abs(self._row.speeds[:, None] - coarse.speeds).argmin(axis=1)
        for speed, (relative, pace) in enumerate(zip(kin.tolist(), self._row.speeds.tolist(), strict=True)):
            ago = where - pace * age
            belief[speed] = (
                np.interp(ago, known, coarse.belief[relative]) * near / float((kin == relative).sum())
            )
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
        """Correct the belief by a pose; return the pose difference at the believed place."""
        cost, difference = self._row.costs(seen, dt, evidence, likeness, self._lo, self._hi)
        self._row.correct(cost, self._lo)
        self._mass = self._row.belief[:, self._lo : self._hi].sum(axis=0)
        return float(self._mass @ difference)

    def miss(self, gone: float, dt: float, evidence: Evidence) -> None:
        """Correct the belief for nobody having been seen in the last ``dt`` of ``gone`` s out of sight.

        This is less likely where the expert is in full view than where the expert is not seen either.
        Missed frames come in runs, so the longer the absence lasts, the less each frame adds.
        """
        memory = evidence.absence_memory
        news = evidence.absence * (math.exp((dt - gone) / memory) - math.exp(-gone / memory))
        seen = self._table.seen[self._lo : self._hi]
        self._row.correct(np.broadcast_to(news * seen, (len(self._row.speeds), len(seen))), self._lo)
        self._mass = None

    def estimate(self) -> Estimate:
        """Return one place estimated from the belief."""
        lo, hi = self._lo, self._hi
        belief = self._row.belief[:, lo:hi]
        mass = belief.sum(axis=0) if self._mass is None else self._mass
        self._mass = mass
        summed = np.zeros(len(mass) + 1)
        np.cumsum(mass, out=summed[1:])
        self._around = a, b = self._middle(mass, summed)
        total = max(float(summed[b] - summed[a]), 1e-30)
        cell = lo + float(mass[a:b] @ np.arange(a, b)) / total
        standing = float(belief[0, a:b].sum()) / total
        return Estimate(self._table.start + cell * self._table.cell, standing)

    def _middle(self, mass: FloatArray, summed: FloatArray) -> tuple[int, int]:
        """Return the (from, to) cells of the window around the answer."""
        reach, index = self._reach, np.arange(len(mass))
        left, right = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(mass))
        around = summed[right] - summed[left]
        if self._hi == len(self._table) and mass[-1] < 0.5:
            around[len(mass) - 1 - reach :] -= mass[-1]  # past the end: waiting, not a place
        middle = int(np.argmax(around))
        if around[middle] < 0.5:
            # No place has most of the belief: its median is a better answer than its mode, where the slow
            # hypotheses crowd.
            middle = min(int(np.searchsorted(summed[1:], 0.5 * summed[-1])), len(mass) - 1)
        return int(left[middle]), int(right[middle])

    def within(self, time: float) -> float:
        """Return the probability that the performer is within :data:`RIGHT` s of ``time`` s."""
        mass = self._row.belief[:, self._lo : self._hi].sum(axis=0) if self._mass is None else self._mass
        cell, reach = (time - self._table.start) / self._table.cell - self._lo, RIGHT / self._table.cell
        a, b = max(0, math.ceil(cell - reach)), max(0, math.floor(cell + reach) + 1)
        return min(1.0, float(mass[a:b].sum()))

    # -- settled places --------------------------------------------------------------------------------------

    def settle(self, now: float, place: float, trust: float) -> tuple[float, float] | None:
        """Return ``(time, place)`` of an earlier moment that this frame settles, or None.

        Args:
            now: s, of this frame.
            place: s in the reference where the performer is believed to be now.
            trust: 0..1, how informative poses are. Where they are not, later frames add nothing either, and
                the place believed at that time is kept.
        """
        found = None
        if self._anchors and now - self._anchors[0][0] >= _ANCHOR_AGE - 1e-3 and self._mass is not None:
            a, b = self._around
            cell = self._row.origin(0, self._lo + a, self._lo + b)
            then, believed = self._anchors.popleft()
            settled = self._table.start + cell * self._table.cell
            found = then, believed + trust * (settled - believed)
            self._row.drop_oldest()
        due = not self._anchors or now - self._anchors[-1][0] >= _ANCHOR_EVERY - 1e-3
        if due and len(self._anchors) < _ANCHORS:
            self._row.anchor()
            self._anchors.append((now, place))
        return found

    # -- a piece that begins again ---------------------------------------------------------------------------

    def wrap(self) -> float:
        """Move the belief from past a loop's end to its beginning; return by how many s times shift back."""
        self._row.shift(self._cells)
        self._mass = None
        over = self._cells * self._table.cell
        self._anchors = deque((then, place - over) for then, place in self._anchors)
        return over

    def expected(self, time: float) -> float:
        """Return how much of the expert is in view around ``time`` s, 0..1."""
        cell = round((time - self._table.start) / self._table.cell)
        near = self._table.seen[max(0, cell - 2) : cell + 8]
        return float(near.mean()) if len(near) else 0.0

    def _center(self, time: float) -> None:
        cell = round((time - self._table.start) / self._table.cell)
        self._lo = min(max(0, cell - self._back), len(self._table) - 1)
        self._hi = min(len(self._table), cell + self._ahead + 1)
