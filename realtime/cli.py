"""The command line's two doors, ``posesync`` and ``posesync-live``.

Kept light: whatever takes time to import is imported inside, under the handler that turns Ctrl-C and every
:class:`PoseSyncError` into an exit code and, at most, one line.
"""

from __future__ import annotations

import sys

#: Exit code after Ctrl-C outside of a session. In a session Ctrl-C is the ordinary end, with code 0.
INTERRUPTED = 130


def main() -> None:
    """``posesync``: every command."""
    sys.exit(_guarded("posesync"))


def live_main() -> None:
    """``posesync-live``, the same as ``posesync live``."""
    sys.exit(_guarded("posesync-live"))


def _guarded(program: str) -> int:
    """Run the program and return its exit code."""
    try:
        from posesync.realtime.commands import run

        return run(program)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
