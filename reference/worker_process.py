"""Processes of our own: spawned, deaf to Ctrl-C, blind to the current folder, ended with their parent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, Final

from posesync.pose.environment import environment_variable

#: s that a process which was told to end has for cleaning up.
_GRACE: Final = 10.0
_TERMINATED: Final = 143
#: Keeps the current folder out of a new interpreter's path; Python 3.10 does not know it.
_SAFE_PATH: Final = "PYTHONSAFEPATH"
#: The environment is the whole process's: one start at a time.
_starting = threading.Lock()


def start_process(target: Callable[..., None], *arguments: Any) -> tuple[Connection, SpawnProcess]:
    """Start ``target(connection, *arguments)`` in a process of its own; for any thread.

    Nothing is imported from the current folder, which may be one of downloads: multiprocessing starts Python
    by ``python -c``, which would look there first, for its own modules too.

    Args:
        target: a function of a module; ends the process when it returns.
        arguments: what can be pickled.

    Returns:
        Our end of the pipe, and the process, which must be joined.
    """
    context = get_context("spawn")  # a fork of a process with threads may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_live, args=(target, theirs, *arguments), daemon=True)
    with _starting, environment_variable(_SAFE_PATH, "1"), _deaf_to_interrupts():
        process.start()
    theirs.close()
    return ours, process


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
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


def _live(target: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    """The life of a process: ended by SIGTERM in order, and by its parent's end whatever it is doing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it cannot be blocked from the start
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow_parent, name="parent", daemon=True).start()
    target(connection, *arguments)


def _follow_parent() -> None:
    """A decoder that hangs hears of no pipe and of no signal."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(_TERMINATED)


class WorkerProcess:
    """A process that runs ``target(connection, *arguments)``, see :func:`start_process`.

    It is told of its end by that of its pipe, and is ended in order by SIGTERM.

    Attributes:
        connection: our end of the pipe.
        process: the process, started.
    """

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self.connection, self.process = start_process(target, *arguments)

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
    """Work on what comes through the pipe, one piece after the other; ``("done", result)`` goes back.

    Warnings of ours go back too, as ``("log", (level, message))``.
    """
    posesync = logging.getLogger("posesync")
    posesync.addHandler(_Teller(connection))
    posesync.propagate = False
    with suppress(EOFError, OSError):  # whoever started us has gone, or has no more
        while True:
            connection.send(("done", work(connection.recv())))


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """By default SIGTERM would leave half-written files behind.

    Told to end together with its parent, a process is told once more by that one, while it cleans up.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(_TERMINATED)


class _Teller(logging.Handler):
    """Warnings go to whoever started us, who says them once."""

    def __init__(self, connection: Any) -> None:
        super().__init__(logging.WARNING)
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._connection.send(("log", (record.levelno, record.getMessage())))
