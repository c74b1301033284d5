"""Checks of `posesync doctor` by trial: each camera for a second, a video written and read back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from .camera import Camera, CameraInfo, list_cameras
from .diagnosis import Finding, Severity, from_error
from .errors import PoseSyncError
from .sources import open_source
from .types import Image
from .writer import VideoWriter

#: s for which a camera's frame rate is measured.
WATCH: Final = 1.0
#: s to the first image from which a start counts as slow.
SLOW_START: Final = 4.0
#: Frames per second below which movement gets lost between two frames.
FEW_FRAMES: Final = 20.0

#: Formats that phones, webcams and the web deliver.
_WANTED_DECODERS: Final = ("h264", "hevc", "vp9", "av1", "mjpeg")
_SIZE: Final = (320, 240)
_FRAMES: Final = 30
#: Mean difference, out of 255, between written and decoded picture that a lossy codec may cause.
_LOSS: Final = 12.0


def check_cameras(
    cameras: Sequence[CameraInfo] | None = None,
    *,
    open_camera: Callable[[int], Camera] = Camera,
    clock: Callable[[], float] = time.monotonic,
) -> list[Finding]:
    """Open every camera and measure it for a moment.

    Args:
        cameras: the cameras to check; None: all of this machine.
        open_camera: opens one by its index.
        clock: s, monotonic.
    """
    found = list_cameras() if cameras is None else cameras
    if not found:
        return [
            Finding(
                "camera",
                Severity.WARNING,
                "no camera was found",
                "plug one in, or give --camera a video file or a network camera's address",
            )
        ]
    return [_check_camera(camera, open_camera, clock) for camera in found]


def _check_camera(
    info: CameraInfo, open_camera: Callable[[int], Camera], clock: Callable[[], float]
) -> Finding:
    topic = f"camera {info.index}"
    began = clock()
    try:
        camera = open_camera(info.index)
    except PoseSyncError as error:
        return from_error(topic, error, Severity.WARNING)
    start = clock() - began
    try:
        times, dark = _watch(camera, clock)
    finally:
        camera.close()
    width, height = camera.info.width, camera.info.height
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
    details = {
        "name": info.name,
        "width": width,
        "height": height,
        "fps": round(fps, 1),
        "start_s": round(start, 2),
        "dark": dark,
    }
    text = f"{info.name}: {width} × {height}, {fps:.0f} fps, first image after {start:.1f} s"
    if len(times) < 2:
        return Finding(
            topic, Severity.WARNING, f"{text}, then none", "plug it in directly, without a hub", details
        )
    if dark:
        how = "open its shutter, take the cap off, or switch the light on"
        return Finding(topic, Severity.WARNING, f"{text}; the picture is black", how, details)
    if fps < FEW_FRAMES:
        how = "more light lets it expose shorter; a USB 3 port or a smaller resolution also help"
        return Finding(topic, Severity.WARNING, text, how, details)
    if start > SLOW_START:
        how = "it is slow to wake up: start it before you need it, and plug it in directly"
        return Finding(topic, Severity.NOTE, text, how, details)
    return Finding(topic, Severity.OK, text, details=details)


def _watch(camera: Camera, clock: Callable[[], float]) -> tuple[list[float], bool]:
    """Return the times, s, of the frames of one second, and whether all of them were black."""
    times, dark = [], True
    end = clock() + WATCH
    while clock() < end and (frame := camera.read()) is not None:
        times.append(frame.time)
        dark = dark and float(frame.image[::8, ::8].max()) < 16
    return times, dark


def check_codecs(folder: Path) -> list[Finding]:
    """Write a short video into ``folder`` like a recording, read it back, and compare."""
    path = folder / "doctor.mp4"
    pictures = [_picture(number) for number in range(_FRAMES)]
    began = time.perf_counter()
    try:
        with VideoWriter(path, *_SIZE, 30, keep_partial=False) as writer:
            for picture in pictures:
                writer.write(picture)
        written = time.perf_counter()
        with open_source(path) as source:
            back = [frame.image for frame in source]
    except PoseSyncError as error:
        return [from_error("video", error, Severity.BLOCKER)]
    finally:
        path.unlink(missing_ok=True)
    encode, decode = (written - began) / _FRAMES, (time.perf_counter() - written) / _FRAMES
    loss = max(
        (float(np.abs(a.astype(float) - b).mean()) for a, b in zip(pictures, back, strict=False)),
        default=255.0,
    )
    details: dict[str, Any] = {
        "frames": len(back),
        "encode_ms": round(1000 * encode, 2),
        "decode_ms": round(1000 * decode, 2),
        "mean_difference": round(loss, 1),
        "decoders": [name for name in _WANTED_DECODERS if name in av.codecs_available],
    }
    reinstall = "pip install --force-reinstall av"
    if len(back) != _FRAMES or loss > _LOSS:
        text = f"of {_FRAMES} pictures written as H.264, {len(back)} came back, {loss:.0f} of 255 off"
        return [Finding("video", Severity.BLOCKER, text, reinstall, details)]
    text = f"H.264 written and read back: {1000 * encode:.1f} and {1000 * decode:.1f} ms for 320 × 240"
    findings = [Finding("video", Severity.OK, text, details=details)]
    lacking = [name for name in _WANTED_DECODERS if name not in av.codecs_available]
    if lacking:
        text = f"this PyAV cannot read {', '.join(lacking)}"
        findings.append(Finding("video", Severity.WARNING, text, reinstall, {"lacking": lacking}))
    return findings


def _picture(number: int) -> Image:
    """Return a smooth pattern that moves."""
    x, y = np.meshgrid(np.arange(_SIZE[0]), np.arange(_SIZE[1]))
    waves = [127 + 100 * np.sin((x + 3 * number) / 23 + phase) * np.cos(y / 31) for phase in (0, 1, 2)]
    return np.stack(waves, axis=2).astype(np.uint8)
