"""Measures progress: the share of the piece that was followed, and how often its movement was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from posesync.pose.types import FloatArray

from .reference_table import ReferenceTable

#: s, grid on which the piece is examined.
_STEP: Final = 0.1
#: The end meets the beginning when they differ by less than this share of the difference of two random poses.
_CLOSED: Final = 0.5
#: A period leads away from the first pose by more than the first share, and back to less than the second, of
#: the farthest the piece leads away.
_AWAY: Final = 0.5
_BACK: Final = 0.25
#: Two periods are alike when, warped onto each other, they differ by less than this share of the difference
#: of two random poses.
_ALIKE: Final = 0.5
#: s of a period, at most: what takes longer is a piece, not an exercise.
_LONGEST: Final = 30.0
#: Share of a period that must have been followed for it to count.
_MOST: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """How often a piece repeats its movement.

    Attributes:
        ends: (P,) s in the reference at which each period ends; the last is the end of the piece.
        closed: the piece is one movement, once or several times, whose end meets its own beginning, so it can
            be repeated without a break. A dance may end in the pose in which it began, yet is done once.
    """

    ends: FloatArray
    closed: bool

    @classmethod
    def of(cls, table: ReferenceTable) -> Periods:
        """Return the periods of a piece.

        A piece that leads away from its first pose and back several times, each time alike, has that many
        periods; any other piece has one.
        """
        end = np.array([table.start + table.span])
        if len(table) < 2:
            return cls(end, closed=False)
        cells = np.unique([*np.arange(0, len(table), max(1, round(_STEP / table.cell))), len(table) - 1])
        spread, away = table.spread(), table.differences(cells[:1], cells)[0]
        excursions = _excursions(np.sqrt(away))
        if away[-1] >= _CLOSED * spread or not excursions:
            return cls(end, closed=False)
        first = cells[slice(*excursions[0])]
        for other in excursions[1:]:
            again = cells[slice(*other)]
            if max(len(first), len(again)) > _LONGEST / _STEP:
                return cls(end, closed=False)
            if _warped(table.differences(first, again)) > _ALIKE * spread:
                return cls(end, closed=False)
        ends = [table.start + cells[back - 1] * table.cell for _, back in excursions[:-1]]
        return cls(np.array([*ends, *end]), closed=True)


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a piece begins and ends for a performer, s in the reference.

    Attributes:
        start: its first moment.
        end: its last.
        finish: where the expert's closing stillness begins; from here on everything is done.
        onset: past the end, where the movement of the next repetition begins. A performer who stands still at
            the end of a piece might as well stand at its beginning: it begins again with the first movement.
        again: the piece can be done again and again without a break.
    """

    start: float
    end: float
    finish: float
    onset: float
    again: bool

    @classmethod
    def of(cls, table: ReferenceTable, *, again: bool, loop: bool, within: float) -> Ends:
        """Return the ends of a piece; without a closing stillness it is done ``within`` s of its end."""
        end = table.start + table.span
        stands = bool(table.still[-1])
        finish = table.start + float(table.passage[-1]) * table.cell if stands else end - within
        opening = float(table.rest[0]) + 1.0 if table.still[0] and (stands or not loop) else 0.0
        return cls(table.start, end, finish, end + (1.0 + opening) * table.cell, again)


def _excursions(distance: FloatArray) -> list[tuple[int, int]]:
    """Return (from, to) of each stretch that leads away from the first pose and back."""
    far = float(distance.max())
    found: list[tuple[int, int]] = []
    begin, away = 0, False
    for k, value in enumerate(distance.tolist()):
        if value > _AWAY * far:
            away = True
        elif value < _BACK * far:
            if away:
                found.append((begin, k + 1))
            if away or not found:
                begin = k
            away = False
    return [(a, b) for a, b in found if b > a]


def _warped(differences: FloatArray) -> float:
    """Return the mean difference along the cheapest warping path."""
    rows, columns = differences.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros((rows + 1, columns + 1))
    total[0, 0] = 0.0
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            from_ = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda ij: total[ij])
            total[i, j] = total[from_] + differences[i - 1, j - 1]
            steps[i, j] = steps[from_] + 1
    return float(total[-1, -1] / steps[-1, -1])


class Progress:
    """Keeps account of what the performer has done of the piece since they began it.

    Args:
        table: the expert.
        periods: the expert's periods.
    """

    def __init__(self, table: ReferenceTable, periods: Periods) -> None:
        self._start, self._cell = table.start, table.cell
        # Only movement counts as work: standing still is no part of it.
        self._work = table.motion * (1.0 + 1e-6) * ~table.still + 1e-9
        self._ends = periods.ends
        self.reset()

    def reset(self) -> None:
        """Forget the performer."""
        self.finished = 0
        self.restart()

    def restart(self) -> None:
        """Begin a new repetition: nothing of the piece has been done."""
        self._done: npt.NDArray[np.bool_] = np.zeros(len(self._work), bool)
        self._since = self._start
        self._next = 0

    def follow(self, before: float, place: float) -> None:
        """Note that the performer moved on from ``before`` s to ``place`` s."""
        a, b = round((before - self._start) / self._cell), round((place - self._start) / self._cell)
        self._done[max(0, a) : b + 1] = True
        while self._next < len(self._ends) - 1 and place >= self._ends[self._next]:
            self._count(float(self._ends[self._next]))

    def jump(self, place: float) -> None:
        """Note that the performer was found at ``place`` s."""
        self._since = place
        self._next = int(np.searchsorted(self._ends[:-1], place, side="right"))

    def complete(self) -> None:
        """Note that the performer reached the end of the piece."""
        if self._next < len(self._ends):
            self._count(float(self._ends[-1]))

    def _count(self, end: float) -> None:
        begin = float(self._ends[self._next - 1]) if self._next else self._start
        if end - max(self._since, begin) >= _MOST * (end - begin):
            self.finished += 1
        self._since = end
        self._next += 1

    @property
    def share(self) -> float:
        """Share of the movement in the piece that was followed, 0..1."""
        return float(self._work[self._done].sum() / self._work.sum())
