"""Processes of our own: spawned, deaf to Ctrl-C, and ended with whoever started them."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Final

#: s that a process which was told to end has for cleaning up.
_GRACE: Final = 10.0
_TERMINATED: Final = 143


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """What is started within is deaf to Ctrl-C from its first instruction on.

    Ctrl-C goes to the whole group, and whoever started a process ends it in order. A process can say that it
    does not listen only when it has been loaded, which takes a second: until then Ctrl-C would make it
    complain with a traceback. For any thread.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # were it started with the process, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class WorkerProcess:
    """A process that runs ``target(connection, *arguments)``.

    It is told of its end by that of its pipe, so it never outlives us, and is ended in order by SIGTERM.

    Attributes:
        connection: our end of the pipe.
        process: the process, started.
    """

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        context = get_context("spawn")  # a fork of a process with threads may hang
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
        with deaf_to_interrupts():
            self.process.start()
        theirs.close()

    def end(self, *, at_once: bool = False) -> None:
        """Let it leave, or tell it to; either way nothing half-written stays behind."""
        self.connection.close()
        if at_once:
            self.process.terminate()
        self.process.join(_GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def killed_by(self) -> str | None:
        """The signal that ended it, by name where it has one; None when it left by itself."""
        self.process.join(_GRACE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return None
        with suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"


def serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """The life of such a process: what comes through the pipe is worked on, ``("done", result)`` goes back.

    Warnings of ours go back too, as ``("log", (level, message))``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it cannot be blocked from the start
    signal.signal(signal.SIGTERM, _leave)
    posesync = logging.getLogger("posesync")
    posesync.addHandler(_Teller(connection))
    posesync.propagate = False
    with suppress(EOFError, OSError):  # whoever started us has gone, or has no more
        while True:
            connection.send(("done", work(connection.recv())))


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """By default SIGTERM would leave half-written files behind."""
    sys.exit(_TERMINATED)


class _Teller(logging.Handler):
    """Warnings go to whoever started us, who says them once."""

    def __init__(self, connection: Any) -> None:
        super().__init__(logging.WARNING)
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._connection.send(("log", (record.levelno, record.getMessage())))
