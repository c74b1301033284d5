"""Windows: a closed console, a log-off or a shutdown ends a program like SIGTERM, with its files complete.

Python knows Ctrl-C and Ctrl-Break only. For the others Windows calls a handler in a thread of its own and
kills the program as soon as the handler returns, or after some seconds; so the handler passes the request on
and waits for the end.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import Any, Final

#: CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT.
_CLOSING: Final = (2, 5, 6)
#: s; Windows gives a closed console 5, a shutdown up to 20.
_PATIENCE: Final = 20.0

_done = threading.Event()
_kept: list[Any] = []


def heed_console_close() -> None:
    """Have the console's end ask this program to end; elsewhere than on Windows it does nothing."""
    if sys.platform == "win32":
        import ctypes

        handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_ulong)(on_console_event)
        _kept.append(handler)  # Windows does not keep it alive
        ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, 1)


def on_console_event(kind: int) -> bool:
    """Pass the request on to the main thread, and wait for the end; False for what Python handles itself."""
    if kind not in _CLOSING:
        return False
    _thread.interrupt_main(signal.SIGTERM)
    _done.wait(_PATIENCE)
    return True


def everything_is_written() -> None:
    """Let the console go: the program is at its end."""
    _done.set()
