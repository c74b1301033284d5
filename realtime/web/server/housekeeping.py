"""Returns the memory of ended sessions to the system.

A session takes some 50 MB of models and pictures, held by a few objects that refer to one another. Python
collects such cycles after creating many new objects, which a server hardly does while it runs sessions; and
glibc keeps the memory it has got from the system, for each thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from posesync.realtime.pipeline.memory import release_free_memory

#: Ticks of 0.1 s between a session's end and the release of its memory: it may be needed once more.
_LATER: Final = 10


class MemoryReleaser:
    """Returns memory a second after a session's end; call :meth:`tick` ten times a second.

    Args:
        running: returns the number of sessions.
    """

    def __init__(self, running: Callable[[], int]) -> None:
        self._running = running
        self._before = 0
        self._left = 0
        self._task: asyncio.Future[Any] | None = None

    def tick(self) -> None:
        """Check whether a session has ended. For an event loop; never waits."""
        now = self._running()
        if now < self._before:
            self._left = self._left or _LATER
        elif self._left:
            self._left -= 1
            if not self._left:
                self._task = asyncio.get_running_loop().run_in_executor(None, release_free_memory)
        self._before = now
