"""Divides a piece into parts: the sections that a log names, else parts of a round length."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from posesync.pose.textual import clean_text, moment, number

#: Parts of equal length, and named sections that are read, at most.
MOST_PARTS: Final = 10
MOST_NAMED: Final = 60
#: s; lengths that are easy to find again in a video and long enough to be practised.
_LENGTHS: Final = (2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class SectionSpan:
    """A part of the piece.

    Attributes:
        start: s in the reference.
        end: s, later than ``start``.
        name: shown to the user, never empty.
    """

    start: float
    end: float
    name: str


def section_spans(named: object, span: tuple[float, float]) -> tuple[SectionSpan, ...]:
    """Return the parts within ``span`` (s, s).

    Args:
        named: a list of [from s, to s, name] from the log's header, which is untrusted input.
        span: the part of the piece that the report shows.
    """
    found = [part for entry in _entries(named) if (part := _named(entry, span))]
    return tuple(sorted(found, key=lambda part: part.start)) or _equal(span)


def _entries(named: object) -> list[object]:
    return named[:MOST_NAMED] if isinstance(named, list) else []


def _named(entry: object, span: tuple[float, float]) -> SectionSpan | None:
    if not isinstance(entry, list) or len(entry) != 3:
        return None
    start, end = number(entry[0], 0.0, 1e6), number(entry[1], 0.0, 1e6)
    if start is None or end is None or end <= start or end <= span[0] or start >= span[1]:
        return None
    return SectionSpan(start, end, clean_text(entry[2], 60) or f"{moment(start)} – {moment(end)}")


def _equal(span: tuple[float, float]) -> tuple[SectionSpan, ...]:
    first, last = span
    length = next((s for s in _LENGTHS if last - first <= s * MOST_PARTS), (last - first) / MOST_PARTS)
    cuts = np.arange(np.floor(first / length), np.ceil(last / length) + 1) * length
    # A remainder too short for a part of its own is added to the one before it.
    inner = [float(cut) for cut in cuts if first + 0.3 * length < cut < last - 0.3 * length]
    bounds = [first, *inner, last]
    return tuple(SectionSpan(a, b, f"{moment(a, length)} – {moment(b, length)}") for a, b in pairwise(bounds))
