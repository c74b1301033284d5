"""Frames from the wire: decoding what a canvas makes and nothing else, times, and limits."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posesync.realtime.web.practice.frames import FrameClock, JpegInbox, Waiting
from posesync.realtime.web.practice.jpeg import decode_jpeg, jpeg_size
from posesync.realtime.web.practice.limits import Allowance
from posesync.realtime.web.practice.protocol import EncodedFrame, ProtocolError


def picture(width: int = 64, height: int = 48) -> np.ndarray:
    across = np.tile(np.linspace(0, 255, width), (height, 1))
    return np.dstack([across, 255 - across, np.full_like(across, 90)]).astype(np.uint8)


def jpeg(image: np.ndarray | None = None, *parameters: int) -> bytes:
    return cv2.imencode(".jpg", picture() if image is None else image, parameters)[1].tobytes()


def waiting(seq: int, data: bytes, time: float) -> Waiting:
    return Waiting(EncodedFrame(seq, time, 0, 64, 48, data), time, 100.0 + time)


def resized(data: bytes, width: int, height: int) -> bytes:
    """The same file, with a header that claims another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def test_a_jpeg_is_decoded_as_it_was() -> None:
    image = decode_jpeg(jpeg(), 64, 48)
    assert image.shape == (48, 64, 3)
    assert np.abs(image.astype(int) - picture()).mean() < 4


def test_a_note_on_rotation_does_not_turn_the_picture() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    plain = jpeg()
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    assert np.array_equal(decode_jpeg(turned, 64, 48), decode_jpeg(plain, 64, 48))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"GIF89a" + bytes(100),
        jpeg()[:200],
        jpeg()[:-30],
        jpeg(picture(32, 48)),
        jpeg(picture()[..., 0]),
        jpeg(None, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        resized(jpeg(), 65_000, 65_000),
        b"\xff\xd8" + b"\xff\xe0\0\0" * 50,
        jpeg()[:2] + b"\xff\xc4\xff\xff" + jpeg()[2:],
    ],
    ids=["empty", "start", "gif", "head", "cut", "size", "grey", "progressive", "bomb", "loop", "tables"],
)
def test_other_pictures_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_jpeg(data, 64, 48)
    assert caught.value.code == "jpeg"


@given(st.binary(max_size=100), st.integers(0, 600), st.integers(0, 255))
def test_no_bytes_do_more_than_be_refused(tail: bytes, at: int, value: int) -> None:
    whole = bytearray(jpeg())
    whole[at % len(whole)] = value
    for data in (b"\xff\xd8" + tail, bytes(whole)):
        try:
            width, height = jpeg_size(data)
        except ProtocolError:
            continue
        assert 0 <= width <= 65_535
        assert 0 <= height <= 65_535


def test_only_the_newest_is_decoded_and_what_was_left_out_is_told() -> None:
    refused: list[int] = []
    inbox = JpegInbox(lambda frame, _: refused.append(frame.encoded.seq))
    for seq in range(3):
        inbox.put(waiting(seq, b"never looked at" if seq < 2 else jpeg(), 0.1 * seq))
    taken = inbox.take(0.0)
    assert taken is not None
    captured, missed = taken
    assert (captured.frame.index, captured.frame.time, captured.at) == (2, 0.2, 100.2)
    assert missed == [0.0, 0.1]
    assert inbox.taken is not None
    assert inbox.taken.encoded.seq == 2
    inbox.put(waiting(3, b"no picture", 0.3))
    assert inbox.take(0.0) is None
    assert refused == [3]
    inbox.put(waiting(4, jpeg(), 0.4))
    taken = inbox.take(0.0)
    assert taken is not None
    assert taken[1] == [0.3], "a frame that cannot be decoded is a dropped one"
    inbox.close()
    assert inbox.finished


@pytest.mark.parametrize(
    ("captured", "arrived", "expected"),
    [
        ((50.0, 50.03, 50.06), (0.0, 0.03, 0.06), (0.0, 0.03, 0.06)),
        ((50.0, 50.03, 50.06), (0.0, 0.5, 0.51), (0.0, 0.03, 0.06)),  # held up on the way
        ((50.0, 50.03, 3.0, 3.03), (0.0, 0.03, 0.9, 0.93), (0.0, 0.03, 0.9, 0.93)),  # reloaded
        ((50.0, 1e8, 1e8 + 0.03), (0.0, 0.03, 0.06), (0.0, 0.03, 0.06)),  # a lie
        ((50.0, 50.0, 50.0), (0.0, 0.0, 0.0), (0.0, 0.001, 0.002)),
    ],
)
def test_a_page_s_clock(
    captured: tuple[float, ...], arrived: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    clock = FrameClock()
    times = [clock.time(at, 1000.0 + now) for at, now in zip(captured, arrived, strict=True)]
    assert times == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e3)), min_size=2, max_size=30))
def test_time_only_goes_forward_and_not_faster_than_ours(frames: list[tuple[float, float]]) -> None:
    clock, now, last = FrameClock(), 0.0, -1.0
    for captured, passed in frames:
        now += passed
        time = clock.time(captured, now)
        assert time > last
        assert time <= last + passed + 2.0 + 1e-2 or last < 0
        last = time


def test_an_allowance_is_used_up_and_comes_back() -> None:
    allowance = Allowance(10.0, 3.0)
    assert [allowance.take(1.0, 5.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.take(2.5, 5.2)
    assert allowance.take(1.5, 5.2)
    assert allowance.take(3.0, 99.0)
    assert not allowance.take(0.5, 98.0), "a clock that runs backwards gives nothing"
