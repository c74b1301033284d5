"""What every source of frames has in common, and how a file is played at its own pace."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, TypeVar

from .types import Frame

Kind = Literal["file", "folder", "camera", "stream"]
Self = TypeVar("Self", bound="FrameSource")  # typing.Self came with Python 3.11


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says of itself when it is opened.

    Attributes:
        name: file or folder name, camera name, or the address without user name and password.
        kind: ``file``, ``folder``, ``camera`` or ``stream``.
        width: of the delivered images, px, upright.
        height: of the delivered images, px, upright.
        fps: average frames per second, or None where the source does not say. Frames carry their own time.
        duration: s, as the container says it (a truncated file delivers less), or None where there is no end.
        frames: number of frames as the container says it, or None.
    """

    name: str
    kind: Kind
    width: int
    height: int
    fps: float | None = None
    duration: float | None = None
    frames: int | None = None


class FrameSource(ABC):
    """Frames one after the other, from a file, a folder, a camera or a stream.

    Iterate over it, or call :meth:`read`. Single pass, one thread at a time; a context manager.

    Attributes:
        info: what the source says of itself.
        is_live: True for a camera or a live stream: it does not wait for a slow reader, and it can get lost.
        warning: one line about what went wrong without stopping the source (a truncated file), else None.
    """

    info: SourceInfo
    is_live: bool = False
    warning: str | None = None

    @abstractmethod
    def read(self) -> Frame | None:
        """The next frame; None at the end of a file, or when a live source is lost (see :meth:`reopen`)."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file or the device. May be called twice."""

    def reopen(self) -> bool:
        """Try once to get a lost live source back: True when frames come again, with times that go on."""
        return False

    def __iter__(self) -> Iterator[Frame]:
        """Frames until the end, or until a live source is lost."""
        while (frame := self.read()) is not None:
            yield frame

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Pacer:
    """Holds frames of a file back until their time has come, as a camera would deliver them."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._start: float | None = None

    def wait(self, moment: float) -> None:
        """Return when ``moment`` s have passed since the first call (whose own moment counts as now)."""
        now = self._clock()
        if self._start is None:
            self._start = now - moment
        if (left := self._start + moment - now) > 0:
            self._sleep(left)


def resume(
    source: FrameSource,
    *,
    patience: float,
    interval: float = 0.5,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait for a lost live source to come back.

    Args:
        source: one whose :meth:`FrameSource.read` returned None; a file is never lost, so it answers False.
        patience: s; after this the source is given up.
        interval: s between two attempts.
        stopped: asked before each attempt; True gives up at once.
        clock: s, monotonic.
        sleep: waits the given s.

    Returns:
        True when it delivers again, False when it was given up.
    """
    if not source.is_live:
        return False
    end = clock() + patience
    while not stopped():
        if source.reopen():
            return True
        if clock() + interval > end:
            return False
        sleep(interval)
    return False
