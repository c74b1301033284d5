"""Whatever bytes come, the protocol answers with a value or a ProtocolError, at little cost.

The same against a running server, with 100 000 messages: benchmarks/hostile.py.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from posesync.realtime.web.practice.jpeg import decode_jpeg, jpeg_size
from posesync.realtime.web.practice.protocol import (
    MOST_SIDE,
    EncodedFrame,
    ProtocolError,
    pack_frame,
    parse_command,
    parse_frame,
)

QUICK = settings(max_examples=100)
WIDTH, HEIGHT = 96, 64
COMMANDS = (
    '{"type": "begin"}',
    '{"type": "pause", "on": true}',
    '{"type": "loop", "section": [0.5, 2.0]}',
    '{"type": "guidance", "level": "mistakes"}',
    '{"type": "ping", "id": 9007199254740991}',
)


def picture(*parameters: int) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.GaussianBlur(noise, (5, 5), 2), list(parameters))[1].tobytes()


JPEG = picture()


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What it returns, or the one error that it may raise."""
    try:
        return call(*arguments)
    except ProtocolError as error:
        return error


@st.composite
def damaged(draw: st.DrawFn, data: bytes, most: int = 12) -> bytes:
    """``data`` with bytes changed, cut out, put in, or its end missing."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, max(0, len(changed) - 1)))
        what = draw(st.sampled_from(["change", "cut", "put", "end", "repeat"]))
        if what == "change" and changed:
            changed[at] = draw(
                st.sampled_from([0, 255, 0xD8, 0xD9, 0xC0, 0xC2, 0xDA, draw(st.integers(0, 255))])
            )
        elif what == "cut":
            del changed[at : at + draw(st.integers(1, 20))]
        elif what == "put":
            changed[at:at] = draw(st.binary(max_size=20))
        elif what == "repeat":
            changed[at:at] = changed[at : at + draw(st.integers(1, 200))]
        elif draw(st.integers(0, 3)) == 0:
            del changed[at:]
    return bytes(changed)


@QUICK
@given(damaged(pack_frame(EncodedFrame(7, 1.5, 2, WIDTH, HEIGHT, JPEG[:40]))) | st.binary(max_size=80))
@example(b"")
@example(struct.pack("<BBHIdHHI", 1, 0, 65535, 2**32 - 1, 5e-324, 32, MOST_SIDE, 0) + b"x")
@example(struct.pack("<BBHIdHHI", 1, 0, 0, 0, -0.0, 640, 360, 0) + b"x")
def test_a_frame_is_parsed_or_refused(data: bytes) -> None:
    frame = outcome(parse_frame, data)
    if isinstance(frame, ProtocolError):
        assert frame.code
        assert "\n" not in str(frame)
        return
    assert 0 <= frame.seq < 2**32
    assert 0.0 <= frame.captured < 1e9
    assert 32 <= min(frame.width, frame.height) <= max(frame.width, frame.height) <= MOST_SIDE
    assert pack_frame(frame)[16:] == data[16:]


def wrong_values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )


@QUICK
@given(
    st.sampled_from(COMMANDS).map(str.encode).flatmap(damaged).map(lambda data: data.decode("latin-1"))
    | st.fixed_dictionaries(
        {
            "type": st.sampled_from(["begin", "pause", "loop", "guidance", "end", "ping", "x"])
            | wrong_values()
        },
        optional={name: wrong_values() for name in ("on", "section", "level", "id", "__proto__")},
    ).map(json.dumps)
)
@example('{"type": "loop", "section": [1e308, 1e309]}')
@example('{"type": "ping", "id": 1' + "0" * 1900 + "}")
@example('{"type": "begin", "type": "end"}')
@example('{"type":' * 240 + "1" + "}" * 240)
@example("\ud800")
@example('{"type": "\\ud800"}')
@example("\0")
def test_a_text_is_parsed_or_refused(text: str) -> None:
    command = outcome(parse_command, text)
    if isinstance(command, ProtocolError):
        assert command.code == "command" or len(text) > 2000
        assert len(str(command)) < 200
        return
    assert json.loads(text)["type"] == command.type


@QUICK
@given(damaged(JPEG), st.sampled_from([(WIDTH, HEIGHT), (HEIGHT, WIDTH), (1920, 1920)]))
def test_a_jpeg_is_decoded_or_refused(data: bytes, size: tuple[int, int]) -> None:
    image = outcome(decode_jpeg, data, *size)
    if isinstance(image, ProtocolError):
        assert image.code == "jpeg"
        assert "\n" not in str(image)
        return
    assert (image.shape, image.dtype) == ((size[1], size[0], 3), np.uint8)


def test_the_whole_one_is_decoded() -> None:
    assert decode_jpeg(JPEG, WIDTH, HEIGHT).shape == (HEIGHT, WIDTH, 3)


def claiming(width: int, height: int) -> bytes:
    """The picture with another size in its header."""
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (claiming(65535, 65535), (WIDTH, HEIGHT)),  # 12 GB if anybody believed it
        (claiming(65535, 65535), (1920, 1920)),
        (claiming(0, 0), (WIDTH, HEIGHT)),
        (picture(cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (WIDTH, HEIGHT)),  # scans that cost seconds
        (JPEG[: len(JPEG) // 2], (WIDTH, HEIGHT)),
        (JPEG[:30], (WIDTH, HEIGHT)),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 200_000 + JPEG[2:], (HEIGHT, WIDTH)),  # a long way to the size
        (cv2.imencode(".png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes(), (WIDTH, HEIGHT)),
        (cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH), np.uint8))[1].tobytes(), (WIDTH, HEIGHT)),
        (b"GIF89a" + bytes(100), (WIDTH, HEIGHT)),
        (b"", (WIDTH, HEIGHT)),
    ],
)
def test_what_would_cost_much_costs_little(data: bytes, size: tuple[int, int]) -> None:
    began = time.process_time()
    with pytest.raises(ProtocolError):
        decode_jpeg(data, *size)
    assert time.process_time() - began < 0.5


def test_a_size_that_is_true_and_large_costs_what_it_is_worth() -> None:
    large = claiming(MOST_SIDE, MOST_SIDE)
    assert jpeg_size(large) == (MOST_SIDE, MOST_SIDE)
    began = time.process_time()
    with suppress(ProtocolError):
        decode_jpeg(large, MOST_SIDE, MOST_SIDE)
    assert time.process_time() - began < 0.5
