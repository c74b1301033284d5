"""Finds the performer anywhere in the whole piece, mirrored or not, with a coarse row over all of it.

It runs beside the fine row that follows, for both mirror images. Any moment can be reached by a jump at a
small cost, the beginning at a smaller one. A place far from the fine row's must therefore explain the
performer clearly better, for some time, before most of the probability is there: without this sustained,
clear margin a chorus would be mistaken for its repetition.

One look at the whole piece is spread over as many updates as it takes, so that an update costs the same
however long the piece is. A look judges the pose with which it began.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from posesync.pose.types import FloatArray

from .evidence import Likeness, speed_prior
from .observation import Observation
from .online_warping import WarpingRow
from .reference_table import ReferenceTable
from .settings import Evidence, RelocaliserSettings, SpeedModel

#: s for which the evidence of one look counts, at most.
_LONGEST_LOOK = 0.3
#: Nats below the best beyond which a cell is as good as impossible.
_HOPELESS = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """A candidate place: cell of the coarse table, mirrored or not, and the probability around it."""

    cell: int
    time: float
    mirrored: bool
    probability: float


class _Look:
    """One look at the whole piece, in progress."""

    def __init__(self, views: tuple[Observation, ...], likeness: Likeness, dt: float, jumps: float) -> None:
        self.views = views
        self.likeness = likeness
        self.dt = dt
        self.jumps = jumps
        self.age = 0.0
        self.next = 0
        #: for each side: (first cell, least cost) of each part done so far
        self.parts: list[list[tuple[int, float]]] = [[] for _ in views]


class Relocaliser:
    """Keeps the coarse row, for the performer as they are and mirrored.

    Args:
        table: the expert, on the coarse grid.
        speeds: how a performer's speed changes.
        evidence: how much differences count.
        settings: how readily another place is believed in.
        mirror: whether to try the mirrored performer as well.
        delay: age of a live velocity, s.
        loop: the piece begins again where it ends.
    """

    def __init__(
        self,
        table: ReferenceTable,
        speeds: SpeedModel,
        evidence: Evidence,
        settings: RelocaliserSettings,
        *,
        mirror: bool,
        delay: float,
        loop: bool = False,
    ) -> None:
        self.table = table
        self.settings = settings
        self.evidence = evidence
        sides = 2 if mirror else 1
        self.filters = [WarpingRow(table, speeds, delay=delay, loop=loop) for _ in range(sides)]
        self._ahead = [np.zeros_like(row.belief) for row in self.filters]
        self._speed_prior = (0.8 * speed_prior(speeds)).astype(np.float32)
        self._speed_prior[0] = 0.2
        prior = settings.mirror_prior
        self._log_prior = np.log([1.0 - prior, prior]) if mirror else np.zeros(1)
        self._reach = max(1, round(settings.neighbourhood / table.cell))
        self._opening = _opening(table)
        self.difference = np.zeros((sides, len(table)), np.float32)
        self._unread = np.zeros_like(self.difference)
        self._typical = np.zeros(sides), np.ones(sides)
        self.restart()

    def restart(self) -> None:
        """Expect a performer who probably starts at the beginning, but may start elsewhere."""
        self.log_weights = self._log_prior.copy()
        self._look: _Look | None = None
        self._waited = 0.0
        self._places: FloatArray | None = None
        self.age = self.elapsed = 0.0
        for row in self.filters:
            row.belief[:] = self._anywhere(self.settings.start_prior)

    def spread(self, share: float) -> None:
        """Spread ``share`` of the probability evenly over all places: the performer was away."""
        self._look = self._places = None
        for row in self.filters:
            row.belief *= 1.0 - share
            row.belief += share * self._anywhere(self.settings.to_start)

    def wait(self, dt: float) -> None:
        """Let ``dt`` seconds pass without seeing anyone."""
        self.spread(float(-np.expm1(-0.5 * dt)))

    # -- a look ----------------------------------------------------------------------------------------------

    def update(
        self, seen: Observation, dt: float, likeness: Likeness, *, eager: bool, astray: bool = False
    ) -> bool:
        """Continue the look at the whole piece; return whether one was completed.

        Args:
            seen: the pose now.
            dt: s since the last update.
            likeness: how alike performer and expert are.
            eager: begin the next look at once, and look at as much of the piece as one update may.
            astray: the performer does not seem to be at the believed place.
        """
        settings = self.settings
        self._waited += dt
        if self._look is None:
            if not eager and self._waited < settings.period - 1e-3:
                return False
            views = (seen, seen.mirrored()) if len(self.filters) > 1 else (seen,)
            jump = settings.jump_astray if astray else settings.jump
            self._look = _Look(views, likeness, self._waited, float(-np.expm1(-jump * self._waited)))
            self._waited = 0.0
        else:
            self._look.age += dt
        count = len(self.table)
        whole = len(self.filters) * count
        end = min(whole, self._look.next + settings.most_cells)
        if not eager:  # one side at a time
            end = min(end, (self._look.next // count + 1) * count)
        self._go_on(self._look, end)
        if end < whole:
            return False
        self._complete(self._look)
        self._look = None
        return True

    def _go_on(self, look: _Look, end: int) -> None:
        """Look at the cells up to ``end``, counted over both sides."""
        count = len(self.table)
        jumps = look.jumps
        while look.next < end:
            side, lo = divmod(look.next, count)
            hi = min(count, lo + end - look.next)
            row, into = self.filters[side], self._ahead[side][:, lo:hi]
            cost, self._unread[side, lo:hi] = row.costs(
                look.views[side], min(look.dt, _LONGEST_LOOK), self.evidence, look.likeness, lo, hi
            )
            least = float(cost.min())
            np.multiply(row.advanced(look.dt, lo, hi)[0], 1.0 - jumps, out=into)
            into += jumps * self._anywhere(self.settings.to_start)[:, lo:hi]
            into *= np.exp(np.maximum(least - cost, -_HOPELESS))
            look.parts[side].append((lo, least))
            look.next += hi - lo

    def _complete(self, look: _Look) -> None:
        """Update the rows with the joined parts, and the probabilities of the two sides."""
        evidence = np.zeros(len(self.filters))
        for side, (row, parts) in enumerate(zip(self.filters, look.parts, strict=True)):
            best = min(least for _, least in parts)
            ends = [lo for lo, _ in parts[1:]] + [len(self.table)]
            for (lo, least), hi in zip(parts, ends, strict=True):
                row.belief[:, lo:hi] = self._ahead[side][:, lo:hi] * math.exp(max(best - least, -_HOPELESS))
            total = max(float(row.belief.sum()), 1e-30)
            row.belief /= total
            evidence[side] = math.log(total) - best
        self.difference[:] = self._unread
        self._typical = self.difference.min(axis=1), self.difference.mean(axis=1)
        self.age, self.elapsed = look.age, min(look.dt, self.settings.period * 2)
        forget = np.exp(-look.dt / self.settings.mirror_memory)
        weights = self._log_prior + forget * (self.log_weights - self._log_prior) + evidence
        self.log_weights = weights - weights.max()
        self._places = None

    # -- answers ---------------------------------------------------------------------------------------------

    @property
    def side_probability(self) -> FloatArray:
        """P(as the expert), P(mirrored)."""
        weights = np.exp(self.log_weights)
        shares: FloatArray = weights / weights.sum()
        return shares

    def places(self) -> FloatArray:
        """Return (sides, M): probability within the neighbourhood of each cell, weighted by side."""
        if self._places is None:
            belief = np.stack([row.belief.sum(axis=0) for row in self.filters])
            belief *= self.side_probability[:, None].astype(np.float32)
            reach, count = self._reach, belief.shape[1]
            total = np.zeros((len(belief), count + 2 * reach + 1), np.float32)
            np.cumsum(belief, axis=1, out=total[:, reach + 1 : reach + 1 + count])
            total[:, reach + 1 + count :] = total[:, [reach + count]]
            span = 2 * reach + 1
            self._places = total[:, span:] - total[:, :-span]
        return self._places

    def best(self) -> Place:
        """Return the most probable place, at the mean of its neighbourhood."""
        around = self.places()
        side, cell = np.unravel_index(int(np.argmax(around)), around.shape)
        belief = self.filters[side].belief
        lo, hi = max(0, int(cell) - self._reach), min(len(self.table), int(cell) + self._reach + 1)
        mass = belief[:, lo:hi].sum(axis=0)
        total = max(float(mass.sum()), 1e-30)
        mean = float((mass * np.arange(lo, hi)).sum()) / total
        pace = float(self.filters[side].speeds @ belief[:, lo:hi].sum(axis=1)) / total
        time = self.table.start + mean * self.table.cell + pace * self.age
        return Place(
            min(round(mean), len(self.table) - 1),
            min(time, self.table.start + self.table.span),
            bool(side),
            float(around[side, cell]),
        )

    def near(self, time: float, *, is_mirrored: bool) -> float:
        """Return the probability that the performer is around ``time`` s, on that side."""
        cell = round((time - self.table.start) / self.table.cell)
        around = self.places()
        return float(
            around[int(is_mirrored) if len(around) > 1 else 0, min(max(cell, 0), around.shape[1] - 1)]
        )

    def typical(self, *, is_mirrored: bool) -> tuple[float, float]:
        """Return the least and the mean pose difference over the whole piece, on that side."""
        side = int(is_mirrored) if len(self.difference) > 1 else 0
        least, mean = self._typical
        return float(least[side]), float(mean[side])

    def fit_near(self, time: float, *, is_mirrored: bool) -> float:
        """Return the least pose difference around ``time`` s on that side."""
        cell = round((time - self.table.start) / self.table.cell)
        row = self.difference[int(is_mirrored) if len(self.difference) > 1 else 0]
        return float(row[max(0, cell - self._reach) : cell + self._reach + 1].min())

    def _anywhere(self, at_start: float) -> FloatArray:
        """Return (S, M): ``at_start`` in the opening, the rest spread evenly."""
        where = (1.0 - at_start) / len(self.table) + at_start * self._opening
        return self._speed_prior[:, None] * where


def _opening(table: ReferenceTable) -> FloatArray:
    """Return (M,), summing to 1, where in the piece a session begins: anywhere in a still opening."""
    where = np.zeros(len(table), np.float32)
    where[: int(table.rest[0]) + 1] = 1.0
    where[0] = max(1.0, 0.5 * where.sum())
    opening: FloatArray = where / where.sum()
    return opening
