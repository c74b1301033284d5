"""Ctrl-C and SIGTERM during a session: a wish to end, noted, not an exception in the middle of a write."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, ClassVar, Final

#: So many requests mean that ending takes too long for the user: the next one breaks off.
PATIENCE: Final = 3


class StopSignals:
    """While entered, SIGINT and SIGTERM set :attr:`asked` instead of raising; a context manager.

    From the fourth request on they raise KeyboardInterrupt. Outside of the main thread it changes nothing.

    Attributes:
        asked: whether an end was asked for.
        pending: whether an end was asked for before the session: Python may have dropped the exception.
        ended: whether a session has ended in this process: whatever comes after it is only a farewell.
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
