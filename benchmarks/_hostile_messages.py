"""Messages that no page sends: damaged frames and commands, and bytes that are no message at all."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Opcodes of RFC 6455.
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_HEADER: Final = struct.Struct("<BBHIdHHI")
_COMMANDS: Final = (
    {"type": "begin"},
    {"type": "restart"},
    {"type": "pause", "on": False},
    {"type": "loop", "section": [0.5, 2.0]},
    {"type": "loop", "section": None},
    {"type": "guidance", "level": "mistakes"},
    {"type": "ping", "id": 1},
)
_ODD_VALUES: Final = (
    None,
    True,
    -1,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "\ud800",
    "../../etc/passwd",
    "x" * 1500,
    [],
    {},
    [[[]]],
    [1, 2, 3],
)


def wire(opcode: int, payload: bytes, *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A WebSocket frame as a client sends it; its mask is zero, which leaves the payload as it is."""
    return head(opcode, len(payload), final=final, masked=masked, reserved=reserved) + payload


def head(opcode: int, length: int, *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """Return the header of a payload of ``length`` bytes, which need not follow."""
    first, mask = (0x80 if final else 0) | reserved << 4 | opcode, 0x80 if masked else 0
    zeros = bytes(4) if masked else b""
    if length < 126:
        return bytes([first, mask | length]) + zeros
    if length < 1 << 16:
        return bytes([first, mask | 126]) + struct.pack(">H", length) + zeros
    return bytes([first, mask | 127]) + struct.pack(">Q", length) + zeros


def camera_frame(seq: int, captured: float, size: tuple[int, int], jpeg: bytes) -> bytes:
    """The binary message of the practice socket."""
    return _HEADER.pack(1, 0, 0, seq % 2**32, captured, *size, 0) + jpeg


@dataclass
class Messages:
    """Hostile messages, always the same for a seed.

    Attributes:
        rng: their source.
        jpegs: real pictures of a camera.
        size: (width, height) px of them.
    """

    rng: random.Random
    jpegs: list[bytes]
    size: tuple[int, int]
    _seq: int = 0

    def next(self) -> tuple[str, bytes]:
        """Return the kind of a message, and its bytes."""
        kinds: tuple[tuple[float, str, Callable[[], bytes]], ...] = (
            (30, "damaged JPEG", self._damaged_jpeg),
            (6, "truncated JPEG", self._truncated_jpeg),
            (6, "JPEG bomb", self._bomb),
            (5, "whole frame", lambda: self._frame(self._jpeg())),
            (12, "damaged header", self._damaged_header),
            (6, "extreme header", self._extreme_header),
            (8, "out of order", self._out_of_order),
            (8, "random bytes", lambda: wire(BINARY, self.rng.randbytes(self.rng.randrange(2000)))),
            (4, "command", lambda: wire(TEXT, self._command())),
            (9, "damaged command", lambda: wire(TEXT, self._damaged_text(self._command()))),
            (4, "odd values", lambda: wire(TEXT, self._odd_command())),
            (1.5, "random text", self._random_text),
            (0.1, "end", lambda: wire(TEXT, b'{"type":"end"}')),
            (0.4, "no WebSocket", self._no_websocket),
        )
        (_, kind, make) = self.rng.choices(kinds, [weight for weight, _, _ in kinds])[0]
        return kind, make()

    def whole(self) -> bytes:
        """Return a valid frame."""
        return self._frame(self._jpeg())

    def _jpeg(self) -> bytes:
        return self.rng.choice(self.jpegs)

    def _frame(self, jpeg: bytes) -> bytes:
        self._seq += 1
        return wire(BINARY, camera_frame(self._seq, self._seq / 30, self.size, jpeg))

    def _damaged(self, data: bytes, most: int) -> bytes:
        changed = bytearray(data)
        for _ in range(self.rng.randint(1, most)):
            at = self.rng.randrange(max(1, len(changed)))
            what = self.rng.randrange(8)
            if what < 5 and changed:
                changed[at] = self.rng.choice((0, 255, 0xD9, 0xDA, 0xC0, self.rng.randrange(256)))
            elif what == 5:
                del changed[at : at + self.rng.randrange(1, 40)]
            elif what == 6:
                changed[at:at] = self.rng.randbytes(self.rng.randrange(40))
            else:
                changed[at:at] = changed[at : at + self.rng.randrange(1, 400)]
        return bytes(changed)

    def _damaged_jpeg(self) -> bytes:
        jpeg = self._jpeg()
        # The first 700 bytes are tables and sizes: the rest is only pixels.
        where = self.rng.choice((4, 700, len(jpeg)))
        return self._frame(self._damaged(jpeg[:where], 20) + jpeg[where:])

    def _truncated_jpeg(self) -> bytes:
        jpeg = self._jpeg()
        return self._frame(jpeg[: self.rng.randrange(1, len(jpeg))])

    def _bomb(self) -> bytes:
        """Return small files that decode to large pictures, or slowly."""
        jpeg = self._jpeg()
        at = jpeg.find(b"\xff\xc0")
        sides = self.rng.choice(((65535, 65535), (1920, 1920), (1920, 16), (self.size[0], 65535)))
        bomb = jpeg[: at + 5] + struct.pack(">HH", sides[1], sides[0]) + jpeg[at + 9 :]
        if self.rng.random() < 0.3:
            bomb = bomb[:at] + b"\xff\xc2" + bomb[at + 2 :]  # said to be progressive
        if self.rng.random() < 0.2:
            bomb = bomb[:2] + b"\xff\xe0\x00\x02" * 20_000 + bomb[2:]
        said = (min(sides[0], 1920), min(sides[1], 1920))
        self._seq += 1
        return wire(BINARY, camera_frame(self._seq, self._seq / 30, said, bomb))

    def _damaged_header(self) -> bytes:
        self._seq += 1
        message = camera_frame(self._seq, self._seq / 30, self.size, self._jpeg()[:2000])
        return wire(BINARY, self._damaged(message[:24], 4) + message[24:])

    def _extreme_header(self) -> bytes:
        odd = (0.0, -1.0, 5e-324, 1e300, float("nan"), float("inf"), 1e9 - 1)
        values = (
            self.rng.choice((0, 1, 1, 1, 2, 255)),
            self.rng.choice((0, 0, 0, 255)),
            self.rng.choice((0, 65535)),
            self.rng.choice((0, 2**31, 2**32 - 1)),
            self.rng.choice(odd),
            self.rng.choice((0, 31, 32, 1920, 65535)),
            self.rng.choice((0, 31, 32, 1920, 65535)),
            self.rng.choice((0, 0, 2**32 - 1)),
        )
        return wire(BINARY, _HEADER.pack(*values) + self._jpeg()[:500])

    def _out_of_order(self) -> bytes:
        seq = max(0, self._seq - self.rng.randrange(100))
        return wire(BINARY, camera_frame(seq, self.rng.uniform(0, 1e6), self.size, self._jpeg()))

    def _command(self) -> bytes:
        return json.dumps(self.rng.choice(_COMMANDS)).encode()

    def _damaged_text(self, text: bytes) -> bytes:
        """Return text that is still UTF-8, because any other ends the connection."""
        return self._damaged(text, 4).decode("latin-1").encode()

    def _odd_command(self) -> bytes:
        command = dict(self.rng.choice(_COMMANDS))
        for _ in range(self.rng.randint(1, 3)):
            name = self.rng.choice((*command, "id", "section", "on", "__proto__"))
            command[name] = self.rng.choice(_ODD_VALUES)  # type: ignore[assignment]
        if self.rng.random() < 0.1:
            return b"[" * self.rng.randrange(1, 5000)
        return json.dumps(command).encode()

    def _random_text(self) -> bytes:
        signs = chr(self.rng.choice((self.rng.randrange(1, 128), self.rng.randrange(0xE000, 0x10FFFF))))
        return wire(TEXT, (signs * self.rng.randrange(60)).encode())

    def _no_websocket(self) -> bytes:
        """Return bytes that break the WebSocket protocol itself; the connection must end."""
        return self.rng.choice(
            (
                wire(BINARY, b"not masked", masked=False),
                wire(3, b"unknown opcode"),
                wire(11, b"unknown control"),
                wire(BINARY, b"reserved", reserved=self.rng.randrange(1, 8)),
                wire(CONTINUATION, b"of nothing"),
                wire(PING, bytes(126)),
                wire(PING, b"", final=False),
                wire(CLOSE, b"\x00"),
                wire(CLOSE, struct.pack(">H", self.rng.choice((0, 999, 1005, 1006, 5000)))),
                wire(CLOSE, struct.pack(">H", 1000) + b"\xff\xfe"),
                wire(TEXT, b"\xff\xfe no UTF-8"),
                head(BINARY, 2**63) + b"more than there is",
                head(BINARY, 2**40) + b"x",
                head(BINARY, 1_000_001) + b"x",
                wire(TEXT, b"one", final=False) + wire(TEXT, b"two"),
                b"".join(wire(CONTINUATION if i else BINARY, b"", final=False) for i in range(500)),
                self.rng.randbytes(300),
            )
        )
