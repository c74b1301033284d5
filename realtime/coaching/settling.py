"""Every frame a second time, some 0.2 s later, when the tracker knows better where the performer was.

What is drawn cannot wait for that; what is judged does. Pure logic: the times are those of the frames.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from posesync.pose.types import FloatArray
from posesync.realtime.tracking.position import Position

#: s that a frame waits for its settled place; then the live one counts.
PATIENCE: Final = 0.5
#: s by which one settled place may lie before the last one and mean nothing but that the two were estimated
#: apart: the earlier one is held.
WOBBLE: Final = 0.15
#: s of the piece, beyond four times the expert's pace, by which only a jump gets ahead.
_LEAP: Final = 0.3
_FASTEST: Final = 4.0
#: s after which a jump or a return that the settled places never made is forgotten.
_FORGOTTEN: Final = 1.0
#: s between two frames' times that are the same.
_SAME: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame and what is known of it.

    Attributes:
        time: of the frame, s since the camera's first.
        keypoints: (17, 3) of the performer, px in the frame.
        position: where in the reference. As it goes in, the live answer; as it comes out, its ``time``,
            ``jumped``, ``wrapped`` and ``repetition`` are those of the settled place.
    """

    time: float
    keypoints: FloatArray
    position: Position


class Settling:
    """Keeps the last half second of frames until their place has settled.

    Every frame comes out once, in order. One whose place never settles (the performer was lost right after,
    or nothing was followed) comes out with its live place. Between two that come out one after the other the
    place runs backwards only where the later one says ``jumped`` or ``wrapped``.
    """

    def __init__(self) -> None:
        self._waiting: deque[Seen] = deque()
        self._last: Seen | None = None  # the newest that came out, while there is a place
        self._marks: deque[Seen] = deque()  # live jumps and returns that no settled place has made yet
        self._returned: Seen | None = None  # the live return that the newest settled one was told from

    def update(self, seen: Seen) -> list[Seen]:
        """Take a frame with its live answer; give those that are decided with it, the oldest first."""
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
        """Give all that still wait, with their live places."""
        decided = [self._decide(seen) for seen in self._waiting]
        self._waiting.clear()
        return decided

    def reset(self) -> None:
        """Forget everything: another performer, or a new beginning."""
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
        """Give a frame its settled ``place``, or else its live one.

        A live place is drawn back to ``before``, s, where the performer is known to have been later: one that
        ran ahead must not make the settled one behind it look like a return.
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
        """Whether the place was reached by a jump, or by returning to the start.

        The settled places break off where the performer did, which the live answers announce somewhat later,
        or somewhat earlier: the announcement that comes next says which of the two it was. A live place
        breaks off only where it says so itself: one behind the settled places is merely late.
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
        """The oldest live announcement that fits, which is used up with those before it."""
        for count, mark in enumerate(self._marks, 1):
            if mark.position.time is not None and fits(mark.position.time):
                for _ in range(count):
                    self._marks.popleft()
                return mark
        return None

    def _repetition(self, seen: Seen) -> int:
        """The live count, but that a return counts from the settled one on."""
        if self._returned is not None and seen.time < self._returned.time:
            return self._returned.position.repetition
        for mark in self._marks:
            if mark.position.wrapped and mark.time <= seen.time:
                return max(0, mark.position.repetition - 1)
        return seen.position.repetition
