"""One door for frames: a video file, a webcam, a network stream or a folder of images."""

from __future__ import annotations

from pathlib import Path

from .errors import SourceError
from .frame_source import FrameSource, SourceInfo
from .video_file import VideoFile

__all__ = ["FrameSource", "SourceInfo", "VideoFile", "open_source"]


def open_source(spec: str | Path | int, *, paced: bool = False, max_height: int | None = None) -> FrameSource:
    """Open whatever ``spec`` names.

    Args:
        spec: path of a video file.
        paced: play a file at its own pace, as a camera would deliver it; no meaning for what is live.
        max_height: px; higher images are scaled down.

    Raises:
        SourceError: it does not exist or cannot be read.
    """
    if isinstance(spec, int):
        raise SourceError(f"no such camera: {spec}")
    return VideoFile(spec, paced=paced, max_height=max_height)
