"""Judges whether the performer does this piece at all, from the last seconds in which something moved.

A performer who does something else can be aligned with the piece too: a row of time warping always finds the
cheapest path. The test is whether the path explains the performer *better than chance*: better than any other
moment of the piece would. These numbers measure it, over leaky windows that forget with movement (a performer
who stands still provides no evidence):

* how well the path fits, compared with the mean over all moments of the piece;
* where it lies between the best moment and the mean one, and how much worse it is than the best: a performer
  of the piece passes through it in order, anybody else matches it only by jumping about;
* the share of movement, the performer's and the expert's together, that the alignment leaves unexplained;
* how well the movement agrees in direction, however large it is.

All are ratios, so another body, another camera or another kind of keypoints, whose offsets are the same
everywhere, change them little. They are taken over a short window, which notices a change soon, and over a
long one, which is hard to fool.
"""

from __future__ import annotations

import math

import numpy as np
from posesync.pose.embedding import EMBEDDING_SIZE, NUM_SEGMENT_VALUES
from posesync.pose.types import FloatArray

from .observation import Observation
from .reference_table import ReferenceTable
from .settings import RecognitionSettings

#: Leaky sums: of the weight itself, the difference along the path, the least and the mean difference of the
#: piece, the performer's movement, the expert's, what they share, what is left, and what jitter explains.
_SUMS = 9
_MASS, _PATH, _LEAST, _MEAN, _LIVE, _EXPECTED, _SHARED, _LEFT, _JITTER = range(_SUMS)
#: s between two looks at the performer: seconds of movement are weighed here.
_EVERY = 0.05
#: Values of the sums for each second of the prior, a middling performer: differences in units of the piece's
#: own spread, movement in units of its liveliest tenth.
_PRIOR = np.array([1.0, 0.6, 0.3, 1.0, 0.1, 0.1, 0.04, 0.12, 0.01])


class Recognition:
    """Leaky evidence for or against the performer doing this piece.

    Args:
        table: the expert.
        settings: what separates performers of the piece from others.
        delay: age of a live velocity, s.

    Attributes:
        features: (14,) for the short window: fit relative to the mean, place between best and mean, movement
            left, agreement, fit relative to the best, the same times the piece's length, and 0; then the same
            for the long window, with the length (log s of movement) in place of the 0.
        score: nats for the piece.
        absent: the performer does something else.
    """

    def __init__(self, table: ReferenceTable, settings: RecognitionSettings, delay: float) -> None:
        self._table, self._settings, self._delay = table, settings, delay
        self._spread = table.spread()
        self._lively = table.lively
        d, v = EMBEDDING_SIZE, NUM_SEGMENT_VALUES
        self._takes = []
        for pose, motion in zip(table.pose_rows, table.motion_rows, strict=True):
            w, u = pose[:, 2 * d :], motion[:, 2 * v :]
            self._takes.append(
                (pose[:, d : 2 * d] / np.maximum(w, 1e-9), w, motion[:, v : 2 * v] / np.maximum(u, 1e-9), u)
            )
        # The longer a piece, the more moments a stranger's pose may resemble by chance.
        self._length = math.log(max(float((~table.still).sum()) * table.cell, 0.5))
        self._weights = np.array(settings.weights)
        self._memories = np.array(settings.memories)
        self.reset()

    def reset(self) -> None:
        """Forget the performer."""
        self._sums: FloatArray = np.zeros((2, _SUMS))
        self._odd = self._waited = 0.0
        self.absent = False
        self._measure()

    @property
    def mass(self) -> float:
        """Seconds of full movement in the long window."""
        return float(self._sums[1, _MASS])

    @property
    def met(self) -> bool:
        """Whether the performer has shown that they do the piece."""
        return self.score > 0.0 and self.mass > self._settings.judged

    def relocated(self) -> None:
        """Discount the evidence: the performer was found elsewhere, and it says little about this place."""
        self._sums *= self._settings.kept
        self._measure()

    def update(
        self, seen: Observation, place: float, speed: float, least: float, mean: float, dt: float
    ) -> None:
        """Add one pose to the evidence.

        Args:
            seen: the pose.
            place: s in the reference where the performer is believed to be.
            speed: relative to the expert's.
            least: the least difference to any pose of the piece.
            mean: the mean difference to all of them.
            dt: s since the last one.
        """
        settings = self._settings
        self._waited += dt
        if self._waited < _EVERY:
            return
        dt, self._waited = self._waited, 0.0
        last = len(self._table) - 1
        offset = (place - self._table.start) / self._table.cell
        cell = min(max(round(offset), 0), last)
        past = min(max(round(offset - speed * self._delay / self._table.cell), 0), last)
        path, velocity, trust = self._nearest(seen, cell, past)
        q = seen.velocity_weights * trust
        expected = speed * velocity
        weighed = q * seen.velocity
        scale = 1.0 / (max(float(q.sum()), 1e-6) * self._lively**2)
        live, shared = float(weighed @ seen.velocity) * scale, float(weighed @ expected) * scale
        theirs = float((q * expected) @ expected) * scale
        moving = math.sqrt(max(live, theirs))
        step = dt * (moving / (moving + settings.half_motion) + settings.rest)
        spread = self._spread
        new = np.array([
            1.0, path / spread, min(least, path) / spread, mean / spread,
            live, theirs, shared, max(live - 2.0 * shared + theirs, 0.0), (seen.jitter / self._lively) ** 2,
        ])  # fmt: skip
        self._sums *= np.exp(-step / self._memories)[:, None]
        self._sums += step * new
        self._measure()
        judged = self.mass > settings.judged
        self._odd = self._odd + dt if self.score < settings.absent and judged else 0.0
        self.absent = self.score < settings.present if self.absent else self._odd > settings.dwell

    def _nearest(self, seen: Observation, cell: int, past: int) -> tuple[float, FloatArray, FloatArray]:
        """Return the difference, the expert's velocity and its weight, of the nearest take."""
        prior = 0.1 * EMBEDDING_SIZE
        found = None
        for z, w, velocities, trusts in self._takes:
            weight = seen.pose_weights * w[cell]
            difference = seen.pose - z[cell]
            path = (float(weight @ (difference * difference)) + self._spread * prior) / (
                float(weight.sum()) + prior
            )
            if found is None or path < found[0]:
                found = path, velocities[past], trusts[past]
        assert found is not None
        return found

    def _measure(self) -> None:
        sums = self._sums + self._settings.prior * _PRIOR
        sums /= sums[:, [_MASS]]
        path, least, mean, live, theirs, shared, left, jitter = sums.T[1:]
        order = np.log((path + 0.05) / (least + 0.05))
        self.features = np.array([
            np.log(path / mean),
            (path - least) / (mean - least + 0.05),
            left / (live + theirs + jitter),
            shared / np.sqrt(live * theirs),
            order,
            self._length * order,
            [0.0, self._length],
        ]).T.reshape(-1)  # fmt: skip
        self.score = float(self.features @ self._weights) + self._settings.bias
