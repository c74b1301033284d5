"""The sound of a synchronised video: from any container, of the right track, and on the pictures' clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from posesync.realtime.audio.track import RATE as PLAYED
from posesync.realtime.audio.track import SoundTrack
from posesync.realtime.sync.sound import extract_sound, lay_under

#: s of the file's clock at which a beep sounds, and its length.
BEEP, LENGTH = 1.0, 0.2


def tone(rate: int, layout: str, frequency: float, at: float = BEEP) -> av.AudioFrame:
    """Two seconds with a beep; in 5.1 it comes from the front."""
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    time = np.arange(2 * rate) / rate
    beep = np.where((time >= at) & (time < at + LENGTH), 0.5 * np.sin(2 * np.pi * frequency * time), 0.0)
    wave = np.zeros((channels, len(time)), np.float32)
    wave[: min(channels, 3)] = beep
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    return frame


def film(
    path: Path,
    codec: str,
    rate: int,
    layout: str,
    *,
    video: str = "libx264",
    first: float = 0.0,
    tracks: int = 1,
) -> Path:
    """Two seconds of grey from ``first`` s on; of two tracks the second is default and later."""
    with av.open(str(path), "w") as file:
        pictures: Any = file.add_stream(video, rate=20, width=64, height=64, pix_fmt="yuv420p")
        pictures.codec_context.time_base = Fraction(1, 1000)
        sounds: list[Any] = [file.add_stream(codec, rate=rate, layout=layout) for _ in range(tracks)]
        for number, sound in enumerate(sounds):
            sound.disposition = 1 if number == tracks - 1 else 0
        for k in range(40):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="bgr24")
            frame.pts, frame.time_base = round((first + k / 20) * 1000), Fraction(1, 1000)
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
        for number, sound in enumerate(sounds):
            context = sound.codec_context
            fitted = av.AudioResampler(context.format.name, layout, rate, context.frame_size or 960)
            wave = tone(rate, layout, 440.0 * (number + 1), BEEP + 0.3 * number)
            for part in [*fitted.resample(wave), *fitted.resample(None)]:
                file.mux(sound.encode(part))
            file.mux(sound.encode(None))
    return path


def beep_in(samples: np.ndarray, rate: int) -> float:
    loud = np.abs(samples) > 0.5 * np.abs(samples).max()
    return float(np.flatnonzero(loud)[0]) / rate


def beep_of(path: Path) -> float:
    """When the beep sounds in a file, s after the first picture if there is one."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
        begin, rate = float(frames[0].time or 0.0), frames[0].sample_rate
        wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    first = 0.0
    with av.open(str(path)) as file:
        if file.streams.video:
            first = float(next(iter(file.decode(video=0))).time or 0.0)
    return begin + beep_in(wave, rate) - first


FILES = {
    "flv-mp3": ("a.flv", "libmp3lame", 44_100, "stereo", {}),
    "flv-aac": ("a.flv", "aac", 44_100, "mono", {}),
    "avi-mp3": ("a.avi", "libmp3lame", 48_000, "mono", {}),
    "webm-opus": ("a.webm", "libopus", 48_000, "stereo", {"video": "libvpx"}),
    "mov-pcm": ("a.mov", "pcm_s16le", 22_050, "mono", {}),
    "ts-aac": ("a.ts", "aac", 48_000, "stereo", {}),
    "mkv-opus": ("a.mkv", "libopus", 48_000, "mono", {}),
    "mkv-mp3": ("a.mkv", "libmp3lame", 32_000, "mono", {}),
    "mkv-flac-51": ("a.mkv", "flac", 96_000, "5.1", {}),
    "mp4-aac-51": ("a.mp4", "aac", 48_000, "5.1", {}),
    "mp4-aac-11k": ("a.mp4", "aac", 11_025, "mono", {}),
    "mp4-mp3": ("a.mp4", "libmp3lame", 44_100, "stereo", {}),
    "mp4-late": ("a.mp4", "aac", 44_100, "stereo", {"first": 0.4}),
    "mkv-late": ("a.mkv", "aac", 44_100, "stereo", {"first": 0.4}),
    "ts-late": ("a.ts", "aac", 44_100, "stereo", {"first": 0.4}),
}


@pytest.mark.parametrize("name", FILES)
def test_the_beep_sounds_when_it_does_in_the_video(name: str, tmp_path: Path) -> None:
    file, codec, rate, layout, more = FILES[name]
    try:
        video = film(tmp_path / file, codec, rate, layout, **more)
    except (av.codec.codec.UnknownCodecError, ValueError) as error:
        pytest.skip(f"this FFmpeg has no {codec} ({error})")
    expected = BEEP - more.get("first", 0.0)
    sound = tmp_path / "sound.m4a"
    assert extract_sound(video, sound)
    assert beep_of(sound) == pytest.approx(expected, abs=0.03)
    played = SoundTrack(video)
    assert beep_in(played.read(0, 2 * PLAYED)[:, 0], PLAYED) == pytest.approx(expected, abs=0.03)
    played.close()


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_default_track_is_heard(name: str, tmp_path: Path) -> None:
    video, sound = film(tmp_path / name, "aac", 48_000, "mono", tracks=2), tmp_path / "sound.m4a"
    assert extract_sound(video, sound)
    assert beep_of(sound) == pytest.approx(BEEP + 0.3, abs=0.03)
    played = SoundTrack(video)
    assert beep_in(played.read(0, 2 * PLAYED)[:, 0], PLAYED) == pytest.approx(BEEP + 0.3, abs=0.03)
    played.close()


def test_in_the_finished_video_it_sounds_at_the_same_moment(tmp_path: Path) -> None:
    source = film(tmp_path / "a.avi", "libmp3lame", 48_000, "mono")
    finished = film(tmp_path / "out.mp4", "aac", 48_000, "mono", tracks=0)
    assert extract_sound(source, tmp_path / "sound.m4a", 2.0)
    lay_under(finished, tmp_path / "sound.m4a")
    assert beep_of(finished) == pytest.approx(BEEP, abs=0.03)
