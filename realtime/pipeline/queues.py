"""Queues between threads: only the newest item, or every item in order.

A :class:`Mailbox` is for items that are only useful while they are new; a :class:`Pipe` for items that must
not be lost.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from posesync.pose.types import Frame
from posesync.realtime.coaching.moment import Moment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame with its time of arrival.

    Attributes:
        frame: the camera's frame.
        at: time of arrival, s, monotonic.
        skipped: number of frames that the camera delivered since the one before and that never arrived.
    """

    frame: Frame
    at: float
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Processed:
    """A frame and what is known of it.

    Attributes:
        frame: the camera's.
        moment: what was found in it.
        at: when the frame came in, s, monotonic.
        latency: s from then until the moment was known.
    """

    frame: Frame
    moment: Moment
    at: float
    latency: float


class Mailbox(Generic[T]):
    """A one-slot queue between two threads: putting never waits, and an item not taken in time is replaced.

    Args:
        stamp: returns the time of an item, s, which is remembered when the item is replaced.
    """

    def __init__(self, stamp: Callable[[T], float]) -> None:
        self._stamp = stamp
        self._changed = threading.Condition()
        self._item: T | None = None
        self._missed: list[float] = []
        self._closed = False

    def put(self, item: T) -> None:
        """Put ``item`` into the slot, replacing one that was not taken; ignored when closed."""
        with self._changed:
            if self._closed:
                return
            if self._item is not None:
                self._missed.append(self._stamp(self._item))
            self._item = item
            self._changed.notify()

    def take(self, timeout: float) -> tuple[T, list[float]] | None:
        """Return the newest item and the times of those it replaced; None on timeout (s) or when finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            if item is None:
                return None
            missed, self._missed = self._missed, []
            return item, missed

    def close(self) -> None:
        """Accept no more items; one that is in the slot can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and self._item is None


class Pipe(Generic[T]):
    """A bounded queue that keeps every item in order: the faster thread waits.

    Args:
        room: how many items it holds, at most.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._cut = False

    def put(self, item: T) -> bool:
        """Add an item as soon as there is room; False, with the item lost, when no more are taken."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._room or self._cut)
            return self._append(item)

    def offer(self, item: T) -> bool:
        """Add an item if there is room now; False when there is none."""
        with self._changed:
            return len(self._items) < self._room and self._append(item)

    def push(self, item: T) -> bool:
        """Add an item even if there is no room: for small ones that must not be lost."""
        with self._changed:
            return self._append(item)

    def take(self, timeout: float) -> T | None:
        """Return the oldest item; None after ``timeout`` s or when finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed or self._cut, timeout)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Accept no more items; those inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cut(self) -> None:
        """Stop taking items: a thread that waits for room continues, and the items inside are lost."""
        with self._changed:
            self._cut = True
            self._items.clear()
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether it is closed or cut, and empty."""
        with self._changed:
            return (self._closed or self._cut) and not self._items

    def _append(self, item: T) -> bool:
        if self._cut or self._closed:
            return False
        self._items.append(item)
        self._changed.notify_all()
        return True


class Inbox(Protocol):
    """The source of frames for inference: a mailbox, or an equivalent."""

    def take(self, timeout: float) -> tuple[Captured, list[float]] | None:
        """Return the newest frame and the times of those it replaced; None on timeout (s) or at the end."""

    @property
    def finished(self) -> bool:
        """Whether no more frames will come."""
