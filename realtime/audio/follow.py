"""When the expert's sound plays, and from where. Pure logic: the clock is passed in.

follow: the sound plays at its own speed while the performer keeps about that speed; when they stop or fall
out of it, it is held, and begins again with the next section or where they are. clock: the expert goes on at
their own speed whatever the performer does, who is told by how much they lead or lag.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from posesync.pose.errors import InvalidDataError
from posesync.realtime.coaching.confidence import HEARD_FROM
from posesync.realtime.tracking.position import Position, State


@dataclass(frozen=True, slots=True)
class Aim:
    """What the sound should do now.

    Attributes:
        playing: else it is held.
        time: s in the piece to move to; None stays where it is.
    """

    playing: bool
    time: float | None = None


class ExpertClock:
    """The expert's own clock in clock mode: stands until started, runs at the expert's speed, may loop.

    Args:
        begin: s in the piece.
        end: s in the piece, where it stands, or begins again.
        loop: the part begins again where it ends.

    Raises:
        InvalidDataError: ``end`` is not after ``begin``.
    """

    def __init__(self, begin: float, end: float, *, loop: bool = False) -> None:
        self._since: float | None = None
        self.practise(begin, end, loop=loop)

    @property
    def started(self) -> bool:
        """Started, and not reset since; also while paused."""
        return self._started

    @property
    def running(self) -> bool:
        """Started and not paused; also at the end."""
        return self._since is not None

    def start(self, now: float) -> None:
        """Run from the beginning of the part."""
        self._base, self._since, self._started = self.begin, now, True

    def pause(self, now: float) -> None:
        """Stand."""
        self._base, self._since = self.time(now), None

    def resume(self, now: float) -> None:
        """Run on from where it stands, if it was ever started."""
        if self._since is None and self._started:
            self._since = now

    def reset(self) -> None:
        """Stand at the beginning."""
        self._base, self._since, self._started = self.begin, None, False

    def practise(self, begin: float, end: float, *, loop: bool) -> None:
        """Stand at the beginning of another part.

        Raises:
            InvalidDataError: ``end`` is not after ``begin``.
        """
        if not begin < end:
            raise InvalidDataError(f"the part from {begin} to {end} s is empty: give begin < end")
        self.begin, self.end, self.loop = begin, end, loop
        self.reset()

    def time(self, now: float) -> float:
        """Where the expert is, s in the piece, ``begin`` … ``end``."""
        passed = self._base - self.begin + (0.0 if self._since is None else max(0.0, now - self._since))
        length = self.end - self.begin
        return self.begin + (passed % length if self.loop else min(passed, length))

    def ended(self, now: float) -> bool:
        """Whether the expert has arrived at the end; never in a loop."""
        return not self.loop and self.time(now) >= self.end

    def lead(self, position: float | None, now: float) -> float | None:
        """By how many s of the piece the performer is ahead of the expert (+) or behind (−).

        In a loop the shorter way round counts.

        Args:
            position: s in the piece (:attr:`Position.time`), or None where it is not known.
            now: s, the clock that :meth:`start` was given.
        """
        if position is None or self._since is None:
            return None
        lead = position - self.time(now)
        if self.loop:
            length = self.end - self.begin
            lead = (lead + length / 2) % length - length / 2
        return lead


class ClockSound:
    """Keeps the sound with an :class:`ExpertClock`.

    Args:
        clock: of the expert.
        tolerance: s by which the sound may be off the clock before it is moved: a sound card has a clock of
            its own, and nobody hears less.
        least: s between two such moves: a move is heard only after what the mixer already has.
    """

    def __init__(self, clock: ExpertClock, *, tolerance: float = 0.12, least: float = 1.0) -> None:
        self._clock = clock
        self._tolerance, self._least = tolerance, least
        self._playing = False
        self._moved_at = self._last = -math.inf

    def update(self, now: float, position: Position, heard: float | None) -> Aim:
        """What the sound should do at ``now`` s, when ``heard`` (s in the piece) is what sounds."""
        del position  # the clock goes on whatever the performer does
        playing = self._clock.running and not self._clock.ended(now)
        began, self._playing = playing and not self._playing, playing
        if not playing:
            return Aim(False)
        time = self._clock.time(now)
        back, self._last = time < self._last - 0.05, time  # a loop's end, or a restart
        off = heard is None or abs(heard - time) > self._tolerance
        if not (began or back or (off and now - self._moved_at >= self._least)):
            return Aim(True)
        self._moved_at = now
        return Aim(True, time)


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """When the sound goes with the performer.

    Attributes:
        tolerance: the sound begins while the performer's speed is within this factor of the expert's …
        leeway: … and is held when it is not within ``tolerance × leeway``.
        begin_after: s that they must have kept the speed.
        hold_after: s that they must have been out of it.
        drift: s that sound and performer may be apart before it is moved.
        least: s between two moves.
        wait: s of the piece that the sound waits for the beginning of a section.
        confidence: 0..1, the probability that the place is right, below which it is not followed.
    """

    tolerance: float = 1.25
    leeway: float = 1.15
    begin_after: float = 0.4
    hold_after: float = 0.25
    drift: float = 0.35
    least: float = 2.0
    wait: float = 1.5
    confidence: float = HEARD_FROM


class FollowSound:
    """Plays while the performer keeps about the expert's speed.

    Args:
        starts: s in the piece at which sections begin: the places to begin again at.
        settings: thresholds.
    """

    def __init__(self, starts: Sequence[float] = (), settings: FollowSettings | None = None) -> None:
        self._starts = sorted(starts)
        self.settings = settings or FollowSettings()
        self.reset()

    def reset(self) -> None:
        """The piece begins anew."""
        self._playing = False
        self._apt_since: float | None = None
        self._inapt_since: float | None = None
        self._moved_at = -math.inf
        self._due: float | None = None
        self._last: float | None = None

    def update(self, now: float, position: Position, heard: float | None) -> Aim:
        """What the sound should do at ``now`` s, when ``heard`` (s in the piece) is what sounds."""
        settings, place = self.settings, position.time
        moved, self._last = self._has_moved(position), place
        if place is None or not self._is_apt(position):
            self._apt_since, self._due = None, None
            self._inapt_since = now if self._inapt_since is None else self._inapt_since
            if now - self._inapt_since >= settings.hold_after or position.state is not State.FOLLOWING:
                self._playing = False
            return Aim(self._playing)
        self._inapt_since = None
        self._apt_since = now if self._apt_since is None else self._apt_since
        if self._playing:
            away = heard is None or abs(heard - place) > settings.drift
            if not (moved or (away and now - self._moved_at >= settings.least)):
                return Aim(True)
            return self._begin(now, place)
        if now - self._apt_since < settings.begin_after:
            return Aim(False)
        if self._due is None:
            self._due = self._next_start(place)
        if moved or not place < self._due <= place + settings.wait:
            return self._begin(now, place)
        return Aim(False)

    def _has_moved(self, position: Position) -> bool:
        """Whether the performer is somewhere else than a moment ago: jumped, or begun again.

        Also by the places: when drawing is slow, the very answer that says so is left out.
        """
        back = self._last is not None and position.time is not None and position.time < self._last
        return position.jumped or position.wrapped or back

    def _is_apt(self, position: Position) -> bool:
        if position.state is not State.FOLLOWING or position.confidence < self.settings.confidence:
            return False
        limit = self.settings.tolerance * (self.settings.leeway if self._playing else 1.0)
        return 1.0 / limit <= position.speed <= limit

    def _begin(self, now: float, place: float) -> Aim:
        self._playing, self._moved_at, self._due = True, now, None
        return Aim(True, place)

    def _next_start(self, place: float) -> float:
        """The beginning to wait for, or ``place`` itself when none comes soon."""
        index = bisect_left(self._starts, place)
        if index < len(self._starts) and self._starts[index] <= place + self.settings.wait:
            return self._starts[index]
        return place
