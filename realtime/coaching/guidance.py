"""Decides how much of the expert is shown: everything, the ghost only at mistakes, or nothing.

Guidance that stays makes performers dependent on it; withdrawn as they learned, it doubled what they
remembered a week later (Anderson et al., YouMove, UIST 2013). Pure logic: the clock is passed in.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from posesync.pose.errors import InvalidDataError

from .settings import GuidanceLevel, GuidanceSettings


@dataclass(frozen=True, slots=True)
class Shown:
    """What to draw.

    Attributes:
        expert: the expert's picture.
        ghost: the expert's pose on the performer.
        level: the guidance level at this place of the piece.
    """

    expert: bool
    ghost: bool
    level: GuidanceLevel


@dataclass(slots=True)
class _Section:
    level: GuidanceLevel
    good_runs: int = 0


@dataclass(slots=True)
class _Run:
    """One run through a section: where it began and how well it went."""

    section: int
    first: float
    last: float
    seconds: float = 0.0
    sum: float = 0.0


class Guidance:
    """Keeps the level of each section, and decides whether expert and ghost are shown now.

    Args:
        sections: (from, to) s of the piece, in order, not overlapping; a gap between two belongs to the one
            before it.
        settings: thresholds.

    Raises:
        InvalidDataError: no section, or sections that are empty or out of order.
    """

    #: Share of a section that a run must cover to count.
    COVERED = 0.6
    #: s; two samples further apart than this do not belong to one run.
    GAP = 1.0

    def __init__(
        self, sections: Sequence[tuple[float, float]], settings: GuidanceSettings | None = None
    ) -> None:
        if not sections or any(not a < b for a, b in sections):
            raise InvalidDataError(
                "guidance needs sections (from, to) with from < to: give the whole piece as one"
            )
        if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(sections)):
            raise InvalidDataError("the sections overlap or are out of order: sort them by time")
        self.settings = settings or GuidanceSettings()
        self._bounds = tuple(sections)
        self._starts = [a for a, _ in sections]
        self._sections = [_Section(self.settings.level) for _ in sections]
        self._run: _Run | None = None
        self._time: float | None = None
        self._score: float | None = None
        self._here = 0
        self._ghost_since: float | None = None
        self.changed: tuple[int, GuidanceLevel] | None = None

    @property
    def level(self) -> GuidanceLevel:
        """The level where the performer is, or was last."""
        return self._sections[self._here].level

    def next(self) -> GuidanceLevel:
        """Lower the level of the whole piece by one, and from NONE back to FULL, as the key does."""
        level = GuidanceLevel.FULL if self.level is GuidanceLevel.NONE else self.level.less
        self.choose(level)
        return level

    def choose(self, level: GuidanceLevel) -> None:
        """Set the level of the whole piece from now on."""
        for section in self._sections:
            section.level, section.good_runs = level, 0
        self._ghost_since = None

    def update(self, time: float, position: float | None, score: float | None) -> Shown:
        """Add one moment and return what to show.

        Args:
            time: s, any clock that only goes forward.
            position: s in the piece, None while it is not known.
            score: form, 0..100, or None.

        Returns:
            What to show now. :attr:`changed` holds (section, new level) when this moment changed a level,
            else None.
        """
        self.changed = None
        elapsed = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time
        if position is None:
            self._leave()
        else:
            self._follow(position, score, elapsed)
        self._score = score
        return self._shown(time, score)

    def shown_now(self) -> Shown:
        """What to show of the last moment, with the level that is in force now."""
        return self._shown(0.0 if self._time is None else self._time, self._score)

    def finish(self) -> None:
        """End the run and let it count: the piece is over, or begins again."""
        self._leave()

    def _follow(self, position: float, score: float | None, elapsed: float) -> None:
        self._here = max(0, bisect_right(self._starts, position) - 1)
        run = self._run
        if run is not None and (
            run.section != self._here or position < run.last - 0.05 or elapsed > self.GAP
        ):
            self._leave()
            run = None
        if run is None:
            self._run = run = _Run(self._here, position, position)
            elapsed = 0.0
        run.last = max(run.last, position)
        if score is not None:
            run.seconds += elapsed
            run.sum += score * elapsed

    def _leave(self) -> None:
        """Judge the run that ended, if it covered enough of its section."""
        run, self._run = self._run, None
        if run is None or run.seconds <= 0.0 or not self.settings.automatic:
            return
        begin, end = self._bounds[run.section]
        if min(run.last, end) - max(run.first, begin) < self.COVERED * (end - begin):
            return
        section, mean, settings = self._sections[run.section], run.sum / run.seconds, self.settings
        before = section.level
        if mean < settings.poor:
            section.level, section.good_runs = before.more, 0
        elif mean < settings.good:
            section.good_runs = 0
        else:
            section.good_runs += 1
            if section.good_runs >= settings.runs:
                section.level, section.good_runs = before.less, 0
        if section.level is not before:
            self.changed = run.section, section.level

    def _shown(self, time: float, score: float | None) -> Shown:
        level = self.level
        if level is not GuidanceLevel.MISTAKES:
            self._ghost_since = None
            full = level is GuidanceLevel.FULL
            return Shown(expert=full, ghost=full, level=level)
        return Shown(expert=True, ghost=self._errs(time, score), level=level)

    def _errs(self, time: float, score: float | None) -> bool:
        settings, since = self.settings, self._ghost_since
        if score is not None and score < settings.mistake:
            self._ghost_since = time if since is None else since
        elif since is not None and time - since >= settings.least:
            mended = score is None or score >= settings.mistake + settings.relief
            self._ghost_since = None if mended else since
        return self._ghost_since is not None
