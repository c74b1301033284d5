"""Webcams: found by number or name, opened quickly, and recovered when lost."""

from __future__ import annotations

import logging
import os
import platform
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from .decoding import MAX_AREA
from .errors import SourceError
from .frame_source import FrameSource, SourceInfo
from .types import Frame, Image

log = logging.getLogger(__name__)

_LINUX = platform.system() == "Linux"
_DEVICES = Path("/dev")
_SYSFS = Path("/sys/class/video4linux")
_PROBED = 5  # indexes that are tried where the system has no list of names
_START_GRACE = 5.0  # s: webcams deliver nothing for a moment after they are opened
_READ_GRACE = 1.0  # s: single failed reads are ignored, a second of them means a lost camera
_RETRY = 0.02  # s between two failed reads
_CLOSE_GRACE = 0.5  # s that closing waits for a read to end; a driver that hangs keeps the device
_LEAST_SIDE = 16  # px; a smaller image is a broken one
_MOST_STRETCHED = 16  # ratio of sides beyond which an image is a broken one


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera of this machine: its index, for :class:`Camera`, and its name."""

    index: int
    name: str


class Capture(Protocol):
    """The part of ``cv2.VideoCapture`` that :class:`Camera` needs; tests put a fake in its place."""

    def isOpened(self) -> bool:  # noqa: N802
        """Return whether the device is open."""

    def grab(self) -> bool:
        """Capture the next image in the device; return False when there is none."""

    def retrieve(self) -> tuple[bool, Any]:
        """Decode the captured image."""

    def get(self, prop: int) -> float:
        """Return the value of a property, 0 when unknown."""

    def set(self, prop: int, value: float) -> bool:
        """Request a value for a property; the device may refuse."""

    def release(self) -> None:
        """Release the device."""


class Camera(FrameSource):
    """A webcam. Times are those of the monotonic clock when the image was grabbed, from the first frame on.

    When the camera is lost (unplugged, taken by another program), :meth:`read` returns None until
    :meth:`reopen` succeeds; times then continue, including the gap. See
    :func:`posesync.pose.frame_source.resume`.
    """

    is_live = True

    def __init__(
        self,
        camera: int | str = 0,
        *,
        width: int = 1280,
        height: int = 720,
        fps: float = 30.0,
        max_height: int | None = None,
        opener: Callable[[int], Capture] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a camera and wait for its first image.

        Args:
            camera: index, or a part of the name, in any case.
            width: px, requested; the camera gives the nearest that it has.
            height: px, requested.
            fps: frames per second, requested.
            max_height: px; higher images are scaled down.
            opener: opens the device of an index; for tests.
            clock: s, monotonic.
            sleep: waits the given s.

        Raises:
            SourceError: there is no such camera, or it delivers no image.
        """
        self._open = opener or open_device
        self._asked = (width, height, fps)
        self._max_height = max_height
        self._clock = clock
        self._sleep = sleep
        self._start: float | None = None
        self._last = -1.0
        self._index = 0
        self._closed = False
        self._rate: float | None = None
        self._capture: Capture | None = None
        self._pending: Frame | None = None
        #: Held while the driver works: releasing a device that is being read crashes some drivers.
        self._at_work = threading.Lock()
        self.camera = _named(camera)
        first = self._connect(_START_GRACE)
        if first is None:
            raise SourceError(_why_not(self.camera))
        size = first.image.shape
        self.info = SourceInfo(self.camera.name, "camera", size[1], size[0], fps=self._rate)

    @property
    def lost(self) -> bool:
        """Whether the camera has stopped delivering and :meth:`reopen` is due."""
        return self._capture is None

    def read(self) -> Frame | None:
        """Wait for the next image and return it; None when the camera is lost or closed."""
        if self._pending is not None:
            frame, self._pending = self._pending, None
            return frame
        return self._grab(_READ_GRACE)

    def reopen(self) -> bool:
        """Try once to open the same camera again; True when it delivers an image."""
        if self._closed:
            return False
        self._release()
        return self._connect(_READ_GRACE) is not None

    def close(self) -> None:
        """Release the camera. May be called from another thread than the one that reads."""
        self._closed = True
        self._pending = None
        if self._at_work.acquire(timeout=_CLOSE_GRACE):
            try:
                self._release()
            finally:
                self._at_work.release()
        else:
            log.debug("%s: the driver hangs; the camera is released when it answers", self.camera.name)

    def _connect(self, grace: float) -> Frame | None:
        """Open the device and take its first image, which :meth:`read` returns next."""
        capture = self._open(self.camera.index)
        if not capture.isOpened():
            capture.release()
            return None
        width, height, fps = self._asked
        # USB 2 carries 720p at 30 fps only compressed; the format is set first, because sizes depend on it.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest image, not one from a queue
        rate = capture.get(cv2.CAP_PROP_FPS)
        self._rate = (
            rate if 1 <= rate <= 1000 else None
        )  # drivers report 0 or nonsense where they do not know
        self._capture = capture
        self._pending = self._grab(grace)
        return self._pending

    def _grab(self, grace: float) -> Frame | None:
        """Return one image within ``grace`` s; otherwise mark the camera as lost."""
        deadline = self._clock() + grace
        while self._capture is not None:
            with self._at_work:
                image, now = self._take()
                if self._closed or (image is None and now >= deadline):
                    log.debug("%s delivers nothing for %.1f s", self.camera.name, grace)
                    self._release()
            if self._capture is not None and image is not None:
                return self._frame(image, now)
            if self._capture is not None:
                self._sleep(_RETRY)
        return None

    def _take(self) -> tuple[Image | None, float]:
        """Return an image if the device has a usable one now, and its time, s."""
        image = None
        if self._capture is not None:
            try:
                if self._capture.grab():
                    now = self._clock()
                    return _as_bgr(self._capture.retrieve()), now
            except cv2.error as error:  # some back ends raise where others return False
                log.debug("%s: %s", self.camera.name, error)
        return image, self._clock()

    def _frame(self, image: Image, now: float) -> Frame:
        if self._start is None:
            self._start = now
        # A coarse clock may stand still between two frames, but times must increase.
        self._last = max(now - self._start, self._last + 1e-6) if self._index else 0.0
        frame = Frame(_limited(image, self._max_height), self._last, self._index)
        self._index += 1
        return frame

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def open_device(index: int) -> Capture:
    """Open a device with the system's own back end: others start slowly or only print errors."""
    backends = {"Linux": cv2.CAP_V4L2, "Windows": cv2.CAP_DSHOW, "Darwin": cv2.CAP_AVFOUNDATION}
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture: Capture = cv2.VideoCapture(index, backends.get(platform.system(), cv2.CAP_ANY))
    finally:
        cv2.utils.logging.setLogLevel(level)
    return capture


def list_cameras() -> list[CameraInfo]:
    """Return the cameras of this machine, by index.

    Linux names them; a node that carries no images (metadata) is left out. Elsewhere indexes 0 to 4 are
    tried, which takes a moment, and the names are only "camera N".
    """
    if _LINUX:
        return _linux_cameras(_SYSFS)
    found = []
    for index in range(_PROBED):
        capture = open_device(index)
        if capture.isOpened():
            found.append(CameraInfo(index, f"camera {index}"))
        capture.release()
    return found


def _linux_cameras(folder: Path) -> list[CameraInfo]:
    cameras = []
    for node in folder.glob("video*") if folder.is_dir() else ():
        number = re.fullmatch(r"video(\d+)", node.name)
        try:
            name = (node / "name").read_text(errors="replace").strip()
            # A camera has one node for images (index 0), the others are for metadata.
            first = (node / "index").read_text().strip() == "0"
        except OSError:
            continue
        if number and first:
            cameras.append(CameraInfo(int(number[1]), name or f"camera {number[1]}"))
    return sorted(cameras, key=lambda camera: camera.index)


def find_camera(name: str) -> CameraInfo | None:
    """Return the first camera whose name contains ``name``, in any case; None when there is none."""
    return next((camera for camera in list_cameras() if name.casefold() in camera.name.casefold()), None)


def describe_cameras() -> str:
    """Return the available cameras in words, for messages: ``found 0 (Integrated Camera)``."""
    cameras = list_cameras()
    if not cameras:
        return "none was found: plug one in, or give a video file"
    return "found " + ", ".join(f"{c.index} ({c.name})" for c in cameras) + ": give one of these"


def _named(camera: int | str) -> CameraInfo:
    if isinstance(camera, int):
        known = _linux_cameras(_SYSFS)  # on other systems listing would open every camera
        return next((c for c in known if c.index == camera), CameraInfo(camera, f"camera {camera}"))
    found = find_camera(camera)
    if found is None:
        raise SourceError(f"no camera is called {camera!r}, {describe_cameras()}")
    return found


def _why_not(camera: CameraInfo) -> str:
    device = _DEVICES / f"video{camera.index}"
    if _LINUX and device.exists():
        if not os.access(device, os.R_OK | os.W_OK):
            return f"no permission to open {device}: add yourself to the group 'video' and log in again"
        return (
            f"camera {camera.index} ({camera.name}) delivers no image: close other programs that use it, "
            "or plug it in again"
        )
    return f"there is no camera {camera.index}, {describe_cameras()}"


def _as_bgr(retrieved: tuple[bool, Any]) -> Image | None:
    """Return the image as (H, W, 3) uint8, or None when the driver delivered something else."""
    ok, image = retrieved
    if not ok or not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or not image.size:
        return None
    short, long = sorted(image.shape[:2])
    if short < _LEAST_SIDE or long > _MOST_STRETCHED * short or short * long > MAX_AREA:
        return None
    if image.dtype == np.uint16:  # infrared and depth cameras
        image = (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        return None
    channels = 1 if image.ndim == 2 else image.shape[2]
    codes = {1: cv2.COLOR_GRAY2BGR, 2: cv2.COLOR_YUV2BGR_YUY2, 4: cv2.COLOR_BGRA2BGR}
    result: Any = cv2.cvtColor(image, codes[channels]) if channels in codes else image
    return result if result.shape[2:] == (3,) else None


def _limited(image: Image, max_height: int | None) -> Image:
    height, width = image.shape[:2]
    if max_height is None or height <= max_height:
        return image
    size = (max(1, round(width * max_height / height)), max_height)
    result: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return result
