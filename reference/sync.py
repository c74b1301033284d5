"""Two recordings on one clock: matching moments, which of them is early, and how alike they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import Features, angle_mae, swap_left_right
from posesync.pose.types import FloatArray

from .align import Alignment, Metric, align, series
from .reference import Reference

#: s over which the path is averaged for display: a warping path of jittery poses is a staircase.
SMOOTHING: Final = 0.2
#: Share of the cost of a path below which the mirrored one is taken. By and large symmetrical movements cost
#: the same either way; then nobody is called mirrored.
MIRRORED_BELOW: Final = 0.85
#: Samples of either sequence that Kendall's tau is computed on, evenly spread.
TAU_SAMPLES: Final = 600


@dataclass(frozen=True, eq=False)
class Match:
    """An attempt warped onto the expert's recording.

    Attributes:
        expert: the expert's sequence.
        attempt: the attempt's.
        alignment: the path between them, ``a`` being the expert.
        mirrored: the attempt does the piece with left and right exchanged.
    """

    expert: Reference
    attempt: Reference
    alignment: Alignment
    mirrored: bool = False

    @cached_property
    def compared(self) -> Reference:
        """The expert's sequence as the attempt is compared with it: mirrored if the attempt is."""
        return mirror(self.expert) if self.mirrored else self.expert

    @property
    def begins(self) -> tuple[float, float]:
        """The first matched moment, s: the expert's and the attempt's."""
        return float(self.alignment.times_a[0]), float(self.alignment.times_b[0])

    @property
    def ends(self) -> tuple[float, float]:
        """The last matched moment, s: the expert's and the attempt's."""
        return float(self.alignment.times_a[-1]), float(self.alignment.times_b[-1])

    def attempt_times(self, expert_times: FloatArray) -> FloatArray:
        """Return the attempt's moments, s, that match moments of the expert; never falling where those rise.

        They are smooth, so that the picture does not stutter. Before the first and after the last matched
        moment both continue at their own pace, so the result may lie outside the recording.
        """
        path = self.alignment
        return _smooth(path.times_a, path.times_b, expert_times)

    def expert_times(self, attempt_times: FloatArray) -> FloatArray:
        """Return the expert's moments, s, that match moments of the attempt, like :meth:`attempt_times`."""
        path = self.alignment
        return _smooth(path.times_b, path.times_a, attempt_times)

    def matched(self, expert_times: FloatArray) -> npt.NDArray[np.bool_]:
        """Return (T,) whether each of the expert's moments lies on the path."""
        inside: npt.NDArray[np.bool_] = (expert_times >= self.begins[0] - 1e-9) & (
            expert_times <= self.ends[0] + 1e-9
        )
        return inside

    def lead(self, expert_times: FloatArray, attempt_times: FloatArray) -> FloatArray:
        """Return (T,) s by which the attempt would be early (+) or late (−), had both begun together."""
        lead: FloatArray = (expert_times - self.begins[0]) - (attempt_times - self.begins[1])
        return lead

    def angle_mae(self) -> float | None:
        """Angle-MAE over all matched pairs, degrees 0..180; None when no joint was seen in both."""
        i, j = self.alignment.path.T
        a, b = self.compared.features, self.attempt.features
        errors = angle_mae(Features(a.values[i], a.weights[i]), Features(b.values[j], b.weights[j]))
        return float(np.nanmean(errors)) if np.isfinite(errors).any() else None

    def kendall_tau(self) -> float | None:
        """Return how well the poses alone, without a path, order the two recordings alike: −1..1.

        Each of the expert's moments is paired with the attempt's most similar one; tau compares the order of
        these with the expert's (Dwibedi et al., *Temporal Cycle-Consistency Learning*, 2019). 1: the same
        order, every moment unlike all others; repeated movements and stillness lower it. None with fewer than
        two moments that can be compared.
        """
        sides = [_spread(reference) for reference in (self.expert, self.attempt)]
        if min(len(times) for times in sides) < 2:
            return None
        a, b = series(self.compared, self.attempt, sides[0], sides[1])
        squares = (b**2).sum(axis=1) - 2 * a @ b.T  # the squares of a are the same for every b
        return _tau_b(squares.argmin(axis=1))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        tau, error = self.kendall_tau(), self.angle_mae()
        lead = self.lead(self.alignment.times_a, self.alignment.times_b)
        return {
            "mirrored": self.mirrored,
            "expert_matched_s": [round(self.begins[0], 3), round(self.ends[0], 3)],
            "attempt_matched_s": [round(self.begins[1], 3), round(self.ends[1], 3)],
            "starts_later_s": round(self.begins[1] - self.begins[0], 3),
            "lead_s": {"min": round(float(lead.min()), 3), "max": round(float(lead.max()), 3),
                       "end": round(float(lead[-1]), 3)},
            "cost": round(self.alignment.cost, 4),
            "confidence": round(float(self.alignment.confidence.mean()), 3),
            "kendall_tau": None if tau is None else round(tau, 3),
            "angle_mae_degrees": None if error is None else round(error, 2),
        }  # fmt: skip


def mirror(reference: Reference) -> Reference:
    """Return the sequence of somebody who does the same with left and right exchanged."""
    return Reference.from_keypoints(
        swap_left_right(reference.keypoints), reference.times, origin=reference.origin
    )


def match(
    expert: Reference,
    attempt: Reference,
    *,
    window: float | None = None,
    open_ends: float | tuple[float, float] | None = None,
    metric: Metric = "features",
) -> Match:
    """Warp an attempt onto the expert's recording, as it is and mirrored, and return the better match.

    Raises:
        InvalidDataError: see :func:`align`.
    """
    plain = align(expert, attempt, window=window, open_ends=open_ends, metric=metric)
    try:
        turned = align(mirror(expert), attempt, window=window, open_ends=open_ends, metric=metric)
    except InvalidDataError:  # the part of the body that both show is on one side only
        return Match(expert, attempt, plain)
    mirrored = turned.cost < MIRRORED_BELOW * plain.cost
    return Match(expert, attempt, turned if mirrored else plain, mirrored)


def _spread(reference: Reference) -> FloatArray:
    """Return at most ``TAU_SAMPLES`` times at which somebody was seen."""
    times = reference.times[reference.seen]
    if len(times) <= TAU_SAMPLES:
        return times
    chosen: FloatArray = times[np.linspace(0, len(times) - 1, TAU_SAMPLES).round().astype(np.intp)]
    return chosen


def _tau_b(order: FloatArray) -> float:
    """Return Kendall's tau-b of a sequence with its own index; ties in it count for neither side."""
    upper = np.triu_indices(len(order), 1)
    signs = np.sign(np.subtract.outer(order, order).T[upper])
    untied = int((signs != 0).sum())
    return float(signs.sum() / np.sqrt(untied * len(signs))) if untied else 0.0


def _smooth(times_from: FloatArray, times_to: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return the path as a smooth function that never falls and continues at pace 1 beyond its ends.

    The average runs along the path, half over either clock: over one clock alone, a hold in the other would
    become a jump of the same height.
    """
    wanted = np.asarray(wanted, np.float64)
    way = times_from + times_to
    first, last = float(way[0]), float(way[-1])
    steps = max(2, int(np.ceil((last - first) / 0.005)))
    fine = np.linspace(first, last, steps)
    x, y = (_average(np.interp(fine, way, times), last - first) for times in (times_from, times_to))
    # Rounded, or floating-point noise would break one hold into many moments.
    known, group = np.unique(np.round(x, 9), return_inverse=True)
    mean = np.bincount(group, y) / np.bincount(group)
    if len(known) > 1:  # of a hold at either end, only the moment at which it meets the rest
        mean[0], mean[-1] = y[group == 0].max(), y[group == len(known) - 1].min()
    inside = np.interp(wanted, known, mean)
    before = np.minimum(wanted - known[0], 0.0)
    after = np.maximum(wanted - known[-1], 0.0)
    return np.asarray(inside + before + after)


def _average(values: FloatArray, length: float) -> FloatArray:
    """Return the moving average over ``SMOOTHING`` s of either clock; the ends stay where they are."""
    half = round(len(values) * min(2 * SMOOTHING / max(length, 1e-9), 0.5) / 2)
    if half < 1:
        return values
    before = 2 * values[0] - values[half:0:-1]
    after = 2 * values[-1] - values[-2 : -half - 2 : -1]
    total = np.cumsum(np.concatenate([[0.0], before, values, after]))
    averaged: FloatArray = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
    return averaged
