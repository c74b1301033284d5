"""Turns the fragments of a recording into an ordinary MP4, at its end or when its process was killed."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any, Final

import av

from .errors import OutputError
from .files import PartFile, keep_under_free_name, reason_of
from .fragments import repair
from .opening import open_media

log = logging.getLogger(__name__)

_FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
_COPIED_AUDIO: Final = frozenset({"aac", "mp3"})  # formats that every browser plays inside MP4


def format_for(path: Path) -> str:
    """Return FFmpeg's name for the format of a file to be written.

    Raises:
        OutputError: its suffix is none of a video.
    """
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(f"{path} is not a name for a video: use the suffix .mp4") from None


def recover(part: Path, target: Path) -> Path | None:
    """Complete a recording whose process was killed; it plays up to the last half second.

    Repeated after it was interrupted, it comes to the same file.

    Args:
        part: the hidden file that was written.
        target: the name it was to get. A file that is there by now stays, and this one gets another name.

    Returns:
        Where it is now; None when it showed nothing and was deleted.

    Raises:
        OSError: it cannot be read, changed or renamed.
    """
    duration = repair_fragments(part)
    if duration <= 0:
        part.unlink(missing_ok=True)
        return None
    put_index_first(part, format_for(target), None, duration)
    return keep_under_free_name(part, target)


def repair_fragments(part: Path) -> float:
    """Cut a file after its last complete picture; return the seconds that play, 0 when nothing does."""
    try:
        repair(part)
    except OSError as problem:
        log.debug("%s: mending: %s", part, problem)
    return max(_ends(part), default=0.0)


def put_index_first(part: Path, container: str, audio_from: Path | None, duration: float) -> None:
    """Turn fragments into an MP4 with the index first, in place; when that fails they stay, and play."""
    try:
        whole = PartFile(part)
        try:
            copied = _remux(part, whole.path, container, audio_from, duration)
            if count_pictures(whole.path) < copied:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            whole.take_place()
        finally:
            whole.discard()
    except (av.FFmpegError, OSError) as error:
        log.warning("the video is kept in fragments (%s): it plays, but seeks slowly", reason_of(error))


def _remux(part: Path, whole: Path, container: str, audio_from: Path | None, duration: float) -> int:
    """Copy the packets into a file whose index comes first, with the sound of another file, if any.

    Returns:
        The number of pictures.
    """
    pictures = 0
    with (
        open_media(part) as source,
        av.open(
            f"file:{whole.absolute()}", "w", format=container, options={"movflags": "faststart"}
        ) as target,
    ):
        video = source.streams.video[0]
        copy: Any = target.add_stream_from_template(video)
        sound = _open_sound(audio_from) if audio_from is not None else None
        try:
            track: Any = (
                target.add_stream_from_template(sound.streams.audio[0]) if sound is not None else None
            )
            for packet in source.demux(video):
                if packet.dts is not None:
                    pictures += _is_whole(packet)
                    packet.stream = copy
                    target.mux(packet)
            if sound is not None:
                _copy_sound(sound, target, track, duration)
        finally:
            if sound is not None:
                sound.close()
    return pictures


def _open_sound(path: Path) -> Any | None:
    """Return the opened file at ``path`` if its sound can be copied; otherwise None, with a warning."""
    try:
        source: Any = open_media(path)
    except (av.FFmpegError, OSError) as error:
        log.warning("the video is silent: the sound of %s cannot be read (%s)", path, error)
        return None
    tracks = source.streams.audio
    if not tracks or tracks[0].codec_context.name not in _COPIED_AUDIO:
        kind = tracks[0].codec_context.name if tracks else "none"
        log.warning("the video is silent: %s has sound %s, expected AAC or MP3", path.name, kind)
        source.close()
        return None
    return source


def _copy_sound(source: Any, target: Any, track: Any, duration: float) -> None:
    for packet in source.demux(source.streams.audio[0]):
        if packet.dts is None:
            continue
        if float(packet.dts * packet.time_base) >= duration:
            return
        packet.stream = track
        target.mux(packet)


def _is_whole(packet: Any) -> bool:
    """Return whether a packet holds a picture that is not cut off, as where a file ends."""
    return bool(packet.size) and not packet.is_corrupt and packet.pts is not None


def count_pictures(path: Path) -> int:
    """Return the number of pictures in a file that can be read as a whole."""
    return len(_ends(path))


def _ends(path: Path) -> list[float]:
    """Return when each picture of a file ends, s, as far as it can be read."""
    ends: list[float] = []
    try:
        with open_media(path) as container:
            for packet in container.demux(container.streams.video[0]):
                if _is_whole(packet) and packet.time_base is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    ends.append(float(end))
    except (av.FFmpegError, OSError, IndexError):
        pass
    return ends
