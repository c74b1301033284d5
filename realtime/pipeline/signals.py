"""Handles Ctrl-C and SIGTERM during a session as requests to end, not as exceptions during a write."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, ClassVar, Final

#: After this many requests ending takes too long for the user: the next one interrupts.
PATIENCE: Final = 3


class StopSignals:
    """Context manager in which SIGINT and SIGTERM set :attr:`asked` instead of raising.

    From the fourth request on they raise KeyboardInterrupt. Outside the main thread it changes nothing.

    Attributes:
        asked: whether an end was requested.
        pending: whether an end was requested before the session: Python may have dropped the exception.
        ended: whether a session has ended in this process; only closing messages follow.
    """

    pending: ClassVar[bool] = False
    ended: ClassVar[bool] = False

    def __init__(self) -> None:
        self.asked = False
        self._count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        self.asked = self.asked or StopSignals.pending
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        StopSignals.ended = True
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.asked = True
        self._count += 1
        if self._count > PATIENCE:
            raise KeyboardInterrupt
