"""What one thread hands to another: the newest thing alone, or everything in order.

A :class:`Mailbox` is for what is only of use while it is new; a :class:`Pipe` for what must not be lost.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from posesync.pose.types import Frame

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame.

    Attributes:
        frame: as the camera gave it.
        at: when it came in, s, monotonic.
        skipped: frames that the camera gave since the one before and that never came in.
    """

    frame: Frame
    at: float
    skipped: int = 0


class Mailbox(Generic[T]):
    """One slot between two threads: putting never waits, and what was not taken in time is replaced.

    Args:
        stamp: s, the time of an item, by which replaced ones are remembered.
    """

    def __init__(self, stamp: Callable[[T], float]) -> None:
        self._stamp = stamp
        self._changed = threading.Condition()
        self._item: T | None = None
        self._missed: list[float] = []
        self._closed = False

    def put(self, item: T) -> None:
        """Lay ``item`` in the slot, in place of one that was not taken; ignored when closed."""
        with self._changed:
            if self._closed:
                return
            if self._item is not None:
                self._missed.append(self._stamp(self._item))
            self._item = item
            self._changed.notify()

    def take(self, timeout: float) -> tuple[T, list[float]] | None:
        """The newest item and the times of those it replaced; None after ``timeout`` s or when finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            if item is None:
                return None
            missed, self._missed = self._missed, []
            return item, missed

    def close(self) -> None:
        """Nothing more will come; what lies in the slot can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Closed and empty."""
        with self._changed:
            return self._closed and self._item is None


class Pipe(Generic[T]):
    """Everything, in order, with room for a few: who is quicker waits.

    Args:
        room: how many items may lie in it.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._cut = False

    def put(self, item: T) -> bool:
        """Add an item as soon as there is room; False, and the item is lost, when nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._room or self._cut)
            return self._append(item)

    def offer(self, item: T) -> bool:
        """Add an item if there is room now; False when there is none."""
        with self._changed:
            return len(self._items) < self._room and self._append(item)

    def push(self, item: T) -> bool:
        """Add an item although there may be no room: for small ones that must not be lost."""
        with self._changed:
            return self._append(item)

    def take(self, timeout: float) -> T | None:
        """The oldest item; None after ``timeout`` s or when finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed or self._cut, timeout)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Nothing more will be put; what lies in it can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cut(self) -> None:
        """Nothing more will be taken: who waits for room goes on, and what lies in it is lost."""
        with self._changed:
            self._cut = True
            self._items.clear()
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Closed or cut, and empty."""
        with self._changed:
            return (self._closed or self._cut) and not self._items

    def _append(self, item: T) -> bool:
        if self._cut or self._closed:
            return False
        self._items.append(item)
        self._changed.notify_all()
        return True


class Inbox(Protocol):
    """Where inference takes frames from: a mailbox, or what stands for one."""

    def take(self, timeout: float) -> tuple[Captured, list[float]] | None:
        """The newest frame and the times of those it replaced; None after ``timeout`` s or when finished."""

    @property
    def finished(self) -> bool:
        """Whether nothing will come any more."""
