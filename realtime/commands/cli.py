"""Entry points of the command line, ``posesync`` and ``posesync-live``.

Kept light: slow imports happen inside, under the handler that turns Ctrl-C and every :class:`PoseSyncError`
into an exit code and, at most, one line.
"""

from __future__ import annotations

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
        sys.unraisablehook = _unraisable
        for number in handled():  # by default they would leave temporary files behind
            signal.signal(number, _interrupt if number == signal.SIGINT else _terminate)
        heed_console_close()
        from .app import run

        return run(program)
    except (KeyboardInterrupt, SystemExit) as end:
        return _code_of(end)
    except RuntimeError as error:
        # Up to Python 3.11 what is raised while a class is being made comes out as the cause of one of these.
        if not isinstance(error.__cause__, (KeyboardInterrupt, SystemExit)):
            raise
        return _code_of(error.__cause__)
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
