"""A simulated camera, so that no test needs a device: it stalls, dies and comes back on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from posesync.pose.sources import Camera

Image = npt.NDArray[np.uint8]


def grey_scale(count: int, size: tuple[int, int] = (64, 48)) -> list[Image]:
    """Images told apart by their brightness, even after H.264."""
    return [np.full((size[1], size[0], 3), 10 + 8 * i % 240, np.uint8) for i in range(count)]


class FakeClock:
    """A monotonic clock that moves only when somebody sleeps, so that tests of waiting take no time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class FakeCamera:
    """Stands in for the devices behind :class:`Camera` (pass :meth:`open` as ``opener``).

    It delivers ``frames`` in a circle, one each 1 / ``fps`` s of ``clock``.

    Args:
        frames: images to deliver; None draws a grey 640 × 480 one.
        indexes: the camera indexes that exist.
        dies_after: number of images after which it is lost (grab fails, and it cannot be opened).
        returns_after: s of ``clock`` after which a lost camera can be opened again; None: never.
        hiccups: numbers of the grabs that fail once without the camera being lost.
    """

    def __init__(
        self,
        frames: Sequence[Image] | None = None,
        *,
        indexes: Sequence[int] = (0,),
        fps: float = 30.0,
        dies_after: int | None = None,
        returns_after: float | None = None,
        hiccups: Sequence[int] = (),
        clock: FakeClock | None = None,
    ) -> None:
        self.frames = list(frames) if frames is not None else [np.full((480, 640, 3), 128, np.uint8)]
        self.indexes = tuple(indexes)
        self.fps = fps
        self.dies_after = dies_after
        self.returns_after = returns_after
        self.hiccups = set(hiccups)
        self.clock = clock or FakeClock()
        self.delivered = 0
        self.grabs = 0
        self.opened = 0
        self.released = 0
        self._died: float | None = None

    def open(self, index: int) -> _Device:
        """What ``cv2.VideoCapture(index)`` would be."""
        gone = self.clock() - self._died if self._died is not None else 0.0
        if self._died is not None and self.returns_after is not None and gone >= self.returns_after:
            self._died, self.dies_after = None, None
        works = index in self.indexes and self._died is None
        self.opened += works
        return _Device(self, works)

    def camera(self, index: int = 0, **options: Any) -> Camera:
        """A real :class:`Camera` on this device and its clock."""
        return Camera(index, opener=self.open, clock=self.clock, sleep=self.clock.sleep, **options)

    def _grab(self) -> bool:
        self.grabs += 1
        if self.dies_after is not None and self.delivered >= self.dies_after and self._died is None:
            self._died = self.clock()
        if self._died is not None or self.grabs in self.hiccups:
            return False
        self.clock.sleep(1 / self.fps)
        self.delivered += 1
        return True


class _Device:
    def __init__(self, owner: FakeCamera, works: bool) -> None:
        self._owner = owner
        self._works = works

    def isOpened(self) -> bool:  # noqa: N802
        return self._works

    def grab(self) -> bool:
        return self._works and self._owner._grab()

    def retrieve(self) -> tuple[bool, Any]:
        images = self._owner.frames
        return True, images[(self._owner.delivered - 1) % len(images)].copy()

    def get(self, prop: int) -> float:
        return self._owner.fps if prop == cv2.CAP_PROP_FPS else 0.0

    def set(self, prop: int, value: float) -> bool:
        return False

    def release(self) -> None:
        self._works = False
        self._owner.released += 1
