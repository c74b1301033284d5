"""Worker processes: spawned, without Ctrl-C or imports from the current folder, ended with their parent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import get_context, parent_process, resource_tracker, util
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, Final

from posesync.pose.environment import environment_variable

#: s for cleaning up that a process has after it was told to end.
_GRACE: Final = 10.0
_TERMINATED: Final = 143
#: Runs, before anything is imported, what follows it on the command line, without the current folder.
_BOOT: Final = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; "
    "code = sys.argv[2]; del sys.argv[1:3]; exec(code)"
)
#: Options that keep the current folder out of a new interpreter's path. ``python -P`` came with 3.11; before,
#: only ``-I`` did it, which would ignore the user's own packages too.
_SAFE: Final = ("-P",) if sys.version_info >= (3, 11) else ("-c", _BOOT)
#: Where multiprocessing asks for the options of a new interpreter.
_ASKED: Final = "_args_from_interpreter_flags"
_PATH: Final = "PYTHONPATH"
#: Environment and options belong to the whole process, so only one start at a time.
_starting = threading.Lock()


def start_process(target: Callable[..., None], *arguments: Any) -> tuple[Connection, SpawnProcess]:
    """Start ``target(connection, *arguments)`` in a new process; may be called from any thread.

    Every process of PoseSync's is started here. Nothing is imported from the current folder, which may hold
    downloads: multiprocessing starts Python by ``python -c``, which would look there first, even for its own
    modules.

    Args:
        target: a function of a module; when it returns, the process ends.
        arguments: values that can be pickled.

    Returns:
        The parent's end of the pipe, and the process, which must be joined.
    """
    context = get_context("spawn")  # a fork of a process with threads may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_live, args=(target, theirs, *arguments), daemon=True)
    with _starting, _nothing_from_here(), _deaf_to_interrupts():
        process.start()
    theirs.close()
    return ours, process


@contextmanager
def _nothing_from_here() -> Iterator[None]:
    """Keep the current folder out of the path of interpreters that are started inside the block.

    Not by PYTHONSAFEPATH: Python 3.10 does not know it, and ``python -E`` hands its deafness to the
    environment down. The process that keeps count of multiprocessing's resources is started here too.
    """
    asked = getattr(util, _ASKED)
    setattr(util, _ASKED, lambda: [*asked(), *_SAFE])
    named = os.environ.get(_PATH, "")
    # An empty place, as in PYTHONPATH="$PYTHONPATH:/opt/lib", is the current folder.
    places = os.pathsep.join(place for place in named.split(os.pathsep) if place)
    try:
        with environment_variable(_PATH, places) if named else nullcontext():
            yield
    finally:
        setattr(util, _ASKED, asked)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Make processes started inside the block ignore Ctrl-C and a closed terminal from the beginning.

    Both go to the whole process group, but the parent ends its processes in order. A process can ignore
    the signal by itself only once it is loaded, which takes a second: until then Ctrl-C would make it print a
    traceback. May be used from any thread.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # started later, together with the process, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live(target: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    """Run ``target`` in the new process, which ends in order on SIGTERM, and always with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems where it cannot be blocked from the start
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow_parent, name="parent", daemon=True).start()
    target(connection, *arguments)


def _follow_parent() -> None:
    """End this process with its parent, even in a decoder that hangs and reads neither pipe nor signal."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(_TERMINATED)


class WorkerProcess:
    """A process that runs ``target(connection, *arguments)``, see :func:`start_process`.

    It ends when its pipe closes, and in order on SIGTERM.

    Attributes:
        connection: the parent's end of the pipe.
        process: the started process.
    """

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self.connection, self.process = start_process(target, *arguments)

    def end(self, *, at_once: bool = False) -> None:
        """Let the process leave, or terminate it at once; either way nothing half-written stays behind."""
        self.connection.close()
        if at_once:
            self.process.terminate()
        self.process.join(_GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def killed_by(self) -> str | None:
        """Return the signal that ended the process, by name where it has one; None when it left by itself."""
        self.process.join(_GRACE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return None
        with suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"


def serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """Work on each item from the pipe, one after the other, and send back ``("done", result)``.

    PoseSync's warnings are sent back too, as ``("log", (level, message))``.
    """
    posesync = logging.getLogger("posesync")
    posesync.addHandler(_Teller(connection))
    posesync.propagate = False
    with suppress(EOFError, OSError):  # the parent has gone, or has no more work
        while True:
            connection.send(("done", work(connection.recv())))


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Leave in order on SIGTERM, whose default would leave half-written files behind.

    A signal to both makes the parent send a second one during the clean-up, so further ones are ignored.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(_TERMINATED)


class _Teller(logging.Handler):
    """Sends warnings to the parent process, which reports them once."""

    def __init__(self, connection: Any) -> None:
        super().__init__(logging.WARNING)
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._connection.send(("log", (record.levelno, record.getMessage())))
