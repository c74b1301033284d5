"""Handles Ctrl-C and every polite request to end during a session, not as exceptions during a write.

Such requests are SIGTERM; SIGHUP, when the terminal is closed; on Windows Ctrl-Break, and what
:mod:`.console_close` makes of a closed console or the end of Windows.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, ClassVar, Final

#: After this many requests ending takes too long for the user: the next one interrupts.
PATIENCE: Final = 3

#: Signals besides SIGINT that ask a program to end, on this system.
ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)


def handled() -> tuple[int, ...]:
    """Return the signals to handle: not SIGHUP when this program was started to survive it (nohup)."""
    hang_up = getattr(signal, "SIGHUP", None)
    deaf = hang_up is not None and signal.getsignal(hang_up) == signal.SIG_IGN
    return tuple(number for number in (signal.SIGINT, *ENDING) if not (deaf and number == hang_up))


def leave_terminal(number: int) -> None:
    """After a hang-up let what is printed vanish: a terminal that is gone would turn it into errors."""
    if sys.platform == "win32" or number != signal.SIGHUP:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for handle in (1, 2):
        with suppress(OSError):
            # A terminal that was closed is still a device, but no terminal.
            if stat.S_ISCHR(os.fstat(handle).st_mode) and not os.isatty(handle):
                os.dup2(nowhere, handle)
    os.close(nowhere)


class StopSignals:
    """Context manager in which a request to end sets :attr:`asked` instead of raising.

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
            for number in handled():
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
        leave_terminal(number)
        self.asked = True
        self._count += 1
        if self._count > PATIENCE:
            raise KeyboardInterrupt
