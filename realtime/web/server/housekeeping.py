"""Memory of sessions that are over goes back to the system.

A session is some 50 MB of models and pictures, held by a few objects that point at one another. Python looks
for such circles when it has made many new objects, which a server that practises hardly does; and what glibc
has got from the system it keeps, for each thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from posesync.realtime.pipeline.memory import give_back

#: Ticks of a tenth of a s between a session's end and its memory's: it may be looked at once more.
_LATER: Final = 10


class Housekeeping:
    """Gives memory back a second after a session's end; call :meth:`tick` ten times a second.

    Args:
        running: how many sessions there are.
    """

    def __init__(self, running: Callable[[], int]) -> None:
        self._running = running
        self._before = 0
        self._left = 0
        self._task: asyncio.Future[Any] | None = None

    def tick(self) -> None:
        """Look whether a session has ended. In an event loop; never waits."""
        now = self._running()
        if now < self._before:
            self._left = self._left or _LATER
        elif self._left:
            self._left -= 1
            if not self._left:
                self._task = asyncio.get_running_loop().run_in_executor(None, give_back)
        self._before = now
