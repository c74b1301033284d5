"""Several performances of one piece, brought onto one clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from posesync.configs.shared import SHARED
from posesync.pose.errors import InvalidDataError
from posesync.pose.types import FloatArray

from .align import align
from .reference import Reference

#: Longest unmatched beginning and end, s, of one take against another.
_OPEN_ENDS: Final = 1.0
#: s; a section shorter than this is over before it can be followed.
SHORTEST_SECTION: Final = SHARED.limits.shortest_taken
#: s; between samples further apart than this nothing is interpolated.
_LONGEST_STEP: Final = 0.25


def on_one_clock(takes: Sequence[Reference]) -> list[Reference]:
    """Return every take warped onto the first: sample k of each shows the moment ``takes[0].times[k]``.

    A moment of the first take that another take lacks becomes a sample without a person there.

    Args:
        takes: the same piece, performed once or more; the first gives the clock.

    Raises:
        InvalidDataError: no take, or one that has nothing in common with the first.
    """
    if not takes:
        raise InvalidDataError("no reference given, expected one or more takes of a piece: name at least one")
    first = takes[0]
    return [first, *(_warped(first, other) for other in takes[1:])]


def section(reference: Reference, start: float | None, end: float | None) -> Reference:
    """Return the part of a reference from ``start`` to ``end`` s, on its own clock (it begins at ``start``).

    Raises:
        InvalidDataError: the section holds no sample, its end is not after its start, or it is shorter than
            SHORTEST_SECTION.
    """
    low = -np.inf if start is None else start
    high = np.inf if end is None else end
    inside = (reference.times >= low - 1e-9) & (reference.times <= high + 1e-9)
    if not low < high or not inside.any():
        raise InvalidDataError(
            f"the section from {'the beginning' if start is None else f'{start:g} s'} to "
            f"{'the end' if end is None else f'{end:g} s'} is empty, "
            f"expected a part of {reference.times[0]:.1f} … "
            f"{reference.times[-1]:.1f} s: choose a later end or an earlier start"
        )
    length = min(high, float(reference.times[-1])) - max(low, float(reference.times[0]))
    if length < SHORTEST_SECTION - 1e-9:
        raise InvalidDataError(
            f"a section of {length:.2f} s, expected {SHORTEST_SECTION:g} s or more of the piece "
            f"({reference.times[0]:.1f} … {reference.times[-1]:.1f} s): "
            "choose a later end or an earlier start"
        )
    return Reference.from_keypoints(
        reference.keypoints[inside], reference.times[inside], origin=reference.origin
    )


def _warped(first: Reference, other: Reference) -> Reference:
    open_ends = min(_OPEN_ENDS, 0.2 * min(first.duration, other.duration))
    path = align(first, other, open_ends=open_ends)
    wanted = path.time_in_b(first.times)
    inside = (first.times >= path.times_a[0]) & (first.times <= path.times_a[-1])
    keypoints = _at(other, wanted)
    keypoints[~inside] = 0.0
    return Reference.from_keypoints(keypoints, first.times, origin=other.origin)


def _at(reference: Reference, times: FloatArray) -> FloatArray:
    """Return (N, 17, 3) at ``times``, linear between neighbours in which a keypoint is seen."""
    right = np.clip(np.searchsorted(reference.times, times), 1, max(1, len(reference) - 1))
    if len(reference) == 1:
        return np.repeat(reference.keypoints, len(times), axis=0).astype(np.float64)
    left = right - 1
    step = reference.times[right] - reference.times[left]
    share = np.clip((times - reference.times[left]) / step, 0.0, 1.0)[:, None, None]
    a, b = reference.keypoints[left], reference.keypoints[right]
    between = a * (1.0 - share) + b * share
    both = (a[..., 2] > 0) & (b[..., 2] > 0) & (step < _LONGEST_STEP)[:, None]
    nearest = np.where(share < 0.5, a, b)
    out: FloatArray = np.where(both[..., None], between, nearest)
    return out
