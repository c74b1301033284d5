"""Returns every frame some 0.2 s later, when the tracker knows better where the performer was.

Drawing cannot wait for that; judging does. Pure logic: all times are those of the frames.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from posesync.pose.types import FloatArray
from posesync.realtime.tracking.position import Position

#: s that a frame waits for its settled place; then its live place counts.
PATIENCE: Final = 0.5
#: s by which a settled place may lie before the last one merely because the two were estimated separately;
#: then the last place is kept.
WOBBLE: Final = 0.15
#: s of the piece, on top of four times the expert's pace, beyond which a step ahead counts as a jump.
_LEAP: Final = 0.3
_FASTEST: Final = 4.0
#: s after which a live jump or return that no settled place has made is forgotten.
_FORGOTTEN: Final = 1.0
#: s up to which two frames' times count as equal.
_SAME: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame with its keypoints and position.

    Attributes:
        time: of the frame, s since the camera's first.
        keypoints: (17, 3) of the performer, px in the frame.
        position: place in the reference. Going in, it is the live position; coming out, its ``time``,
            ``jumped``, ``wrapped`` and ``repetition`` are those of the settled place.
    """

    time: float
    keypoints: FloatArray
    position: Position


class Settling:
    """Keeps the last half second of frames until their place has settled.

    Every frame comes out once, in order. A frame whose place never settles (the performer was lost right
    after, or nothing was followed) comes out with its live place. From one frame to the next the place runs
    backwards only where the later frame is marked ``jumped`` or ``wrapped``.
    """

    def __init__(self) -> None:
        self._waiting: deque[Seen] = deque()
        self._last: Seen | None = None  # the newest frame that came out, while there is a place
        self._marks: deque[Seen] = deque()  # live jumps and returns that no settled place has made yet
        self._returned: Seen | None = None  # the live return that matches the newest settled one

    def update(self, seen: Seen) -> list[Seen]:
        """Take a frame with its live position; return the frames decided with it, the oldest first."""
        self._waiting.append(seen)
        if seen.position.jumped or seen.position.wrapped:
            self._marks.append(seen)
        if seen.position.time is None:  # nothing more will settle
            return self.finish()
        decided = [] if seen.position.settled is None else self._settle(*seen.position.settled)
        while self._waiting and seen.time - self._waiting[0].time > PATIENCE:
            decided.append(self._decide(self._waiting.popleft()))
        return decided

    def finish(self) -> list[Seen]:
        """Return all frames that still wait, with their live places."""
        decided = [self._decide(seen) for seen in self._waiting]
        self._waiting.clear()
        return decided

    def reset(self) -> None:
        """Forget everything, for another performer or a new beginning."""
        self._waiting.clear()
        self._marks.clear()
        self._last = self._returned = None

    def _settle(self, time: float, place: float) -> list[Seen]:
        decided = []
        while self._waiting and self._waiting[0].time <= time + _SAME:
            seen = self._waiting.popleft()
            passed_over = seen.time < time - _SAME
            decided.append(self._decide(seen, None if passed_over else place, before=place))
        return decided

    def _decide(self, seen: Seen, place: float | None = None, *, before: float = math.inf) -> Seen:
        """Return a frame with its settled ``place``, s, or else with its live place.

        A live place is limited to ``before``, s, a place at which the performer is known to have been later:
        if it ran ahead, the settled place after it must not look like a return.
        """
        live = seen.position
        if live.time is None:
            self._last = self._returned = None
            self._marks.clear()
            return replace(seen, position=replace(live, settled=None))
        while self._marks and seen.time - self._marks[0].time > _FORGOTTEN:
            self._marks.popleft()
        found = place
        if found is None:
            found = live.time if live.jumped or live.wrapped else min(live.time, before)
        jumped, wrapped = self._breaks(seen, found, settled=place is not None)
        if not (jumped or wrapped) and self._last is not None and self._last.position.time is not None:
            found = max(found, self._last.position.time)
        position = replace(
            live, time=found, jumped=jumped, wrapped=wrapped, repetition=self._repetition(seen), settled=None
        )
        self._last = replace(seen, position=position)
        return self._last

    def _breaks(self, seen: Seen, place: float, *, settled: bool) -> tuple[bool, bool]:
        """Return whether the place was reached by a jump, and whether by a return to the start.

        Settled places break off where the performer did; the live positions mark that somewhat later or
        somewhat earlier, so the next live mark tells which of the two it was. A live place breaks off only
        where it is marked itself: one behind the settled places is merely late.
        """
        if self._last is None or self._last.position.time is None:
            self._marks = deque(mark for mark in self._marks if mark.time > seen.time)
            return seen.position.jumped, False
        before, passed = self._last.position.time, seen.time - self._last.time
        if not settled and not (seen.position.jumped or seen.position.wrapped):
            return False, False
        if place < before - WOBBLE:
            mark = self._met(lambda there: there < before)
            self._returned = mark if mark is not None and mark.position.wrapped else None
            return self._returned is None, self._returned is not None
        if place > before + _LEAP + _FASTEST * passed:
            return self._met(lambda there: there > before) is not None, False
        return False, False

    def _met(self, fits: Callable[[float], bool]) -> Seen | None:
        """Return the oldest live mark that fits, or None; it and the marks before it are used up."""
        for count, mark in enumerate(self._marks, 1):
            if mark.position.time is not None and fits(mark.position.time):
                for _ in range(count):
                    self._marks.popleft()
                return mark
        return None

    def _repetition(self, seen: Seen) -> int:
        """Return the live count of repetitions, except that a return counts from its settled place on."""
        if self._returned is not None and seen.time < self._returned.time:
            return self._returned.position.repetition
        for mark in self._marks:
            if mark.position.wrapped and mark.time <= seen.time:
                return max(0, mark.position.repetition - 1)
        return seen.position.repetition
