"""A small server behind the gate, on a real port, for clients that misbehave."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import uvicorn
from posesync.realtime.web.server.connections import LimitedSocket
from posesync.realtime.web.server.gate import Gate

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HELLO = b"GET / HTTP/1.1\r\nHost: x\r\n"
UPGRADE = (
    HELLO + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class App:
    """Answers requests; tells sockets as much as they take, and notes how they end."""

    def __init__(self) -> None:
        self.talks = False
        self.heard = 0
        self.ended: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        await receive()
        await send({"type": "websocket.accept"})
        if self.talks:
            try:
                while True:
                    await send({"type": "websocket.send", "bytes": bytes(100_000)})
            except Exception as error:
                self.ended.append(type(error).__name__)
                return
        while (message := await receive())["type"] == "websocket.receive":
            self.heard += 1
        self.ended.append(message["code"])


def against(
    client: Callable[[App, uvicorn.Server, Callable[[bytes], Awaitable[Streams]]], Awaitable[None]],
    door: Gate | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> App:
    """Run a client against a server of its own."""
    app, door = App(), Gate() if door is None else door

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            config = uvicorn.Config(
                door.watched(app), http="h11", ws=LimitedSocket, lifespan="off", log_config=None, **settings
            )
            server = uvicorn.Server(config)
            server.capture_signals = nullcontext  # type: ignore[method-assign]
            task = asyncio.create_task(server.serve([]))
            while not server.started:
                await asyncio.sleep(0.01)

            def make() -> Any:
                state: Any = {"server_state": server.server_state, "app_state": {}}
                return config.http_protocol_class(config=config, **state)

            door.open([listening], make, tls)

            async def connect(data: bytes) -> Streams:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
                writer.write(data)
                return reader, writer

            try:
                await asyncio.wait_for(client(app, server, connect), 20)
            finally:
                await door.close()
                server.should_exit = True
                server.force_exit = True
                await task

    asyncio.run(run())
    return app


async def is_cut(reader: asyncio.StreamReader, within: float) -> bool:
    """Whether the connection ends; what comes before is read."""
    try:
        await asyncio.wait_for(reader.read(-1), within)
    except asyncio.TimeoutError:
        return False
    except ConnectionError:
        return True
    return True
