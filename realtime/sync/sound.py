"""Extracts the sound of a video, on the clock of its pictures, and adds it to another video."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
from posesync.pose.decoding import ODD_METADATA
from posesync.pose.files import PartFile

log = logging.getLogger(__name__)

_COPIED: Final = ("aac", "mp3")  # formats that every browser plays inside MP4; others are converted to AAC
_RATE: Final = 48_000


def extract_sound(video: Path, target: Path) -> bool:
    """Write a video's first sound track to ``target``, an .m4a; time 0 is the video's first picture.

    Returns:
        False when there is no sound, or none that can be read: then no file is written, and the log says why
        if something is wrong.
    """
    try:
        with av.open(
            f"file:{video.absolute()}", options={"protocol_whitelist": "file"}, **ODD_METADATA
        ) as source:
            tracks = [track for track in source.streams.audio if track.codec_context is not None]
            if not tracks:
                return False
            start = _first_picture(source)
            with av.open(f"file:{target.absolute()}", "w", format="mp4") as sink:
                copies = tracks[0].codec_context.name in _COPIED
                written = (
                    _copy(source, tracks[0], sink, start)
                    if copies
                    else _encode(source, tracks[0], sink, start)
                )
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        log.warning("the sound of %s cannot be read (%s): the video is silent", video.name, reason)
        written = 0
    if not written:
        target.unlink(missing_ok=True)
    return written > 0  # fmt: skip


def lay_under(video: Path, sound: Path) -> None:
    """Add the sound of another file to a finished MP4, from its first picture to its last.

    Encoders put the first picture some frames after the file's beginning, so the sound is shifted with it.
    The video is replaced in one step; when that fails it stays silent, and the log says why.
    """
    part: PartFile | None = None
    try:
        part = PartFile(video)
        with (
            av.open(f"file:{video.absolute()}") as pictures,
            av.open(f"file:{sound.absolute()}") as tones,
            av.open(
                f"file:{part.path.absolute()}", "w", format="mp4", options={"movflags": "faststart"}
            ) as target,
        ):
            _interleave(pictures, tones, target)
        part.take_place()
    except (av.FFmpegError, OSError) as error:
        log.warning("%s is silent: its sound cannot be written (%s)", video, error)
    finally:
        if part is not None:
            part.discard()


def _interleave(pictures: Any, tones: Any, target: Any) -> None:
    shown, heard = pictures.streams.video[0], tones.streams.audio[0]
    image_track = target.add_stream_from_template(shown)
    sound_track = target.add_stream_from_template(heard)
    start, end = float((shown.start_time or 0) * shown.time_base), 0.0
    for packet in _packets(pictures, shown):
        end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        packet.stream = image_track
        target.mux(packet)
    for packet in _packets(tones, heard):
        packet.dts += round(start / packet.time_base)
        packet.pts = packet.dts
        if float(packet.dts * packet.time_base) >= end:
            return
        packet.stream = sound_track
        target.mux(packet)


def _first_picture(source: Any) -> float:
    """Return the time of the first picture, s on the file's own clock, and rewind the file."""
    if not source.streams.video:
        return 0.0
    try:
        first = next(iter(source.decode(source.streams.video[0])), None)
        return float(first.time or 0.0) if first is not None else 0.0
    finally:
        source.seek(0, any_frame=False, backward=True)


def _copy(source: Any, track: Any, sink: Any, start: float) -> int:
    copy, written = sink.add_stream_from_template(track), 0
    for packet in _packets(source, track):
        offset = round(start / packet.time_base)
        if packet.dts is None or packet.dts < offset:
            continue
        packet.dts -= offset
        packet.pts = packet.dts  # sound is not reordered
        packet.stream = copy
        sink.mux(packet)
        written += 1
    return written


def _encode(source: Any, track: Any, sink: Any, start: float) -> int:
    stream = sink.add_stream("aac", rate=_RATE)
    stream.layout = "mono" if track.codec_context.channels == 1 else "stereo"
    resampler: Any = av.AudioResampler(format="fltp", layout=stream.layout.name, rate=_RATE)
    written = 0
    for packet in _packets(source, track):
        for frame in packet.decode():
            if frame.pts is None or frame.time < start:
                continue
            frame.pts -= round(start / frame.time_base)
            for part in resampler.resample(frame):
                sink.mux(stream.encode(part))
                written += 1
    for part in resampler.resample(None):
        sink.mux(stream.encode(part))
    sink.mux(stream.encode(None))
    return written


def _packets(source: Any, track: Any) -> Iterator[Any]:
    """Yield packets up to the end, or to where a truncated file ends."""
    packets = source.demux(track)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        if packet.size:
            yield packet
