"""Extracts the sound of a video, on the clock of its pictures, and adds it to another video."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from posesync.pose.decoding import main_stream
from posesync.pose.errors import SourceError
from posesync.pose.files import PartFile
from posesync.pose.opening import open_media
from posesync.realtime.audio.track import RATE, SoundTrack

log = logging.getLogger(__name__)

_RATE = 48_000  # samples of sound per s


def extract_sound(video: Path, target: Path, until: float | None = None) -> bool:
    """Write a video's sound to ``target``, an .m4a of AAC; time 0 is the video's first picture.

    It is always encoded anew: what containers of other kinds say about the times of their packets is not
    what MP4 needs, and some need not say it.

    Args:
        video: the video; of several sound tracks the one marked as default is taken.
        target: the file to write.
        until: s after which nothing is needed.

    Returns:
        False when there is no sound, or none that can be read: then no file is written, and the log says why
        if something is wrong.
    """
    written = 0
    try:
        track = SoundTrack(video)
    except SourceError as error:
        if not has_no_sound(video):
            log.warning("%s: the video is silent", str(error).partition(": check")[0])
        return False
    try:
        with av.open(f"file:{target.absolute()}", "w", format="mp4") as sink:
            stream: Any = sink.add_stream("aac", rate=_RATE)
            stream.layout = "stereo"
            resampler: Any = av.AudioResampler("fltp", "stereo", _RATE)
            for block in track.blocks(until):
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), "fltp", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = RATE, written, Fraction(1, RATE)
                for part in resampler.resample(frame):
                    sink.mux(stream.encode(part))
                written += len(block)
            for part in resampler.resample(None) if written else ():
                sink.mux(stream.encode(part))
            sink.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        log.warning("the sound of %s cannot be read (%s): the video is silent", video.name, reason)
        written = 0
    finally:
        track.close()
    if not written:
        target.unlink(missing_ok=True)
    return written > 0


def lay_under(video: Path, sound: Path) -> None:
    """Add the sound of another file to a finished MP4, from its first picture to its last.

    Encoders put the first picture some frames after the file's beginning, so the sound is shifted with it.
    The video is replaced in one step; when that fails it stays silent, and the log says why.
    """
    part: PartFile | None = None
    try:
        part = PartFile(video)
        with (
            open_media(video) as pictures,
            open_media(sound) as tones,
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


def has_no_sound(video: Path) -> bool:
    """Return whether a video opens and has no sound stream."""
    try:
        with open_media(video) as source:
            return main_stream(source, "audio") is None
    except (av.FFmpegError, OSError, ValueError):
        return False


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
