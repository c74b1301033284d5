"""Survives the end of an X server: by default Xlib ends the whole process, whatever it is doing.

A broken ``ssh -X`` or a crashed server would leave log and recording unfinished. libX11 1.7 and later let a
program go on without its display (XSetIOErrorExitHandler).
"""

from __future__ import annotations

import atexit
import ctypes
import logging
from typing import Any

logger = logging.getLogger(__name__)

_ON_ERROR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_ON_EXIT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_kept: list[Any] = []


class DisplayGuard:
    """Records that the X server has gone, instead of letting Xlib end the process.

    On systems other than X11, and with an older libX11, it does nothing.

    SDL must not be told to close that display, not even by pygame at exit: it would wait for an answer.

    Args:
        pygame: the module, with its display open.

    Attributes:
        gone: whether the server has gone; then nothing may be drawn any more.
    """

    def __init__(self, pygame: Any) -> None:
        self.gone = False
        self._pygame = pygame
        self._handlers = _ON_ERROR(self._on_error), _ON_EXIT(self._on_exit)
        _kept.append(self._handlers)  # Xlib may call them as long as the process lives
        try:
            if pygame.display.get_driver() != "x11":
                return
            address = ctypes.pythonapi.PyCapsule_GetPointer
            address.restype, address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
            display = address(pygame.display.get_wm_info()["display"], b"display")
            libx11 = ctypes.CDLL("libX11.so.6")
            # Xlib's own error handler exits, and so does its exit handler: both are replaced.
            set_exit = libx11.XSetIOErrorExitHandler
            set_exit.restype, set_exit.argtypes = None, [ctypes.c_void_p, _ON_EXIT, ctypes.c_void_p]
            set_exit(display, self._handlers[1], None)
            set_error = libx11.XSetIOErrorHandler
            set_error.restype, set_error.argtypes = ctypes.c_void_p, [_ON_ERROR]
            set_error(self._handlers[0])
        except (AttributeError, KeyError, OSError, ValueError) as error:
            logger.debug("the end of the X server would end the process: %s", error)

    def _on_error(self, display: int | None) -> int:  # noqa: ARG002
        self.gone = True
        atexit.unregister(self._pygame.quit)
        return 0

    def _on_exit(self, display: int | None, data: int | None) -> None:
        """Do nothing, instead of exit(1)."""
