"""The copy that a browser plays: its pictures at the reference's times, its sound in sync."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.stream import Disposition
from clips import ORIENTATIONS, encode, frames_of, orient, rotate, size_of, truncate
from limits import read_only, small_files
from posesync.pose.errors import OutputError, SourceError
from posesync.pose.settings import PoseSettings
from posesync.pose.video_file import VideoFile
from posesync.reference import prepare_reference
from posesync.reference.playable import KEY_EVERY, MAX_AREA, make_playable, playable_file

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
RATE = 48_000


def pictures(times: Any, size: tuple[int, int] = (160, 90)) -> Iterator[tuple[float, Image]]:
    """A bar that goes from left to right, so that no picture is like another."""
    width, height = size
    for index, time in enumerate(times):
        image = np.full((height, width, 3), 40, np.uint8)
        image[:, (7 * index) % width :][:, :12] = (60, 160, 230)
        yield float(time), image


def with_sound(
    target: Path,
    *,
    click: float,
    begin: float,
    pictures_from: float,
    seconds: float = 2.0,
    codec: str = "aac",
) -> Path:
    """Pictures from ``pictures_from`` s, sound from ``begin`` s, a click at ``click`` s on its clock."""
    wave = np.zeros((1, round(seconds * RATE)), np.float32)
    at = round((click - begin) * RATE)
    wave[0, at : at + 240] = 0.9 * np.sin(np.arange(240) * 0.6)
    with av.open(str(target), "w") as container:
        video: Any = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        video.codec_context.time_base = Fraction(1, 90_000)
        sound: Any = container.add_stream(codec, rate=RATE)
        sound.layout = "mono"
        for time, image in pictures(np.arange(round(seconds * 30)) / 30):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round((time + pictures_from) * 90_000), Fraction(1, 90_000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, wave.shape[1] - 1024, 1024):
            block = av.AudioFrame.from_ndarray(wave[:, start : start + 1024], format="fltp", layout="mono")
            block.sample_rate, block.time_base = RATE, Fraction(1, RATE)
            block.pts = start + round(begin * RATE)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return target


def click_at(path: Path) -> float:
    """When the click of :func:`with_sound` is heard, s on the file's clock."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(np.asarray(frame.to_ndarray(), float)).reshape(len(frame.layout.channels), -1)[0]
            loud = np.flatnonzero(samples > 0.3)
            if len(loud):
                return float(frame.time) + float(loud[0]) / frame.sample_rate
    raise AssertionError("no click")


def times_of(path: Path) -> Floats:
    """When a player shows the pictures, s."""
    with av.open(str(path)) as container:
        return np.array([frame.time for frame in container.decode(video=0)])


def reference_times(path: Path) -> Floats:
    """As prepare_reference counts them."""
    with VideoFile(path) as source:
        return np.array([frame.time for frame in source])


def checked(path: Path) -> Path:
    """A copy that every browser plays and seeks at once."""
    data = path.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat"), "the index comes first"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, codec.has_b_frames) == ("h264", "yuv420p", False)
        assert codec.width * codec.height <= MAX_AREA
        assert codec.width % 2 == codec.height % 2 == 0
        packets = [p for p in container.demux(stream) if p.pts is not None]
        assert all(p.pts == p.dts for p in packets)
        assert packets[0].pts == 0
        moments = np.array([float(p.pts * p.time_base) for p in packets])
        keys = [m for m, p in zip(moments, packets, strict=True) if p.is_keyframe]
        steps = np.diff([*keys, moments[-1]])
        # A key frame every half second, but for pictures that are further apart themselves.
        assert steps.max() <= max(KEY_EVERY, np.diff(moments).max()) + 1e-3
        assert [s.codec_context.name for s in container.streams.audio] in ([], ["aac"])
        assert all(abs(s.start_time * s.time_base) < 0.03 for s in container.streams.audio)
    return path


def uneven(folder: Path) -> Path:
    gaps = np.tile([0.02, 0.05, 0.033, 0.11, 0.017], 12)
    return encode(folder / "uneven.mp4", pictures(np.cumsum(gaps) - gaps[0]))


def b_frames(folder: Path) -> Path:
    """B-frames put the first picture at a time after 0, and an edit list over it."""
    options = {"preset": "medium", "bf": "3", "crf": "23"}
    return encode(folder / "b.mp4", pictures(np.arange(60) / 30), options=options)


def late_pictures(folder: Path) -> Path:
    return with_sound(folder / "late.mp4", click=1.5, begin=0.0, pictures_from=0.25)


VIDEOS: dict[str, Callable[[Path], Path]] = {
    "even": lambda f: encode(f / "even.mp4", pictures(np.arange(50) / 25), fps=25),
    "ntsc": lambda f: encode(
        f / "ntsc.mp4", pictures(np.arange(70) * 1001 / 30_000), fps=Fraction(30_000, 1001)
    ),
    "uneven": uneven,
    "gap": lambda f: encode(f / "gap.mp4", pictures([*np.arange(20) / 30, *(2.0 + np.arange(20) / 30)])),
    "b-frames": b_frames,
    "late pictures": late_pictures,
    "tone": lambda f: encode(f / "tone.mp4", pictures(np.arange(60) / 30), audio=2.0),
    "long tone": lambda f: encode(f / "long.mp4", pictures(np.arange(30) / 30), audio=3.0),
    "matroska": lambda f: encode(f / "x.mkv", pictures(np.arange(40) / 30)),
    "webm": lambda f: encode(
        f / "x.webm", pictures(np.arange(40) / 30), codec="libvpx", options={"deadline": "realtime"}
    ),
    "turned": lambda f: rotate(
        encode(f / "flat.mp4", pictures(np.arange(40) / 30)), f / "turned.mp4", 90
    ),
    "large": lambda f: encode(f / "large.mp4", pictures(np.arange(12) / 30, (1920, 1080))),
    "60 fps": lambda f: encode(f / "60.mp4", pictures(np.arange(90) / 60), fps=60),
    "cut": lambda f: truncate(
        encode(f / "whole.mp4", pictures(np.arange(300) / 30, (320, 180))), f / "cut.mp4", 0.7
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", VIDEOS)
def test_pictures_are_shown_at_the_reference_s_times(kind: str, tmp_path: Path) -> None:
    video = VIDEOS[kind](tmp_path)
    copy = tmp_path / "copy.mp4"
    make_playable(video, copy)
    expected = reference_times(video)
    assert expected[0] == 0.0
    shown = times_of(checked(copy))
    assert len(shown) == len(expected) > 10
    assert np.abs(shown - expected).max() < 1e-4
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_they_are_those_of_the_prepared_reference(short_clip: Path, tmp_path: Path) -> None:
    with prepare_reference(
        short_clip, settings=PoseSettings(detector="keypoints"), cache_dir=tmp_path
    ) as prepared:
        times = prepared.reference.times
    copy = tmp_path / "copy.mp4"
    make_playable(short_clip, copy)
    assert np.abs(times_of(copy) - times).max() < 1e-4
    originals, copies = dict(frames_of(short_clip)), dict(frames_of(copy, size_of(short_clip)))
    pairs = zip(originals.values(), copies.values(), strict=True)
    assert max(np.abs(a.astype(int) - b).mean() for a, b in pairs) < 4, "another picture at that time"


def test_a_turned_video_is_upright(tmp_path: Path) -> None:
    flat = encode(tmp_path / "flat.mp4", pictures(np.arange(30) / 30))
    make_playable(rotate(flat, tmp_path / "turned.mp4", 90), tmp_path / "copy.mp4")
    assert size_of(tmp_path / "copy.mp4") == (90, 160)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0


@pytest.mark.parametrize(
    ("begin", "pictures_from", "click"),
    [(0.0, 0.0, 0.7), (0.0, 0.25, 1.0), (0.4, 0.0, 0.9), (0.3, 0.1, 1.2)],
)
@pytest.mark.parametrize(("ending", "codec"), [("mp4", "aac"), ("mkv", "libopus")])
def test_the_sound_is_where_it_was(
    begin: float, pictures_from: float, click: float, ending: str, codec: str, tmp_path: Path
) -> None:
    video = with_sound(
        tmp_path / f"v.{ending}", click=click, begin=begin, pictures_from=pictures_from, codec=codec
    )
    with av.open(str(video)) as container:
        first = next(container.decode(video=0)).time
    expected = click_at(video) - first
    make_playable(video, tmp_path / "copy.mp4")
    assert click_at(checked(tmp_path / "copy.mp4")) == pytest.approx(expected, abs=0.003)
    assert expected == pytest.approx(click - pictures_from, abs=0.03)


def test_sound_ends_with_the_pictures(tmp_path: Path) -> None:
    make_playable(VIDEOS["long tone"](tmp_path), tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(1.0, abs=0.03)


def test_progress_is_reported_and_ends_at_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("posesync.reference.playable._REPORT_EVERY", 0.0)
    told: list[float | None] = []
    make_playable(VIDEOS["even"](tmp_path), tmp_path / "copy.mp4", progress=told.append)
    assert len(told) == 51
    assert told == sorted(told)
    assert told[-1] == 1.0


class StopError(Exception):
    pass


def test_cancelled_it_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("posesync.reference.playable._REPORT_EVERY", 0.0)
    video, folder = VIDEOS["tone"](tmp_path), tmp_path / "copies"
    folder.mkdir()
    (folder / "copy.mp4").write_bytes(b"before")

    def stop(share: float | None) -> None:
        if share and share > 0.5:
            raise StopError

    with pytest.raises(StopError):
        make_playable(video, folder / "copy.mp4", progress=stop)
    assert [p.name for p in folder.iterdir()] == ["copy.mp4"]
    assert (folder / "copy.mp4").read_bytes() == b"before"


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 180, 320, 3), np.uint8)
    video = encode(tmp_path / "noise.mp4", zip(np.arange(60) / 30, noise, strict=True))
    folder = tmp_path / "copies"
    folder.mkdir()
    with small_files(300_000), pytest.raises(OutputError, match=r"raise the limit|full"):
        make_playable(video, folder / "copy.mp4")
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    video = VIDEOS["even"](tmp_path)
    with read_only(tmp_path / "locked") as locked, pytest.raises(OutputError, match="cannot write"):
        make_playable(video, locked / "copy.mp4")
    with pytest.raises(OutputError, match="does not exist"):
        make_playable(video, tmp_path / "none" / "copy.mp4")


def test_what_is_no_video_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(SourceError, match="not a video"):
        make_playable(tmp_path / "text.mp4", tmp_path / "copy.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["text.mp4"]


def test_a_copy_is_made_once_for_each_content(tmp_path: Path) -> None:
    video, cache = VIDEOS["even"](tmp_path), tmp_path / "cache"
    told: list[float | None] = []
    first = playable_file(video, cache_dir=cache, progress=told.append)
    assert told
    assert first.parent == cache
    renamed = video.rename(tmp_path / "renamed.mp4")
    told.clear()
    assert playable_file(renamed, cache_dir=cache, progress=told.append) == first
    assert told == []


def test_sound_that_cannot_be_read_costs_only_the_sound(tmp_path: Path, caplog) -> None:
    caplog.set_level(logging.ERROR)
    data = bytearray(with_sound(tmp_path / "v.mp4", click=0.5, begin=0.0, pictures_from=0.0).read_bytes())
    # The sound's kind in its sample entry becomes one that nobody knows.
    at = data.find(b"mp4a", data.find(b"stsd", data.find(b"smhd")))
    data[at : at + 4] = b"zzzz"
    (tmp_path / "odd.mp4").write_bytes(data)
    make_playable(tmp_path / "odd.mp4", tmp_path / "copy.mp4")
    assert len(times_of(checked(tmp_path / "copy.mp4"))) == 60


def test_an_edit_list_that_skips_the_beginning_is_followed(tmp_path: Path) -> None:
    """A file as editors cut it without re-encoding: the track's first half second is not shown."""
    video = encode(
        tmp_path / "v.mp4", pictures(np.arange(60) / 30), options={"preset": "ultrafast", "g": "5"}
    )
    data = bytearray(video.read_bytes())
    at = data.find(b"elst")
    assert at > 0, "the maker of this clip wrote no edit list"
    version = data[at + 4]
    place = at + 12 + (8 if version else 4)
    form = ">q" if version else ">i"
    scale = 90_000
    (begin,) = struct.unpack_from(form, data, place)
    struct.pack_into(form, data, place, begin + scale // 2)
    video.write_bytes(data)
    make_playable(video, tmp_path / "copy.mp4")
    expected = reference_times(video)
    assert len(expected) < 60
    shown = times_of(checked(tmp_path / "copy.mp4"))
    assert np.abs(shown - expected).max() < 1e-4
    first = next(iter(frames_of(video)))[1].astype(int)
    assert np.abs(next(iter(frames_of(tmp_path / "copy.mp4")))[1] - first).mean() < 4


def test_missing_encoder_is_said_and_leaves_nothing(
    clips: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posesync.pose.h264._ENCODER", "libx264-of-another-world")
    with pytest.raises(OutputError, match=r"no H\.264 encoder here: get its own"):
        make_playable(clips["walk"], tmp_path / "copy.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_copy_is_upright_with_square_pixels_and_says_no_more(tmp_path):
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32, 48:] = 220  # top right
    matrix, stored = ORIENTATIONS["transverse"]
    oblong = encode(
        tmp_path / "a.mp4",
        ((i / 30, stored(image)[:, ::2]) for i in range(40)),
        pixel_aspect=2,
        options={"qp": "0", "preset": "ultrafast"},
    )
    make_playable(orient(oblong, tmp_path / "b.mp4", matrix), tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        frame = next(container.decode(video=0))
        assert container.streams.video[0].sample_aspect_ratio in (None, 1)
        assert "DISPLAYMATRIX" not in {data.type.name for data in frame.side_data}
        shown = frame.to_ndarray(format="bgr24")
    assert shown.shape == image.shape
    assert np.abs(shown.astype(int) - image).mean() < 6


def test_a_slow_motion_camera_gives_a_copy_that_a_browser_can_play(tmp_path):
    video = encode(tmp_path / "a.mp4", pictures(np.arange(240) / 240), fps=240)
    make_playable(video, tmp_path / "copy.mp4")
    times = times_of(tmp_path / "copy.mp4")
    assert 55 <= len(times) <= 66
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(239 / 240, abs=1 / 55)


def test_the_sound_flagged_default_is_the_copys(tmp_path):
    video = tmp_path / "a.mkv"
    with av.open(str(video), "w") as container:
        picture: Any = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 160, 90, "yuv420p"
        tracks: list[Any] = [container.add_stream("aac", rate=RATE, layout="mono") for _ in range(2)]
        tracks[1].disposition = Disposition.default
        for index, (_, image) in enumerate(pictures(np.arange(45) / 30)):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        wave = (0.5 * np.sin(np.arange(1024) * 0.2)).astype(np.float32)[None]
        for track, loud in zip(tracks, (0.0, 1.0), strict=True):
            for start in range(0, RATE, 1024):
                block = av.AudioFrame.from_ndarray(wave * np.float32(loud), format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                container.mux(track.encode(block))
            container.mux(track.encode(None))
    make_playable(video, tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert max(np.abs(frame.to_ndarray()).max() for frame in container.decode(audio=0)) > 0.3
