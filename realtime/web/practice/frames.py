"""Turns received JPEGs into frames with times; they are decoded when taken, so only the newest ever is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from posesync.pose.types import Frame
from posesync.realtime.pipeline.workers import Captured, Mailbox

from .jpeg import decode_jpeg
from .protocol import EncodedFrame, ProtocolError

#: s by which a page's clock may run ahead of the server's between two frames: some are delayed on the way.
_SLACK: Final = 2.0
#: s between two frames at least; times in a session only go forward.
_LEAST: Final = 1e-3


class FrameClock:
    """Turns times of a page's clock into s since its first frame.

    A page may be reloaded, or send false times: where its clock runs backwards, or ahead by more than a
    network's delay, the session's time advances by the time that has passed on the server.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._last = 0.0
        self._at = 0.0

    def time(self, captured: float, now: float) -> float:
        """Return when a frame was captured, s since the first one.

        Args:
            captured: s, on the page's clock.
            now: s, monotonic, when it arrived.
        """
        if self._offset is None:
            self._offset, self._at = captured, now
            return 0.0
        passed = now - self._at
        moment = captured - self._offset
        if not self._last < moment <= self._last + passed + _SLACK:
            moment = self._last + max(passed, _LEAST)
            self._offset = captured - moment
        self._last, self._at = moment, now
        return moment


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame that waits for its turn.

    Attributes:
        encoded: the frame as it arrived.
        time: s since the session's first frame.
        at: when it arrived, s, monotonic.
    """

    encoded: EncodedFrame
    time: float
    at: float


class JpegInbox:
    """A mailbox that takes encoded frames and returns decoded ones.

    Args:
        refuse: called with a frame that cannot be decoded, in the thread that takes.

    Attributes:
        taken: the frame returned last; like ``taken_at``, for the thread that takes.
        taken_at: when it was taken, s, monotonic.
    """

    def __init__(self, refuse: Callable[[Waiting, ProtocolError], None]) -> None:
        self._box: Mailbox[Waiting] = Mailbox(lambda waiting: waiting.time)
        self._refuse = refuse
        self._missed: list[float] = []
        self.taken: Waiting | None = None
        self.taken_at = 0.0

    def put(self, waiting: Waiting) -> None:
        """Put a frame into the mailbox, in place of one that was not taken."""
        self._box.put(waiting)

    def take(self, timeout: float) -> tuple[Captured, list[float]] | None:
        """Return the newest frame and the times of those skipped before it; None after ``timeout`` s."""
        found = self._box.take(timeout)
        if found is None:
            return None
        self.taken_at = time.monotonic()
        waiting, missed = found
        self._missed += missed
        encoded = waiting.encoded
        try:
            image = decode_jpeg(encoded.jpeg, encoded.width, encoded.height)
        except ProtocolError as error:
            self._missed.append(waiting.time)
            self._refuse(waiting, error)
            return None
        missed, self._missed = self._missed, []
        self.taken = waiting
        return Captured(Frame(image, waiting.time, encoded.seq), waiting.at, encoded.skipped), missed

    def close(self) -> None:
        """Accept no more frames."""
        self._box.close()

    @property
    def finished(self) -> bool:
        """Return whether the mailbox is closed and empty."""
        return self._box.finished
