"""Entry points of the command line, ``posesync`` and ``posesync-live``.

Kept light: slow imports happen inside, under the handler that turns Ctrl-C and every :class:`PoseSyncError`
into an exit code and, at most, one line.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from types import FrameType

from posesync.realtime.pipeline.console_close import everything_is_written, heed_console_close
from posesync.realtime.pipeline.signals import StopSignals, handled, leave_terminal

#: Exit codes after Ctrl-C, and after another signal, whose number is added, outside of a session. In a
#: session all of them are an ordinary end: code 0.
INTERRUPTED = 130
SIGNALLED = 128
#: What nobody expected, and what the user can mend.
FAILED = 1
UNUSABLE = 2
_NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EIO)


def main() -> None:
    """Run ``posesync``, with every command."""
    sys.exit(_guarded("posesync"))


def live_main() -> None:
    """Run ``posesync-live``, the same as ``posesync live``."""
    sys.exit(_guarded("posesync-live"))


def _guarded(program: str) -> int:
    """Run the program and return its exit code."""
    try:
        _forget_current_folder()
        _open_streams()
        sys.unraisablehook = _unraisable
        for number in handled():  # by default they would leave temporary files behind
            signal.signal(number, _interrupt if number == signal.SIGINT else _terminate)
        heed_console_close()
        from .app import run

        return _flushed(run(program))
    except (KeyboardInterrupt, SystemExit) as end:
        return _code_of(end)
    except RuntimeError as error:
        # Up to Python 3.11 what is raised while a class is being made comes out as the cause of one of these.
        if isinstance(error.__cause__, (KeyboardInterrupt, SystemExit)):
            return _code_of(error.__cause__)
        return _unexpected(error)
    except Exception as error:
        return _unexpected(error)
    finally:
        # Everything is done and written; a second Ctrl-C must not change the exit code.
        for number in handled():
            signal.signal(number, signal.SIG_IGN)
        everything_is_written()


def _forget_current_folder() -> None:
    """Import nothing more from the current folder, which may hold downloads, unless PYTHONPATH names it.

    ``python -c`` and ``python -m`` begin the path with it, and an empty place in PYTHONPATH stands for it.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    named = {os.path.realpath(place) for place in given if place}
    try:
        here = os.path.realpath(os.curdir)
    except OSError:  # it has been deleted
        return
    front = 1 + len(given)  # what lies further back is the installation's
    sys.path[:front] = [
        place for place in sys.path[:front] if here in named or (place and os.path.realpath(place) != here)
    ]


def _open_streams() -> None:
    """See to it that everything can be printed: to a closed stream, and what its encoding does not know."""
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:  # each closed one, or a file would take its place
        pass
    os.close(null)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _flushed(code: int) -> int:
    """Return the exit code when everything printed has arrived.

    Raises:
        OSError: it has not: the disk behind standard output is full.
    """
    sys.stdout.flush()
    return code


def _unexpected(error: Exception) -> int:
    """Say in one line what nobody expected, keep the details for a report, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # whoever read has enough: posesync history | head
        _drop_output()
        return FAILED
    if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
        _drop_output()
        sys.stderr.write("error: standard output cannot be written: free some space, then try again\n")
        return UNUSABLE
    from .problem import describe

    sys.stderr.write(f"error: {describe(error)}\n")
    return FAILED


def _drop_output() -> None:
    """Let what cannot be printed go, so that the interpreter does not try once more as it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _code_of(end: KeyboardInterrupt | SystemExit) -> int:
    """The exit code for what ended the program; Ctrl-C is told."""
    if isinstance(end, SystemExit):
        return end.code if isinstance(end.code, int) else 1
    sys.stderr.write("interrupted\n")
    return INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if not StopSignals.ended:  # otherwise everything is written, and a second Ctrl-C changes nothing
        StopSignals.pending = True
        raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    leave_terminal(number)
    if not StopSignals.ended:
        StopSignals.pending = True
        raise SystemExit(SIGNALLED + number)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Ignore a Ctrl-C that arrived inside a destructor: it is pending, see above."""
    if not isinstance(what.exc_value, (KeyboardInterrupt, SystemExit)):
        sys.__unraisablehook__(what)
