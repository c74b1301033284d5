"""Finds the practised part of a reference, and the first moment in it at which the expert is seen."""

from __future__ import annotations

from posesync.pose.features import keypoint_weights
from posesync.reference import Reference

from .framing import SEEN, SOMEBODY


def practised_span(reference: Reference, section: tuple[float | None, float | None]) -> tuple[float, float]:
    """Return the practised part of the reference, (from, to) s.

    Args:
        reference: the expert's.
        section: the part asked for, (from, to) s; None stands for the beginning or the end.
    """
    first, last = float(reference.times[0]), float(reference.times[-1])
    begin = max(first, section[0] or 0.0)
    end = last if section[1] is None else min(last, section[1])
    return begin, max(end, begin + 1e-3)


def opening_time(reference: Reference, span: tuple[float, float]) -> float:
    """Return the first moment at which the expert is seen, s; it is shown until the performer is found.

    Many videos begin with an empty room.

    Args:
        reference: the expert's.
        span: (from, to) s to search; ``from`` is returned when nobody is seen in it.
    """
    times = reference.times
    seen = (keypoint_weights(reference.keypoints[..., 2]) >= SEEN).sum(axis=1) >= SOMEBODY
    found = times[seen & (times >= span[0]) & (times <= span[1])]
    return float(found[0]) if len(found) else span[0]
