"""One row of online time warping, in its probabilistic form.

State: where in the expert's video (a cell) and how fast (one of a few speeds, 0 among them). Each live frame
pays exactly once, whatever it aligns to: that is the asymmetric step pattern, which makes the scores of all
cells comparable as they are, without a length normalisation and so with an open end. A path may stay, or
advance by speed × elapsed time; changing speed has a price. Where classic DTW takes the minimum over
predecessors, the row takes the soft minimum (Cuturi & Blondel, 2017), that is, the forward algorithm of a
hidden Markov model (Rabiner, 1989): its values are probabilities, from which confidence, HOLDING and LOST
follow without further thresholds on costs.

A performer may spend any time in a passage in which the expert stands still: from each of its cells the rest
of it can be left out.

Beside the probability of each state the row can carry where its paths were at some earlier moment (an
*anchor*): their mean, given everything seen since, is the fixed-lag smoother's estimate of that moment.
"""

from __future__ import annotations

import numpy as np
from posesync.pose.types import FloatArray

from .evidence import Likeness, pose_difference, price, speed_rates
from .observation import Observation
from .reference_table import ReferenceTable
from .settings import Evidence, SpeedModel

#: s; a longer gap between two frames is not treated as movement to be followed.
LONGEST_STEP = 0.5
#: s between two moments at which the rest of a passage of stillness may be left out.
_SKIP_EVERY = 0.09


class WarpingRow:
    """One row of time warping: P(speed, cell), updated in place.

    Args:
        table: the expert.
        speeds: how a performer's speed changes.
        delay: age of a live velocity, s.
        loop: hypotheses that run past the last cell begin again with the first; otherwise they wait there.
        anchors: how many earlier moments are carried along.

    Attributes:
        belief: (S, M) float32, sums to 1.
        log_evidence: log-likelihood of the last frame under everything believed before it, nats.
    """

    def __init__(
        self,
        table: ReferenceTable,
        speeds: SpeedModel,
        *,
        delay: float,
        loop: bool = False,
        anchors: int = 0,
    ) -> None:
        self.table = table
        self.speeds = np.array(speeds.speeds, np.float32)
        self.log_evidence = 0.0
        self._landing = 0 if loop else -1
        self._pace = np.array(speeds.speeds)
        self._skip = speeds.skip
        self._unskipped = 0.0
        # Zeros on both sides, so that what comes from before the first cell or runs past the last one needs
        # no special case.
        self._pad = pad = int(LONGEST_STEP / table.cell * self._pace.max()) + 2
        count = len(self.speeds)
        layers = np.zeros((1 + anchors, count, pad + len(table) + pad), np.float32)
        self._layers = layers[:, :, pad : pad + len(table)]
        self._flat = layers.reshape(1 + anchors, -1)
        self._starts = pad + np.arange(count) * layers.shape[2]
        self._range = np.arange(len(table) + pad)
        self.belief = self._layers[0]
        self._used = 1
        self._window = 0, len(table)
        self._generator = speed_rates(speeds)
        self._transitions: dict[int, FloatArray] = {}
        self._delays = [round(speed * delay / table.cell) for speed in speeds.speeds]

    # -- prediction ------------------------------------------------------------------------------------------

    def predict(self, dt: float, lo: int = 0, hi: int | None = None) -> None:
        """Let ``dt`` seconds pass: every hypothesis advances by its speed, then speeds mix.

        Only cells ``lo`` … ``hi`` − 1 are kept. Hypotheses that would run past the last cell of the piece
        wait in it, or begin again with the first when the piece is a loop.
        """
        hi = len(self.table) if hi is None else hi
        moved = self.advanced(dt, lo, hi)
        old_lo, old_hi = self._window
        layers = self._layers[: self._used]
        layers[:, :, old_lo : min(lo, old_hi)] = 0.0
        layers[:, :, max(hi, old_lo) : old_hi] = 0.0
        layers[:, :, lo:hi] = moved
        self._window = lo, hi

    def advanced(self, dt: float, lo: int, hi: int) -> FloatArray:
        """Return what :meth:`predict` puts into cells ``lo`` … ``hi`` − 1, (layers, S, hi − lo)."""
        at_end = hi == len(self.table)
        steps = min(dt, LONGEST_STEP) / self.table.cell * self._pace
        whole = steps.astype(np.intp)
        share = (steps - whole).astype(np.float32)[:, None]
        # One gather per neighbour: row s, cell j takes from cells j − whole and j − whole − 1 of that row.
        flat = self._flat[: self._used]
        source = (self._starts + lo - whole)[:, None] + self._range[: hi - lo + (self._pad if at_end else 0)]
        moved = flat.take(source, axis=1)
        source -= 1
        before = flat.take(source, axis=1)
        before -= moved
        before *= share
        moved += before
        if at_end:
            past = moved[:, :, hi - lo :].sum(axis=-1)
            moved = moved[:, :, : hi - lo]
            if self._landing < 0:
                moved[:, :, -1] += past
            elif lo == 0:
                moved[:, :, 0] += past
        out: FloatArray = np.matmul(self._transition(dt), moved)
        self._leave_out(out, dt, lo, hi)
        return out

    def _leave_out(self, moved: FloatArray, dt: float, lo: int, hi: int) -> None:
        """Move a share of the belief in a passage of stillness to the later cells of that passage."""
        # This changes little from frame to frame: some ten times a second is enough.
        self._unskipped += dt
        if self._unskipped < _SKIP_EVERY:
            return
        dt, self._unskipped = self._unskipped, 0.0
        rest = self.table.rest[lo:hi]
        if not self._skip or not rest.any():
            return
        leaving = moved * (-np.expm1(-self._skip * dt) * (rest > 0.0)).astype(np.float32)
        moved -= leaving
        # Each cell's share spreads evenly over the later cells of its passage: a running sum minus its value
        # where the passage begins.
        leaving /= np.maximum(rest, 1.0)
        summed = np.cumsum(leaving, axis=-1)
        summed -= leaving
        begin = self.table.passage[lo:hi] - lo
        summed -= summed.take(np.maximum(begin, 0), axis=-1)
        summed *= begin >= -lo
        moved += summed

    def _transition(self, dt: float) -> FloatArray:
        key = round(dt * 1000)
        if key not in self._transitions:
            if len(self._transitions) > 256:
                self._transitions.clear()
            step = self._generator * (max(key, 1) / 1000 / 64)
            matrix = np.linalg.matrix_power(np.eye(len(step)) + step, 64)
            self._transitions[key] = matrix.astype(np.float32)
        return self._transitions[key]

    # -- correction ------------------------------------------------------------------------------------------

    def correct(self, cost: FloatArray, lo: int = 0) -> None:
        """Multiply every hypothesis by exp(−``cost``), (S, n) nats for n cells from ``lo`` on; normalise."""
        part = self._layers[: self._used, :, lo : lo + cost.shape[1]]
        best = float(cost.min())
        part *= np.exp(best - cost)
        total = float(part[0].sum())
        if not total > 1e-30:
            part[0] = 1.0 / part[0].size
            part[1:] = part[0] * np.arange(lo, lo + cost.shape[1], dtype=np.float32)
            total = 1.0
        part /= total
        self.log_evidence = float(np.log(total)) - best

    def costs(
        self,
        seen: Observation,
        dt: float,
        evidence: Evidence,
        likeness: Likeness,
        lo: int = 0,
        hi: int | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the cost of one frame in nats for every hypothesis, and the pose differences behind it.

        Returns:
            cost (S, n) and difference (n,), the weighted mean squared difference of pose entries.
        """
        hi = len(self.table) if hi is None else hi
        difference = pose_difference(self.table, seen, evidence, likeness, lo, hi)
        return price(
            self.table, self.speeds, self._delays, difference, seen, dt, evidence, likeness, lo
        ), difference

    # -- anchors ---------------------------------------------------------------------------------------------

    def drop_anchors(self) -> None:
        """Stop carrying earlier moments along."""
        lo, hi = self._window
        self._layers[1:, :, lo:hi] = 0.0
        self._used = 1

    def anchor(self) -> None:
        """Carry this moment along from now on."""
        lo, hi = self._window
        np.multiply(
            self.belief[:, lo:hi], np.arange(lo, hi, dtype=np.float32), out=self._layers[self._used, :, lo:hi]
        )
        self._used += 1

    def drop_oldest(self) -> None:
        """Stop carrying the oldest moment along."""
        lo, hi = self._window
        self._layers[1:-1, :, lo:hi] = self._layers[2:, :, lo:hi]
        self._layers[-1, :, lo:hi] = 0.0
        self._used -= 1

    def shift(self, cells: int) -> None:
        """Shift every place back by ``cells``, also at the anchors; what falls before cell 0 is forgotten."""
        layers = self._layers
        kept = layers[:, :, cells:].copy()
        layers[:] = 0.0
        layers[:, :, : kept.shape[2]] = kept
        layers[1:] -= cells * layers[:1]
        layers /= max(float(self.belief.sum()), 1e-30)
        lo, hi = self._window
        self._window = max(0, lo - cells), max(1, hi - cells)

    def origin(self, number: int, lo: int, hi: int) -> float:
        """Return the cell at anchor ``number`` (0: the oldest) of the paths in cells ``lo`` … ``hi`` − 1."""
        mass = float(self.belief[:, lo:hi].sum())
        return float(self._layers[1 + number, :, lo:hi].sum()) / max(mass, 1e-30)
