"""Messages of the practice socket: what is understood, and what is refused in one line."""

from __future__ import annotations

import json
import math
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from posesync.realtime.web.practice.protocol import (
    MOST_BYTES,
    Begin,
    EncodedFrame,
    End,
    Loop,
    Pause,
    Ping,
    ProtocolError,
    Restart,
    SetGuidance,
    finite,
    pack_frame,
    parse_command,
    parse_frame,
    schema,
)

DOCS = Path(__file__).resolve().parents[4] / "docs"
FRAME = EncodedFrame(7, 12.25, 3, 640, 360, b"\xff\xd8 picture")


def packed(**changed: object) -> bytes:
    values = {"version": 1, "flags": 0, "skipped": 0, "seq": 1, "captured": 0.5, "width": 640, "height": 360}
    values |= {"reserved": 0} | changed  # type: ignore[assignment]
    return struct.pack("<BBHIdHHI", *values.values()) + b"jpeg"


def test_a_frame_survives_the_wire_and_its_header_is_as_documented() -> None:
    data = pack_frame(FRAME)
    assert data[:8] == bytes([1, 0, 3, 0, 7, 0, 0, 0])
    assert struct.unpack("<d", data[8:16]) == (12.25,)
    assert struct.unpack("<HH", data[16:20]) == (640, 360)
    assert data[24:] == FRAME.jpeg
    assert parse_frame(data) == FRAME


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "frame-size"),
        (packed()[:24], "frame-size"),
        (packed() + bytes(MOST_BYTES), "frame-size"),
        (packed(version=2), "version"),
        (packed(flags=1), "version"),
        (packed(reserved=9), "version"),
        (packed(captured=math.nan), "time"),
        (packed(captured=math.inf), "time"),
        (packed(captured=-0.1), "time"),
        (packed(width=31), "frame-size"),
        (packed(height=1921), "frame-size"),
    ],
)
def test_other_frames_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_frame(data)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"type": "begin"}', Begin(type="begin")),
        ('{"type": "restart"}', Restart(type="restart")),
        ('{"type": "pause", "on": true}', Pause(type="pause", on=True)),
        ('{"type": "loop", "section": [1, 2.5]}', Loop(type="loop", section=(1.0, 2.5))),
        ('{"type": "loop", "section": null}', Loop(type="loop", section=None)),
        ('{"type": "guidance", "level": "none"}', SetGuidance(type="guidance", level="none")),
        ('{"type": "end"}', End(type="end")),
        ('{"type": "ping", "id": 3}', Ping(type="ping", id=3)),
    ],
)
def test_commands(text: str, command: object) -> None:
    assert parse_command(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "[]",
        "{}",
        '{"type": "open", "path": "/etc/passwd"}',
        '{"type": "begin", "more": 1}',
        '{"type": "pause", "on": "yes"}',
        '{"type": "pause", "on": 1}',
        '{"type": "loop", "section": [1]}',
        '{"type": "loop", "section": [NaN, 2]}',
        '{"type": "loop", "section": [-1, 2]}',
        '{"type": "loop", "section": [1e999, 2]}',
        '{"type": "ping", "id": -1}',
        '{"type": "ping", "id": 99999999999999999999999999}',
        '{"type": "guidance", "level": "\\ud800"}',
        "\ud800",
        "[" * 2000,
        '{"type": "begin"}' + " " * 2000,
    ],
)
def test_other_texts_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_command(text)
    assert "\n" not in str(caught.value)
    assert "passwd" not in str(caught.value)


@given(st.text(max_size=200) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_command(text)


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_no_bytes_do_more_than_be_refused(head: bytes, tail: bytes) -> None:
    for data in (head + tail, packed()[: len(head)] + tail):
        with suppress(ProtocolError):
            assert parse_frame(data).captured >= 0.0


def test_the_documented_schema_is_the_code_s() -> None:
    documented = json.loads((DOCS / "browser-protocol.schema.json").read_text(encoding="utf-8"))
    assert documented == json.loads(json.dumps(schema())), "run python tools/make_protocol_schema.py"


@pytest.mark.parametrize(
    ("value", "shown"), [(1.23456, 1.23), (None, None), (math.nan, None), (math.inf, None)]
)
def test_only_finite_numbers_reach_a_page(value: float | None, shown: float | None) -> None:
    assert finite(value, 2) == shown
