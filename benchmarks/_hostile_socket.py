"""The plan of hostile clients, and a WebSocket that sends arbitrary bytes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from _hostile_messages import CLOSE, PING, PONG, TEXT, wire

#: s that a server may take for any answer.
PATIENCE: Final = 20.0
#: Errors raised by a closed connection.
LOST: Final = (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError, OSError)


@dataclass(frozen=True)
class Plan:
    """The plan of a client.

    Attributes:
        host: ``127.0.0.1``.
        port: of the server.
        cookie: the one that grants access.
        expert: identity of the expert to practise with.
        jpegs: files of pictures, of one size.
        size: (width, height) px.
        count: of messages or connections.
        seconds: that an attack lasts.
        seed: of everything random.
        nice: added to the priority of attackers, who have computers of their own.
    """

    host: str
    port: int
    cookie: str
    expert: str
    jpegs: list[str]
    size: list[int]
    count: int = 0
    seconds: float = 0.0
    seed: int = 0
    nice: int = 19

    @property
    def origin(self) -> str:
        """Of the server's own pages."""
        return f"http://{self.host}:{self.port}"

    def pictures(self) -> list[bytes]:
        """The JPEGs."""
        return [Path(name).read_bytes() for name in self.jpegs]

    def request(self, method: str, path: str, *lines: str) -> bytes:
        """A request's head."""
        first = (f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}")
        return "\r\n".join((*first, *lines, "", "")).encode()

    def upgrade(self, path: str, *lines: str) -> bytes:
        """The head of a WebSocket's handshake."""
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        return self.request("GET", path, *upgrade, f"Sec-WebSocket-Key: {key}", *lines)

    @property
    def ours(self) -> tuple[str, str]:
        """The header lines of the server's own pages."""
        return f"Cookie: {self.cookie}", f"Origin: {self.origin}"


class Socket:
    """A WebSocket that sends arbitrary bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    @classmethod
    async def open(cls, plan: Plan, resume: str = "") -> Socket:
        """Connect as a page does; raises ConnectionError when refused."""
        reader, writer = await asyncio.open_connection(plan.host, plan.port)
        path = f"/ws/practice/{plan.expert}" + (f"?resume={resume}" if resume else "")
        writer.write(plan.upgrade(path, *plan.ours))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        if b" 101 " not in answer.split(b"\r\n")[0]:
            writer.transport.abort()
            raise ConnectionError(answer.split(b"\r\n")[0].decode())
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        """Raw bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def message(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next text message; raises ConnectionError when the connection is closed."""
        while True:
            opcode, payload = await asyncio.wait_for(self._frame(), patience)
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise ConnectionResetError(f"closed with {code}")
            if opcode == PING:
                self.writer.write(wire(PONG, payload))
            if opcode == TEXT:
                found: dict[str, Any] = json.loads(payload)
                return found

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack(">H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self._reader.readexactly(8))
        return first & 15, await self._reader.readexactly(length)

    def cut(self) -> None:
        """Close the connection without a closing handshake."""
        self.writer.transport.abort()
