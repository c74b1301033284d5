"""How long pictures last: their own length, not that of the file, whose sound may begin or end elsewhere."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import truncate
from posesync.pose.video_file import VideoFile

#: format → (suffix, codecs of picture and sound)
FORMATS = {
    "mp4": ("mp4", "libx264", "aac"),
    "matroska": ("mkv", "libx264", "aac"),
    "webm": ("webm", "libvpx", "libopus"),
    "flv": ("flv", "libx264", "aac"),
    "mpegts": ("ts", "libx264", "aac"),
    "asf": ("wmv", "mpeg4", "aac"),
    "avi": ("avi", "mpeg4", "mp2"),
}


def clip(folder: Path, kind: str, *, begin: float = 0.0, seconds: float = 2.0, sound: float) -> Path:
    """Pictures from ``begin`` s for ``seconds`` s, and sound from 0 to ``sound`` s, in the order of time."""
    suffix, picture, tone = FORMATS[kind]
    path = folder / f"clip.{suffix}"
    noise = np.random.default_rng(1).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    with av.open(str(path), "w", format=kind) as container:
        video: Any = container.add_stream(picture, rate=30, options={"g": "10"})
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        audio: Any = container.add_stream(tone, rate=48_000)
        packets = []
        for index in range(round(seconds * 30)):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, index, 1), format="bgr24")
            frame.pts, frame.time_base = index + round(begin * 30), Fraction(1, 30)
            packets += video.encode(frame)
        packets += video.encode(None)
        codec = audio.codec_context
        count = codec.frame_size or 1024
        planar = codec.format.name.endswith("p")
        shape = (codec.layout.nb_channels, count) if planar else (1, count * codec.layout.nb_channels)
        silence = np.zeros(shape, np.float32 if codec.format.name.startswith("flt") else np.int16)
        for start in range(0, round(sound * 48_000) - count, count):
            block = av.AudioFrame.from_ndarray(silence, format=codec.format.name, layout=codec.layout.name)
            block.sample_rate, block.pts, block.time_base = 48_000, start, Fraction(1, 48_000)
            packets += audio.encode(block)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            container.mux(packet)
    return path


def read(path: Path) -> tuple[float | None, float, str | None]:
    """(promised length, end of the last picture, warning) of a file that is read to its end."""
    with VideoFile(path) as source:
        times = [frame.time for frame in source]
    return source.info.duration, times[-1] + 1 / 30, source.warning


def without_lengths(path: Path) -> Path:
    """The Matroska file as a writer leaves it that notes no track's length."""
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"NOTATION"))
    return path


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "shape", [{"sound": 5.0}, {"sound": 0.8}, {"sound": 2.5, "begin": 0.5}], ids=["long", "short", "late"]
)
def test_sound_of_another_length_is_no_break(kind, shape, tmp_path):
    promised, end, warning = read(clip(tmp_path, kind, **shape))
    assert warning is None
    assert end == pytest.approx(2.5 if kind == "avi" and "begin" in shape else 2.0, abs=0.04)  # avi repeats
    if kind not in ("flv", "asf"):  # they only know the whole file's
        assert promised == pytest.approx(end, abs=0.04)


@pytest.mark.parametrize("shape", [{"sound": 5.0}, {"sound": 2.5, "begin": 0.5}], ids=["long", "late"])
def test_a_track_without_a_length_of_its_own_is_judged_by_the_whole_file(shape, tmp_path):
    path = without_lengths(clip(tmp_path, "matroska", **shape))
    assert read(path)[2] is None
    assert read(truncate(path, tmp_path / "cut.mkv", 0.5))[2] is not None


@pytest.mark.parametrize("kind", ["matroska", "webm", "flv", "asf"])
@pytest.mark.parametrize("sound", [2.0, 5.0])
def test_a_file_that_breaks_off_says_where(kind, sound, tmp_path):
    path = clip(tmp_path, kind, sound=sound)
    cut = truncate(path, tmp_path / f"cut{path.suffix}", 0.5)
    _, end, warning = read(cut)
    assert warning is not None
    found = re.search(r"breaks off at (\d\.\d) s", warning)
    assert found is not None
    assert float(found[1]) == pytest.approx(end, abs=0.06)


@pytest.mark.parametrize("name", ["b_long.webm", "b_voff.mkv"])
def test_the_reported_files_do_not_warn(name):
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases" / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine")
    promised, end, warning = read(path)
    assert warning is None
    assert promised == pytest.approx(3.333, abs=0.01) == end


def test_a_clock_rate_is_not_taken_for_a_frame_rate(tmp_path):
    """Browsers' recordings say 1000: a last picture of 1 ms, and a copy at that rate."""
    path = tmp_path / "a.webm"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libvpx", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoFile(path) as source:
        assert source.info.fps is None
