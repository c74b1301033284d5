"""The interface of every frame source, and playing a file at its own pace."""

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
    """What a source reports when it is opened.

    Attributes:
        name: file or folder name, camera name, or the address without user name and password.
        kind: ``file``, ``folder``, ``camera`` or ``stream``.
        width: of the delivered images, px, upright.
        height: of the delivered images, px, upright.
        fps: average frames per second, or None when the source does not give it. Frames carry their own time.
        duration: s, according to the container (a truncated file delivers less), or None without an end.
        frames: number of frames according to the container, or None.
    """

    name: str
    kind: Kind
    width: int
    height: int
    fps: float | None = None
    duration: float | None = None
    frames: int | None = None


class FrameSource(ABC):
    """A source of frames: a file, a folder, a camera or a stream.

    Iterate over it, or call :meth:`read`. Single pass, one thread at a time; a context manager.

    Attributes:
        info: what the source reports about itself.
        is_live: True for a camera or a live stream: it does not wait for a slow reader, and it can be lost.
        warning: one line about a problem that did not stop the source (a truncated file), else None.
    """

    info: SourceInfo
    is_live: bool = False
    warning: str | None = None

    @abstractmethod
    def read(self) -> Frame | None:
        """Return the next frame; None at the end of a file or when a live source is lost (:meth:`reopen`)."""

    @abstractmethod
    def close(self) -> None:
        """Release the file or the device. May be called twice."""

    def reopen(self) -> bool:
        """Try once to reconnect a lost live source; True when it delivers again, with continuing times."""
        return False

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until the end, or until a live source is lost."""
        while (frame := self.read()) is not None:
            yield frame

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Pacer:
    """Holds back the frames of a file until they are due, so that they arrive as from a camera."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._start: float | None = None

    def wait(self, moment: float) -> None:
        """Wait until ``moment`` s, where the first call's ``moment`` is taken to be now."""
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
        source: one whose :meth:`FrameSource.read` returned None; for a file, which is never lost, it is
            False.
        patience: s after which the source is given up.
        interval: s between two attempts.
        stopped: called before each attempt; True gives up at once.
        clock: s, monotonic.
        sleep: waits the given s.

    Returns:
        True when the source delivers again, False when it was given up.
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
