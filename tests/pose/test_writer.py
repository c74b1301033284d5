"""Written video: playable in a browser, at the intended times, complete however the session ends."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import encode, frames_of
from limits import read_only, small_files
from posesync.pose import remux
from posesync.pose.errors import InvalidDataError, OutputError
from posesync.pose.sources import open_source
from posesync.pose.writer import VideoWriter


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Told apart by brightness."""
    return np.full((height, width, 3), 20 + number * 4 % 200, np.uint8)


def noise(width: int = 320, height: int = 240) -> np.ndarray:
    """What H.264 cannot make small."""
    return np.random.default_rng().integers(0, 255, (height, width, 3)).astype(np.uint8)


def boxes(path: Path) -> list[str]:
    """Names of the top-level boxes of an MP4."""
    data, start, names = path.read_bytes(), 0, []
    while start + 8 <= len(data):
        names.append(data[start + 4 : start + 8].decode("latin-1"))
        start += int.from_bytes(data[start : start + 4], "big") or len(data)
    return names


def test_file_is_what_a_browser_plays(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 64, 48, 30) as writer:
        for number in range(45):
            writer.write(picture(number))
        assert not path.exists(), "a half-written file stands under the real name"
    assert os.listdir(tmp_path) == ["out.mp4"]  # noqa: PTH208
    assert writer.duration == pytest.approx(1.5)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, stream.frames) == ("h264", "yuv420p", 45)
        assert (int(codec.colorspace), int(codec.color_primaries), int(codec.color_trc)) == (1, 1, 1)
    names = boxes(path)
    assert names.index("moov") < names.index("mdat")
    assert "moof" not in names
    with open_source(path) as source:
        frames = list(source)
    np.testing.assert_allclose([f.time for f in frames], np.arange(45) / 30, atol=1e-4)
    np.testing.assert_allclose(
        [f.image.mean() for f in frames], [picture(n).mean() for n in range(45)], atol=4
    )


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 60, 30), (30, 60, 200), (40, 180, 60)])
def test_colors_survive(color, tmp_path):
    path = tmp_path / "color.mp4"
    with VideoWriter(path, 64, 64, 30, crf=10) as writer:
        for _ in range(3):
            writer.write(np.full((64, 64, 3), color, np.uint8))
    with open_source(path) as source:
        for frame in source:
            np.testing.assert_allclose(frame.image.mean((0, 1)), color, atol=6)


def test_times_are_kept_from_the_first_on(tmp_path):
    times = 1000.0 + np.cumsum([0, 0.03, 0.05, 0.4, 0.016, 0.1])
    with VideoWriter(tmp_path / "vfr.mp4", 64, 48, Fraction(30000, 1001)) as writer:
        for number, time in enumerate(times):
            writer.write(picture(number), float(time))
    with open_source(writer.path) as source:
        np.testing.assert_allclose([f.time for f in source], times - times[0], atol=1e-4)
    assert source.warning is None


def test_equal_and_backward_times_do_not_break_the_file(tmp_path):
    with VideoWriter(tmp_path / "odd.mp4", 64, 48, 30) as writer:
        for number, time in enumerate([0.0, 0.1, 0.1, 0.05, 0.2]):
            writer.write(picture(number), time)
        writer.write(picture(5))
    with open_source(writer.path) as source:
        times = [f.time for f in source]
    assert len(times) == 6
    assert (np.diff(times) > 0).all()
    assert times[4:] == pytest.approx([0.2, 0.2 + 1 / 30], abs=1e-3)


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), 29.97, 60, Fraction(15, 2), 12.5])
def test_constant_rate(fps, tmp_path):
    with VideoWriter(tmp_path / "rate.mp4", 64, 48, fps) as writer:
        for number in range(20):
            writer.write(picture(number))
    with open_source(writer.path) as source:
        np.testing.assert_allclose([f.time for f in source], np.arange(20) / float(fps), atol=2e-4)


@pytest.mark.parametrize("size", [(63, 47), (64, 47), (1, 1)])
def test_odd_sizes_are_padded(size, tmp_path):
    width, height = size
    image = np.full((height, width, 3), 200, np.uint8)
    with VideoWriter(tmp_path / "odd.mp4", width, height, 30) as writer:
        writer.write(image)
    with open_source(writer.path) as source:
        frame = source.read()
    assert frame is not None
    assert frame.image.shape[:2] == (height + height % 2, width + width % 2)
    np.testing.assert_allclose(frame.image, 200, atol=6)


@pytest.mark.parametrize(("seconds", "expected"), [(1.0, 1.0), (5.0, 2.0)])
def test_sound_of_another_file_is_laid_under(seconds, expected, tmp_path):
    sound = encode(tmp_path / "sound.mp4", [(i / 30, picture(i)) for i in range(60)], audio=2.0)
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 10, audio_from=sound) as writer:
        for number in range(round(seconds * 10)):
            writer.write(picture(number))
    with av.open(str(writer.path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        assert container.streams.video[0].start_time == 0, "the pictures come later than the sound"
    assert samples / 48_000 == pytest.approx(expected, abs=0.06)
    assert len(list(frames_of(writer.path))) == round(seconds * 10)


def test_silent_sound_file_is_a_warning(tmp_path, caplog):
    mute = encode(tmp_path / "mute.mp4", [(0.0, picture(0))])
    with (
        caplog.at_level(logging.WARNING),
        VideoWriter(tmp_path / "o.mp4", 64, 48, 30, audio_from=mute) as writer,
    ):
        writer.write(picture(0))
    assert "the video is silent: mute.mp4 has sound none" in caplog.text
    assert writer.path.exists()


def record(writer: VideoWriter, images: Iterable[np.ndarray], error: type | None = None) -> None:
    """A session that writes ``images`` and then breaks off with ``error``."""
    with writer:
        for image in images:
            writer.write(image)
        if error is not None:
            raise error


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_kept_when_the_block_breaks_off(error, keep, tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an older recording")
    writer = VideoWriter(path, 64, 48, 30, keep_partial=keep)
    with pytest.raises(error):
        record(writer, map(picture, range(10)), error)
    kept = keep or error is KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    if kept:
        assert len(list(frames_of(path))) == 10
    else:
        assert path.read_bytes() == b"an older recording"


def test_nothing_written_is_no_file(tmp_path, caplog):
    with caplog.at_level(logging.WARNING), VideoWriter(tmp_path / "out.mp4", 64, 48, 30):
        pass
    assert list(tmp_path.iterdir()) == []
    assert "nothing was recorded" in caplog.text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no/such/out.mp4", "no/such does not exist: create it"),
        ("out.avi", "use the suffix .mp4"),
        ("out", "use the suffix .mp4"),
        ("folder.mp4", "is a folder: give the name"),
        ("file.txt/out.mp4", "does not exist"),
    ],
)
def test_where_nothing_can_be_written(name, says, tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=says) as caught:
        VideoWriter(tmp_path / name, 64, 48, 30)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_read_only_folder(tmp_path):
    refused = pytest.raises(OutputError, match=r"cannot be written to .*: choose another folder")
    with read_only(tmp_path / "locked") as folder, refused:
        VideoWriter(folder / "out.mp4", 64, 48, 30)


def test_full_disk_keeps_what_was_written(tmp_path):
    path = tmp_path / "out.mp4"
    refused = pytest.raises(OutputError, match=r"the disk is full\), about the first .* s are kept")
    with small_files(1_500_000):
        writer = VideoWriter(path, 320, 240, 30, preset="ultrafast")
        with refused as caught:
            record(writer, (noise() for _ in range(400)))
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    with open_source(path) as source:
        assert sum(1 for _ in source) >= 10


def test_no_room_for_the_second_copy_keeps_the_fragments(tmp_path, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(remux, "_remux", full)
    with caplog.at_level(logging.WARNING), VideoWriter(tmp_path / "out.mp4", 64, 48, 30) as writer:
        for number in range(10):
            writer.write(picture(number))
    assert "kept in fragments" in caplog.text
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    assert len(list(frames_of(writer.path))) == 10


def test_missing_encoder_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("posesync.pose.h264._ENCODER", "libx264-of-another-world")
    with pytest.raises(OutputError, match=r"no H\.264 encoder here: get its own"):
        VideoWriter(tmp_path / "out.mp4", 64, 48, 30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_process_leaves_something_that_plays(tmp_path):
    script = textwrap.dedent(
        """
        import os, signal, sys
        import numpy as np
        from posesync.pose.writer import VideoWriter
        writer = VideoWriter(sys.argv[1], 320, 240, 10)
        for i in range(200):
            writer.write(np.full((240, 320, 3), i, np.uint8))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out.mp4")]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    (part,) = tmp_path.iterdir()
    assert part.name.startswith(".posesync-")
    assert len(list(frames_of(part))) >= 60


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((48, 65, 3), np.uint8),
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3), np.float32),
    ],
)
def test_wrong_image_is_refused_and_the_file_goes_on(image, tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 30) as writer:
        writer.write(picture(0))
        with pytest.raises(InvalidDataError, match=r"expected \(48, 64, 3\) uint8"):
            writer.write(image)
        writer.write(picture(1))
    assert len(list(frames_of(writer.path))) == 2
    with pytest.raises(InvalidDataError, match="closed already"):
        writer.write(picture(2))
    writer.close()


@pytest.mark.parametrize(
    ("width", "height", "fps"), [(0, 48, 30), (64, -1, 30), (64, 48, 0), (64, 48, float("nan"))]
)
def test_senseless_settings_are_refused(width, height, fps, tmp_path):
    with pytest.raises(InvalidDataError, match="expected positive numbers"):
        VideoWriter(tmp_path / "out.mp4", width, height, fps)
    assert list(tmp_path.iterdir()) == []
