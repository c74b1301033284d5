"""Checks in a separate process whether an uploaded file is a usable video: it may be malicious.

A file that makes a decoder crash, hang or take all memory ends that process alone.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import av
from posesync.pose.decoding import MAX_AREA, main_stream
from posesync.pose.errors import PoseSyncError
from posesync.pose.opening import open_media
from posesync.pose.video_file import VideoFile
from posesync.reference.prepare import MIN_DURATION
from posesync.reference.worker_process import start_process

#: Accepted formats, by FFmpeg's name → their file suffix. Playlists, pictures and scripts are not among them.
KINDS: Final = {
    "mov": ".mp4",
    "matroska": ".mkv",
    "avi": ".avi",
    "mpegts": ".ts",
    "mpeg": ".mpg",
    "flv": ".flv",
    "asf": ".wmv",
    "ogg": ".ogv",
}
#: s that the inspection may take.
PATIENCE: Final = 60.0

_WEB_CODECS: Final = frozenset({"vp8", "vp9", "av1", "opus", "vorbis"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is refused.

    Attributes:
        status: HTTP status.
        code: one word for programs.
        message: one line.
    """

    status: int
    code: str
    message: str


def inspect_in_child(path: Path, longest: float, patience: float = PATIENCE) -> str | Refusal:
    """Return the result of :func:`inspect`, run in a separate process for at most ``patience`` s."""
    ours, process = start_process(_serve, path, longest)
    try:
        if ours.poll(patience):
            with suppress(EOFError, OSError):
                found: str | Refusal = ours.recv()
                return found
        return _no_video("it cannot be decoded")
    finally:
        ours.close()
        process.join(0.5)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(connection: Connection, path: Path, longest: float) -> None:
    connection.send(inspect(path, longest))


def inspect(path: Path, longest: float) -> str | Refusal:
    """Inspect a file as hostile input: read every packet of its pictures and decode the first one.

    Args:
        path: the file.
        longest: s that a video may last, at most.

    Returns:
        The suffix for the file, one of :data:`.upload_store.SUFFIXES`; or why it is refused.
    """
    try:
        with open_media(path, tuple(KINDS)) as container:
            stream = main_stream(container, "video")
            if stream is None:
                return _no_video("it has no pictures")
            if (refusal := _check(container, stream, longest)) is not None:
                return refusal
            suffix = _suffix(container)
        with VideoFile(path):
            return suffix
    except PoseSyncError:
        return _no_video("its pictures cannot be decoded")
    except (av.FFmpegError, OSError, ValueError) as error:
        return _no_video(str(getattr(error, "strerror", None) or type(error).__name__))


def _check(container: Any, stream: Any, longest: float) -> Refusal | None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_AREA:
        return Refusal(
            422, "too-big", f"the video has {width} × {height} pixels, expected 8K at most: make it smaller"
        )
    duration = _duration(container, stream, longest)
    if duration > longest:
        return Refusal(
            422, "too-long", f"the video is longer than {longest / 60:g} minutes: cut it into parts"
        )
    if duration < MIN_DURATION - 1e-6:
        return Refusal(
            422,
            "too-short",
            f"the video is {duration:.1f} s long, expected {MIN_DURATION:g} s at least: take a longer one",
        )
    return None


def _duration(container: Any, stream: Any, longest: float) -> float:
    """Return the length, s, from the packets: a header may say anything."""
    first, last = float("inf"), float("-inf")
    count, rate = 0, float(stream.average_rate or stream.guessed_rate or 30)
    with suppress(av.FFmpegError):  # truncated: it is used up to there
        for packet in container.demux(stream):
            count += packet.size > 0
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None:
                moment = float(stamp * packet.time_base)
                first, last = min(first, moment), max(last, moment)
            if last - first > longest or count / rate > 10 * longest:
                return float("inf")
    return max(last - first, 0.0) + 1 / rate if count and last >= first else count / rate


def _suffix(container: Any) -> str:
    kind = container.format.name.split(",")[0]
    codecs = {s.codec_context.name for s in container.streams if s.codec_context is not None}
    if kind == "matroska" and codecs <= _WEB_CODECS | {"libdav1d", "libvpx", "libvpx-vp9"}:
        return ".webm"
    if kind == "mov" and container.metadata.get("major_brand", "").strip() == "qt":
        return ".mov"
    return KINDS[kind]


def _no_video(why: str) -> Refusal:
    return Refusal(
        415, "not-a-video", f"this is not a video that can be used ({why}): take an MP4, MOV, MKV or WebM"
    )
