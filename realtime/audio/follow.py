"""Decides when the expert's sound plays, and from where. Pure logic: the clock is passed in.

follow: the sound plays at its own speed while the performer keeps about that speed; when they stop or lose
    it,
the sound is held, and begins again with the next section or at the performer's place. clock: the expert
continues at their own speed, and the performer sees by how much they lead or lag.
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
        playing: whether it plays; otherwise it is held.
        time: s in the piece to move to; None keeps the current place.
    """

    playing: bool
    time: float | None = None


class ExpertClock:
    """The expert's own clock in clock mode: stopped until started, runs at the expert's speed, may loop.

    Args:
        begin: s in the piece.
        end: s in the piece, where it stops or begins again.
        loop: the part begins again where it ends.

    Raises:
        InvalidDataError: ``end`` is not after ``begin``.
    """

    def __init__(self, begin: float, end: float, *, loop: bool = False) -> None:
        self._since: float | None = None
        self.practise(begin, end, loop=loop)

    @property
    def started(self) -> bool:
        """Whether it was started and not reset since; also true while paused."""
        return self._started

    @property
    def running(self) -> bool:
        """Whether it was started and is not paused; also true at the end."""
        return self._since is not None

    def start(self, now: float) -> None:
        """Run from the beginning of the part."""
        self._base, self._since, self._started = self.begin, now, True

    def pause(self, now: float) -> None:
        """Stop at the current place."""
        self._base, self._since = self.time(now), None

    def resume(self, now: float) -> None:
        """Continue from the current place, if it was ever started."""
        if self._since is None and self._started:
            self._since = now

    def reset(self) -> None:
        """Stop at the beginning."""
        self._base, self._since, self._started = self.begin, None, False

    def practise(self, begin: float, end: float, *, loop: bool) -> None:
        """Stop at the beginning of another part.

        Raises:
            InvalidDataError: ``end`` is not after ``begin``.
        """
        if not begin < end:
            raise InvalidDataError(f"the part from {begin} to {end} s is empty: give begin < end")
        self.begin, self.end, self.loop = begin, end, loop
        self.reset()

    def time(self, now: float) -> float:
        """Return where the expert is, s in the piece, ``begin`` … ``end``."""
        passed = self._base - self.begin + (0.0 if self._since is None else max(0.0, now - self._since))
        length = self.end - self.begin
        return self.begin + (passed % length if self.loop else min(passed, length))

    def ended(self, now: float) -> bool:
        """Return whether the expert has reached the end; never in a loop."""
        return not self.loop and self.time(now) >= self.end

    def lead(self, position: float | None, now: float) -> float | None:
        """Return by how many s of the piece the performer is ahead of the expert (+) or behind (−).

        In a loop the shorter way round counts.

        Args:
            position: s in the piece (:attr:`Position.time`), or None where it is not known.
            now: s, on the clock of :meth:`start`.
        """
        if position is None or self._since is None:
            return None
        lead = position - self.time(now)
        if self.loop:
            length = self.end - self.begin
            lead = (lead + length / 2) % length - length / 2
        return lead


class ClockSound:
    """Keeps the sound in step with an :class:`ExpertClock`.

    Args:
        clock: the expert's clock.
        tolerance: s by which the sound may be off the clock before it is moved: a sound card has its own
            clock, and a smaller difference is not heard.
        least: s between two such moves: a move is heard only after the samples that the mixer already has.
    """

    def __init__(self, clock: ExpertClock, *, tolerance: float = 0.12, least: float = 1.0) -> None:
        self._clock = clock
        self._tolerance, self._least = tolerance, least
        self._playing = False
        self._moved_at = self._last = -math.inf

    def update(self, now: float, position: Position, heard: float | None) -> Aim:
        """Return what the sound should do at ``now`` s, while ``heard`` (s in the piece) is playing."""
        del position  # the clock does not depend on the performer
        playing = self._clock.running and not self._clock.ended(now)
        began, self._playing = playing and not self._playing, playing
        if not playing:
            return Aim(False)
        time = self._clock.time(now)
        back, self._last = time < self._last - 0.05, time  # the end of a loop, or a restart
        off = heard is None or abs(heard - time) > self._tolerance
        if not (began or back or (off and now - self._moved_at >= self._least)):
            return Aim(True)
        self._moved_at = now
        return Aim(True, time)


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """Settings of when the sound follows the performer.

    Attributes:
        tolerance: the sound begins while the performer's speed is within this factor of the expert's …
        leeway: … and is held when it is not within ``tolerance × leeway``.
        begin_after: s for which they must have kept the speed.
        hold_after: s for which they must have been outside it.
        drift: s that sound and performer may be apart before the sound is moved.
        least: s between two moves, at least.
        wait: s of the piece for which the sound waits for the beginning of a section, at most.
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
        starts: s in the piece at which sections begin, where the sound begins again.
        settings: thresholds.
    """

    def __init__(self, starts: Sequence[float] = (), settings: FollowSettings | None = None) -> None:
        self._starts = sorted(starts)
        self.settings = settings or FollowSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the piece begins again."""
        self._playing = False
        self._apt_since: float | None = None
        self._inapt_since: float | None = None
        self._moved_at = -math.inf
        self._due: float | None = None
        self._last: float | None = None

    def update(self, now: float, position: Position, heard: float | None) -> Aim:
        """Return what the sound should do at ``now`` s, while ``heard`` (s in the piece) is playing."""
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
        """Return whether the performer has jumped or begun again since the last call.

        The places are compared as well: when drawing is slow, the answer with the flag may be skipped.
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
        """Return the beginning of a section to wait for, or ``place`` itself when none comes soon."""
        index = bisect_left(self._starts, place)
        if index < len(self._starts) and self._starts[index] <= place + self.settings.wait:
            return self._starts[index]
        return place
