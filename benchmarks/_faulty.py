"""Faults for a session: a camera with every fault that cameras have, a failing model, a lost screen.

Run as a program it is ``posesync-live`` with such faults, in a process of its own:

    python benchmarks/_faulty.py '{"clip": …, "camera": [["dies", 20, 2.0]], "report": …}' --reference …
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Fault:
    """A fault of the camera.

    kind: what :func:`_instead` knows, for ``amount`` images; or ``stall`` (a grab that blocks for ``amount``
        s), ``silent`` (grabs that fail for ``amount`` s), ``dies`` (away for ``amount`` s, cannot be opened),
        ``size`` (``amount`` times as large from now on), ``raises`` (``amount`` grabs raise OpenCV's error).
    at: number of the image at which it begins.
    amount: s, or number of images.
    """

    kind: str
    at: int
    amount: float = 1.0


def _torn(image: Image, rng: np.random.Generator) -> Image:
    """Return the upper half of one moment over the lower half of another, which is shifted too."""
    torn = image.copy()
    half = len(image) // 2
    torn[half:] = np.roll(image[half:], int(rng.integers(20, 200)), axis=1)
    return torn


def _instead(kind: str, image: Image, rng: np.random.Generator) -> Any:
    """Return the image delivered instead; None for no image."""
    if kind == "torn":
        return _torn(image, rng)
    if kind == "corrupt":
        return _corrupt(image, rng)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return {
        "black": np.zeros_like(image),
        "white": np.full_like(image, 255),
        "noise": rng.integers(0, 256, image.shape, np.uint8),
        "grey": grey,
        "flat": grey[..., None],
        "alpha": cv2.cvtColor(image, cv2.COLOR_BGR2BGRA),
        "deep": image.astype(np.uint16) * 257,
        "bytes": rng.integers(0, 256, (1, 5000), np.uint8),
        "two": image[..., :2].copy(),
        "tiny": image[:1, :1].copy(),
        "empty": np.empty((0, 0, 3), np.uint8),
        "none": None,
    }[kind]


def _corrupt(image: Image, rng: np.random.Generator) -> Any:
    """Return an image decoded from a JPEG with lost bytes; None if it cannot be decoded."""
    data = cv2.imencode(".jpg", image)[1].ravel()
    damaged = data.copy()
    where = rng.integers(200, len(data), 60)
    damaged[where] = rng.integers(0, 256, len(where))
    return cv2.imdecode(damaged[: int(len(damaged) * rng.uniform(0.5, 1))], cv2.IMREAD_COLOR)


class FaultyCamera:
    """Stands behind ``posesync.pose.camera.open_device``; real time, real images, faults on cue.

    images: delivered in a circle, ``fps`` each second.
    faults: what goes wrong, in the order in which it begins.
    last: number of images after which it is gone for good.
    """

    def __init__(
        self,
        images: Sequence[Image],
        faults: Sequence[Fault] = (),
        *,
        fps: float = 30.0,
        last: int | None = None,
        note: str | None = None,
    ) -> None:
        self.images = list(images)
        self.faults = sorted(faults, key=lambda fault: fault.at)
        self.fps = fps
        self.last = last
        self.count = 0
        #: A file that gets the time of every image, s, at once: it tells what a killed session had captured.
        self._note = None if note is None else os.open(note, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.opened = self.released = 0
        self.scale = 1.0
        self.rng = np.random.default_rng(1)
        self._away_until = 0.0
        self._silent_until = 0.0
        self._raising = 0
        self._next = 0.0
        self._instead: list[str] = []
        self.grabbing = threading.Lock()
        #: How often the device was released while another thread was in it: drivers crash on that.
        self.trampled = 0

    def open(self, index: int) -> FaultyDevice:
        """As ``cv2.VideoCapture(index)``."""
        works = index == 0 and time.monotonic() >= self._away_until and not self._gone
        self.opened += works
        return FaultyDevice(self, works)

    @property
    def _gone(self) -> bool:
        return self.last is not None and self.count >= self.last

    def grab(self) -> bool:
        now = time.monotonic()
        if self._gone or now < self._away_until:
            return False
        if now < self._silent_until:
            return False
        while self.faults and self.faults[0].at <= self.count:
            self._begin(self.faults.pop(0))
        if self._raising:
            self._raising -= 1
            raise cv2.error("a driver's idea of an exception")
        if time.monotonic() < max(self._away_until, self._silent_until):
            return False
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = max(self._next, time.monotonic() - 0.1) + 1 / self.fps
        self.count += 1
        if self._note is not None:
            os.write(self._note, struct.pack("d", time.monotonic()))
        return True

    def _begin(self, fault: Fault) -> None:
        now = time.monotonic()
        if fault.kind == "stall":
            time.sleep(fault.amount)
        elif fault.kind == "silent":
            self._silent_until = now + fault.amount
        elif fault.kind == "dies":
            self._away_until = now + fault.amount
        elif fault.kind == "size":
            self.scale = fault.amount
        elif fault.kind == "raises":
            self._raising = int(fault.amount)
        else:
            self._instead += [fault.kind] * int(fault.amount)

    def image(self) -> Any:
        image = self.images[(self.count - 1) % len(self.images)]
        if self.scale != 1.0:
            image = cv2.resize(image, None, fx=self.scale, fy=self.scale)
        if self._instead:
            return _instead(self._instead.pop(0), image, self.rng)
        return image.copy()


class FaultyDevice:
    """One opening of the camera."""

    def __init__(self, camera: FaultyCamera, works: bool) -> None:
        self._camera = camera
        self._works = works

    def isOpened(self) -> bool:  # noqa: N802
        return self._works

    def grab(self) -> bool:
        with self._camera.grabbing:
            return self._works and self._camera.grab()

    def retrieve(self) -> tuple[bool, Any]:
        image = self._camera.image()
        return image is not None, image

    def get(self, prop: int) -> float:
        return self._camera.fps if prop == cv2.CAP_PROP_FPS else 0.0

    def set(self, prop: int, value: float) -> bool:  # noqa: ARG002
        return False

    def release(self) -> None:
        self._camera.trampled += self._camera.grabbing.locked()
        self._camera.released += self._works
        self._works = False


class FaultyModel:
    """Makes inference fail at some calls, as on a GPU that is out of memory."""

    def __init__(self, run: Callable[..., Any], calls: Sequence[int]) -> None:
        self._run = run
        self._calls = set(calls)
        self._count = 0

    def __call__(self, session: Any, feeds: Any, name: str) -> Any:
        self._count += 1
        if self._count in self._calls:
            return self._run(_Raising(), feeds, name)
        return self._run(session, feeds, name)


class _Raising:
    def run(self, names: Any, feeds: Any) -> Any:  # noqa: ARG002
        raise RuntimeError("CUDA failure 2: out of memory")


def close_display(after: float, how: str) -> None:
    """After so many s: ``button`` (the window's own), ``quit`` (SDL loses its display), or a server's pid."""

    def act() -> None:
        import pygame

        while not pygame.display.get_init():
            time.sleep(0.02)
        time.sleep(after)
        if how == "button":
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        elif how == "quit":
            pygame.display.quit()
        else:
            os.kill(int(how), 9)

    threading.Thread(target=act, name="saboteur", daemon=True).start()


def read_images(path: str | Path) -> list[Image]:
    """Return every image of a clip."""
    from posesync.pose.sources import open_source

    with open_source(path) as source:
        return [frame.image for frame in source]


def main() -> None:
    """``posesync-live`` with faults; what was left running at its end goes into the file ``report``."""
    spec = json.loads(sys.argv[1])
    sys.argv[1:2] = []
    from posesync.pose import camera, movenet
    from posesync.realtime.commands import cli

    device = None
    if "camera" in spec:
        faults = [Fault(*fault) for fault in spec["camera"]]
        device = FaultyCamera(read_images(spec["clip"]), faults, last=spec.get("last"), note=spec.get("note"))
        camera.open_device = device.open
    if "inference" in spec:
        movenet.run = FaultyModel(movenet.run, spec["inference"])
    if "display" in spec:
        close_display(*spec["display"])
    try:
        cli.live_main()
    finally:
        threads = [t.name for t in threading.enumerate() if t.name not in ("MainThread", "saboteur")]
        Path(spec["report"]).write_text(
            json.dumps({"threads": threads, "trampled": device.trampled if device else 0})
        )


if __name__ == "__main__":
    main()
