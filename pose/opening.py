"""Opens containers for reading: the one door to FFmpeg, with one list of formats for every file.

A file is hostile input. FFmpeg also takes playlists, scripts and patterns for videos (HLS, concat, DASH, SDP,
image sequences, lavfi), whatever the file is called; they make it open other files, or other computers. Only
formats that hold their own pictures and sound are read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, Final

import av

from .decoding import ODD_METADATA, PICTURE_LIMIT, decoded_frames, limit_pictures, main_stream

#: Formats by FFmpeg's names: containers of video and sound, none of which names another file.
FORMATS: Final = (
    *("mov", "matroska", "webm", "avi", "flv", "live_flv", "mpegts", "mpeg", "asf", "asf_o", "ogg", "mxf"),
    *("nut", "dv", "gif", "apng", "ivf", "obu", "h264", "hevc", "m4v", "mpegvideo", "mjpeg", "wtv", "rm"),
    *("yuv4mpegpipe", "wav", "w64", "mp3", "aac", "flac", "aiff", "caf", "ac3", "eac3", "au"),
)


def open_media(path: Path, formats: tuple[str, ...] = FORMATS) -> Any:
    """Open a file for reading; nothing but this file is read.

    Args:
        path: a regular file.
        formats: accepted formats, of :data:`FORMATS`.

    Raises:
        av.FFmpegError: missing, unreadable, or of another format.
        OSError: not a regular file: a pipe or a device could make it wait for ever.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(formats), **PICTURE_LIMIT}
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    # "file:", so that a name such as "concat:a" is not taken for a protocol.
    return av.open(f"file:{os.path.abspath(path)}", options=options, **ODD_METADATA)  # noqa: PTH100


def first_picture(path: Path) -> float:
    """Return the time of the first picture that can be decoded, s on the file's clock; 0 without one.

    Raises:
        av.FFmpegError, OSError: the file cannot be opened.
    """
    with open_media(path) as container:
        stream = main_stream(container, "video")
        if stream is None:
            return 0.0
        first = next(decoded_frames(container, limit_pictures(stream), path.name), None)
        return 0.0 if first is None or first.time is None else float(first.time)
