"""Processes of our own that Ctrl-C does not reach: it goes to the whole group, and the server ends them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """What is started within is deaf to Ctrl-C from its first instruction on.

    A process can say so itself only when it has been loaded, which takes a second: until then Ctrl-C would
    make it complain with a traceback. For any thread.
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
