"""Opens any source of frames: a video file, a webcam, a network stream or a folder of images."""

from __future__ import annotations

import re
from pathlib import Path

from .camera import Camera, CameraInfo, describe_cameras, find_camera, list_cameras
from .errors import SourceError
from .frame_source import FrameSource, SourceInfo, resume
from .image_folder import ImageFolder
from .stream import Stream, is_url
from .video_file import VideoFile

__all__ = [
    "Camera",
    "CameraInfo",
    "FrameSource",
    "ImageFolder",
    "SourceInfo",
    "Stream",
    "VideoFile",
    "list_cameras",
    "open_source",
    "resume",
]


def open_source(
    spec: str | Path | int, *, paced: bool = False, max_height: int | None = None, fps: float = 30.0
) -> FrameSource:
    """Open the source that ``spec`` names.

    Args:
        spec: a webcam's index (``0`` or ``"0"``), device (``/dev/video0``) or a part of its name; the address
            of a stream (``rtsp://…``, ``http://…``); the path of a video file or of a folder of images.
        paced: play a file or folder at its own pace, as a camera would; ignored for live sources.
        max_height: px; higher images are scaled down, where possible while they are converted.
        fps: images per second of a folder of images.

    Raises:
        SourceError: it does not exist or cannot be read; the message lists what is available.
    """
    if isinstance(spec, int):
        return Camera(spec, max_height=max_height)
    text = str(spec).strip()
    if not text:
        raise SourceError("no source was given: give a video file, a camera number or an address")
    if number := re.fullmatch(r"(?:/dev/video)?(\d{1,3})", text, re.ASCII):
        return Camera(int(number[1]), max_height=max_height)
    if isinstance(spec, str) and is_url(text):
        return Stream(text, max_height=max_height)
    path = Path(spec)
    if path.is_dir():
        return ImageFolder(path, fps=fps, paced=paced, max_height=max_height)
    if not path.exists() and not path.suffix and path.name == text:
        # Neither a path nor a file name with a suffix: it can only be a camera's name.
        if find_camera(text) is None:
            raise SourceError(f"{text} is neither a file nor a camera's name, {describe_cameras()}")
        return Camera(text, max_height=max_height)
    return VideoFile(path, paced=paced, max_height=max_height)
