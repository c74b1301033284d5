"""Where in the whole piece could the performer be, and on which side? A coarse row over everything.

It runs beside the fine row that follows, ten times a second, over all of the piece and for both mirror
images. Any moment can be reached by a jump at a small price, the beginning at a smaller one. A place far from
where the fine row is must therefore explain the performer clearly better, for some time, before most of the
probability is there: the sustained, clear margin without which a chorus would be mistaken for its repetition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from posesync.pose.types import FloatArray

from .observation import Observation
from .position_filter import Evidence, Likeness, PositionFilter, SpeedModel
from .reference_table import ReferenceTable


@dataclass(frozen=True, slots=True)
class RelocaliserSettings:
    """How readily the performer is believed to be somewhere else.

    Attributes:
        period: s between two looks at the whole piece.
        jump: per second, how often a performer jumps to another place.
        to_start: share of these jumps that go to the beginning.
        start_prior: probability that a session starts at the beginning of the piece.
        mirror_prior: probability that a performer mirrors the expert.
        mirror_memory: s after which evidence about mirroring counts 1/e.
        neighbourhood: s around a place that count as the same place.
    """

    period: float = 0.1
    jump: float = 0.02
    to_start: float = 0.3
    start_prior: float = 0.9
    mirror_prior: float = 0.1
    mirror_memory: float = 15.0
    neighbourhood: float = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """A candidate place: cell of the coarse table, mirrored or not, and the probability around it."""

    cell: int
    time: float
    mirrored: bool
    probability: float


class Relocaliser:
    """The coarse row, for the performer as they are and mirrored."""

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
        self.filters = [
            PositionFilter(table, speeds, delay=delay, loop=loop) for _ in range(2 if mirror else 1)
        ]
        self._speed_prior = (0.8 * speeds.prior()).astype(np.float32)
        self._speed_prior[0] = 0.2
        prior = settings.mirror_prior
        self._log_prior = np.log([1.0 - prior, prior]) if mirror else np.zeros(1)
        self._reach = max(1, round(settings.neighbourhood / table.cell))
        self.difference = np.zeros((len(self.filters), len(table)), np.float32)
        self.restart()

    def restart(self) -> None:
        """Expect a performer who starts at the beginning, but perhaps not."""
        self.log_weights = self._log_prior.copy()
        for row in self.filters:
            row.belief[:] = self._anywhere(self.settings.start_prior)

    def spread(self, share: float) -> None:
        """Give ``share`` of the probability to every place alike: the performer was away."""
        for row in self.filters:
            row.belief *= 1.0 - share
            row.belief += share * self._anywhere(self.settings.to_start)

    def update(self, seen: Observation, dt: float, likeness: Likeness) -> None:
        """Let ``dt`` seconds pass and weigh in one pose, as seen and mirrored."""
        jumps = -np.expm1(-self.settings.jump * dt)
        evidence = np.zeros(len(self.filters))
        views = (seen, seen.mirrored()) if len(self.filters) > 1 else (seen,)
        for index, (row, view) in enumerate(zip(self.filters, views, strict=True)):
            row.predict(dt)
            row.belief *= 1.0 - jumps
            row.belief += jumps * self._anywhere(self.settings.to_start)
            cost, self.difference[index] = row.costs(view, dt, self.evidence, likeness)
            row.correct(cost)
            evidence[index] = row.log_evidence
        forget = np.exp(-dt / self.settings.mirror_memory)
        weights = self._log_prior + forget * (self.log_weights - self._log_prior) + evidence
        self.log_weights = weights - weights.max()

    def wait(self, dt: float) -> None:
        """Let ``dt`` seconds pass without seeing anyone."""
        self.spread(float(-np.expm1(-0.5 * dt)))

    @property
    def side_probability(self) -> FloatArray:
        """P(as the expert), P(mirrored)."""
        weights = np.exp(self.log_weights)
        shares: FloatArray = weights / weights.sum()
        return shares

    def places(self) -> FloatArray:
        """(sides, M): probability within the neighbourhood of each cell, sides weighed."""
        belief = np.stack([row.belief.sum(axis=0) for row in self.filters])
        belief *= self.side_probability[:, None].astype(np.float32)
        total = np.zeros((len(belief), belief.shape[1] + 2 * self._reach + 1), np.float32)
        np.cumsum(belief, axis=1, out=total[:, self._reach + 1 : self._reach + 1 + belief.shape[1]])
        total[:, self._reach + 1 + belief.shape[1] :] = total[:, [self._reach + belief.shape[1]]]
        span = 2 * self._reach + 1
        return total[:, span:] - total[:, :-span] if span < total.shape[1] else total[:, -1:]

    def best(self) -> Place:
        """Return the most probable place, at the mean of its neighbourhood."""
        around = self.places()
        side, cell = np.unravel_index(int(np.argmax(around)), around.shape)
        belief = self.filters[side].belief
        lo, hi = max(0, int(cell) - self._reach), min(len(self.table), int(cell) + self._reach + 1)
        mass = belief[:, lo:hi].sum(axis=0)
        mean = float((mass * np.arange(lo, hi)).sum() / max(float(mass.sum()), 1e-30))
        return Place(
            round(mean), self.table.start + mean * self.table.cell, bool(side), float(around[side, cell])
        )

    def near(self, time: float, *, is_mirrored: bool) -> float:
        """Return the probability that the performer is around ``time`` s, on that side."""
        cell = round((time - self.table.start) / self.table.cell)
        around = self.places()
        return float(
            around[int(is_mirrored) if len(around) > 1 else 0, np.clip(cell, 0, around.shape[1] - 1)]
        )

    def fit_near(self, time: float, *, is_mirrored: bool) -> float:
        """Return how well the place around ``time`` s on that side fits: its least pose difference, rad²."""
        cell = round((time - self.table.start) / self.table.cell)
        row = self.difference[int(is_mirrored) if len(self.difference) > 1 else 0]
        return float(row[max(0, cell - self._reach) : cell + self._reach + 1].min())

    def _anywhere(self, at_start: float) -> FloatArray:
        """(S, M): ``at_start`` in the first cell, the rest even."""
        count = len(self.table)
        where = np.full(count, (1.0 - at_start) / count, np.float32)
        where[0] += at_start
        return self._speed_prior[:, None] * where
