"""Frames from files, folders, cameras and streams: real encoded video, intact and damaged."""

from __future__ import annotations

import logging
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import PerformanceCurve, encode, frames_of, retime, rotate, truncate
from fakes import FakeClock, grey_scale
from hypothesis import given
from hypothesis import strategies as st
from posesync.pose.errors import SourceError
from posesync.pose.frame_source import Pacer
from posesync.pose.sources import open_source, resume
from posesync.pose.timeline import Timeline


@pytest.mark.parametrize(
    ("name", "size", "fps", "frames"), [("walk", (1768, 994), 30, 230), ("cam01", (1080, 1920), 60, 100)]
)
def test_real_clip_is_delivered_whole_and_in_time(clips, name, size, fps, frames):
    with open_source(clips[name], max_height=180) as source:
        times = [(frame.time, frame.index) for frame in source]
    assert source.warning is None
    assert source.info.fps == fps
    assert source.info.frames == frames == len(times)
    assert source.info.height == 180
    assert source.info.width == round(size[0] * 180 / size[1])
    np.testing.assert_allclose([t for t, _ in times], np.arange(frames) / fps, atol=1e-6)
    assert [i for _, i in times] == list(range(frames))


def test_image_is_bgr_at_its_own_size(tmp_path):
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[:] = (220, 60, 20)
    path = encode(tmp_path / "blue.mp4", [(0.0, blue), (1 / 30, blue)], options={"crf": "5"})
    with open_source(path) as source:
        frame = source.read()
    assert frame is not None
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.flags.c_contiguous
    np.testing.assert_allclose(frame.image.mean((0, 1)), (220, 60, 20), atol=6)


def test_variable_frame_rate_keeps_every_time(tmp_path):
    times = np.cumsum([0.0, 0.03, 0.1, 0.5, 0.02, 0.02, 1.2, 0.04])
    path = encode(tmp_path / "vfr.mp4", zip(times, grey_scale(len(times)), strict=True))
    with open_source(path) as source:
        found = [frame.time for frame in source]
    np.testing.assert_allclose(found, times, atol=1e-4)


def test_first_frame_is_time_zero_even_when_the_container_starts_later(tmp_path):
    images = grey_scale(10)
    path = encode(tmp_path / "late.mkv", [(3.7 + i / 25, image) for i, image in enumerate(images)], fps=25)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).time > 1, "the clip does not start late"
    with open_source(path) as source:
        np.testing.assert_allclose([f.time for f in source], np.arange(10) / 25, atol=2e-3)
    assert source.warning is None, "a late start is not a missing end"


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata_makes_images_upright(short, tmp_path, degrees):
    stored = next(image for _, image in frames_of(short))
    path = rotate(short, tmp_path / "turned.mp4", degrees)
    with open_source(path) as source:
        frame = source.read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, np.rot90(stored, -degrees // 90))
    assert (source.info.height, source.info.width) == frame.image.shape[:2]
    with open_source(path, max_height=90) as source:
        assert source.info.height == 90


def test_metadata_in_another_encoding_is_no_reason_to_refuse(short, tmp_path):
    data = short.read_bytes()
    assert data.count(b"Lavf") == 1, "the clip does not name its encoder"
    path = tmp_path / "latin.mp4"
    path.write_bytes(data.replace(b"Lavf", b"L\xe4\xffv"))
    with open_source(path) as source:
        assert sum(1 for _ in source) == sum(1 for _ in frames_of(short))


def test_truncated_video_is_used_up_to_the_break(short, tmp_path, caplog):
    path = truncate(short, tmp_path / "cut.mp4", 0.6)
    with caplog.at_level(logging.WARNING), open_source(path) as source:
        frames = list(source)
    assert 20 <= len(frames) < 48
    assert source.warning is not None
    assert f"breaks off at {frames[-1].time + 1 / 24:.1f} s of 2.0 s" in source.warning
    assert source.warning in caplog.text
    assert source.info.frames == 48
    whole = [image for _, image in frames_of(short)]
    np.testing.assert_array_equal(frames[-1].image, whole[len(frames) - 1])


def test_damage_in_the_middle_is_passed_over(short, tmp_path):
    data = bytearray(short.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = os.urandom(400)
    path = tmp_path / "scratched.mp4"
    path.write_bytes(data)
    with open_source(path) as source:
        times = [frame.time for frame in source]
    assert len(times) >= 40
    assert times[-1] == pytest.approx(47 / 24, abs=1e-3)


def _bad_file(name: str, folder: Path, short: Path) -> Path:
    path = folder / name
    if name == "empty.mp4":
        path.touch()
    elif name == "text.mp4":
        path.write_text("this is not a video\n" * 50)
    elif name == "index_lost.mp4":
        data = short.read_bytes()
        path.write_bytes(data[: data.find(b"moov") - 4] + data[data.find(b"mdat") - 4 :])
    elif name == "sound.m4a":
        with av.open(str(short)) as source, av.open(str(path), "w", format="mp4") as target:
            track = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(source.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = track
                    target.mux(packet)
    elif name == "no_frames.mp4":
        data = short.read_bytes()
        path.write_bytes(data[: data.find(b"mdat") + 4])
    elif name == "playlist.m3u8":
        path.write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    elif name == "images":
        path.mkdir()
    elif name == "broken_images":
        path.mkdir()
        (path / "1.png").write_bytes(b"\x89PNG nothing more")
    return path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.mp4", "does not exist"),
        ("empty.mp4", "the file is empty"),
        ("text.mp4", "not a video"),
        ("index_lost.mp4", "recording was cut off"),
        ("sound.m4a", "no video stream"),
        ("no_frames.mp4", "no frame that can be decoded"),
        ("playlist.m3u8", "not a video"),
        ("images", "holds no images"),
        ("broken_images", "not an image"),
    ],
)
def test_bad_file_gets_one_line_that_says_what_to_do(name, says, tmp_path, short):
    path = _bad_file(name, tmp_path, short)
    with pytest.raises(SourceError, match=says) as caught:
        open_source(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert ": " in message, "the next step is missing"


@pytest.mark.parametrize("name", ["concat:a.mp4", "größe ü 体.mp4", "-i.mp4", "100%d.mp4"])
def test_odd_names_are_only_names(name, short, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(short.read_bytes())
    with open_source(name) as source:
        assert source.info.name == name
        assert source.read() is not None


def test_closed_file_delivers_nothing_and_leaves_no_descriptor(short):
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    source = open_source(short)
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None
    assert source.warning is None
    assert not source.reopen()
    if before:
        assert len(list(descriptors.iterdir())) == before


def _resident() -> int:
    """Memory of this process, bytes."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("needs /proc")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_stays_flat(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (540, 960, 3)).astype(np.uint8)
    path = encode(tmp_path / "long.mp4", ((i / 30, np.roll(noise, i, 1)) for i in range(240)))
    with open_source(path) as source:
        for _ in range(60):
            source.read()
        early = _resident()
        highest = max(_resident() for _ in source)
    assert source.read() is None
    assert highest - early < 30e6, "180 frames of 1.5 MB were kept"


def test_paced_file_comes_at_its_own_pace(short):
    clock = FakeClock()
    with open_source(short, paced=True) as source:
        source._pacer = Pacer(clock, clock.sleep)
        arrived = [(clock.now - 100.0, frame.time) for frame in source]
    np.testing.assert_allclose(*zip(*arrived, strict=True), atol=1e-6)


def test_pacer_does_not_wait_for_what_is_late():
    clock = FakeClock()
    pacer = Pacer(clock, clock.sleep)
    pacer.wait(0.0)
    clock.now += 1.0
    pacer.wait(0.5)
    assert clock.slept == []
    pacer.wait(1.25)
    assert clock.slept == [pytest.approx(0.25)]


raw_times = st.one_of(st.none(), st.floats(-1e5, 1e5, allow_nan=False))


@given(st.lists(raw_times, min_size=1, max_size=60), st.sampled_from([None, 0.0, 24.0, 59.94]))
def test_timeline_strictly_increases_whatever_the_container_says(raw, fps):
    timeline = Timeline(fps)
    times = [timeline.add(value) for value in raw]
    assert times[0] == 0.0
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([5.0, 5.1, 5.2], [0.0, 0.1, 0.2]),
        ([0.0, 0.1, 0.1, 0.3], [0.0, 0.1, 0.15, 0.3]),  # equal: half an interval, the next holds
        ([0.0, 0.1, None, 0.3], [0.0, 0.1, 0.2, 0.3]),
        ([90.0, 90.1, 0.0, 0.1], [0.0, 0.1, 0.2, 0.3]),  # a clock that began again
        ([0.0, 0.1, 4.0], [0.0, 0.1, 4.0]),  # a pause is a pause
    ],
)
def test_timeline_repairs(raw, expected):
    timeline = Timeline(10.0)
    np.testing.assert_allclose([timeline.add(value) for value in raw], expected, atol=1e-9)


def test_folder_of_images_in_natural_order(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"pose_{number}.png"), np.full((40, 60, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    with open_source(tmp_path, fps=10) as source:
        frames = list(source)
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 10]
    assert [f.time for f in frames] == pytest.approx([0.0, 0.1, 0.2])
    assert (source.info.kind, source.info.frames, source.info.duration) == ("folder", 3, pytest.approx(0.3))


def test_folder_with_images_of_two_sizes_says_which(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((40, 60, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((41, 60, 3), np.uint8))
    with (
        open_source(tmp_path) as source,
        pytest.raises(SourceError, match=r"2\.png is 60 × 41, expected 60 × 40"),
    ):
        list(source)


def test_a_file_is_never_waited_for(short):
    with open_source(short) as source:
        assert not resume(source, patience=60.0)


def test_retimed_clip_shows_what_its_curve_says(clips, tmp_path):
    curve = PerformanceCurve.from_speeds([(1.6, 0.5), (0.0, 0.4), (0.6, 0.6)])
    path = tmp_path / "retimed.mp4"
    truth = retime(
        clips["cam01"], path, curve, duration=curve.duration, fps=Fraction(25), size=(180, 320), mirror=True
    )
    assert len(truth) == 37
    assert np.abs(truth[:, 1] - [curve(t) for t in truth[:, 0]]).max() <= 0.5 / 60 + 1e-6
    sources = {round(t, 4): image[:, ::-1] for t, image in frames_of(clips["cam01"], (180, 320))}
    with open_source(path) as source:
        for frame, (live, shown) in zip(source, truth, strict=True):
            assert frame.time == pytest.approx(live, abs=1e-4)
            difference = cv2.absdiff(frame.image, np.ascontiguousarray(sources[round(shown, 4)]))
            assert difference.mean() < 6
