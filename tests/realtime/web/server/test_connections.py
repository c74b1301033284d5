"""Limits on connections, with a real server on a real port and misbehaving clients."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from connecting import HELLO, UPGRADE, App, against, is_cut
from posesync.realtime.web.server import connections, gate

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "benchmarks"))

from _hostile_messages import BINARY, CONTINUATION, PING, wire


@pytest.mark.parametrize("said", [b"", b"G", HELLO, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + HELLO])
def test_who_does_not_finish_a_request_is_cut(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.4)

    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        reader, writer = await connect(said)
        dripping = asyncio.create_task(drip(writer))
        assert await is_cut(reader, 2.0)
        dripping.cancel()
        assert len(server.server_state.connections) == 0

    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:  # a letter now and then does not help
            await asyncio.sleep(0.1)
            writer.write(b"x")

    against(client)


def test_who_asks_in_time_may_go_on_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.4)

    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        reader, writer = await connect(b"")
        for _ in range(4):
            await asyncio.sleep(0.25)
            writer.write(HELLO + b"\r\n")
            answer = await reader.readuntil(b"ok")
            assert answer.startswith(b"HTTP/1.1 200")
        writer.close()

    against(client)


def test_the_oldest_waiting_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_WAITING", 3)

    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        silent = []
        for _ in range(5):
            silent.append(await connect(b""))
            await asyncio.sleep(0.02)
        assert [await is_cut(reader, 0.1) for reader, _ in silent] == [True, True, False, False, False]
        for _, writer in silent:
            writer.transport.abort()

    against(client)


def test_there_is_an_end_to_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST", 4)

    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        sockets = []
        for _ in range(4):
            sockets.append(await connect(UPGRADE))
            await sockets[-1][0].readuntil(b"\r\n\r\n")
        reader, _ = await connect(HELLO + b"\r\n")
        assert await is_cut(reader, 1.0)
        sockets.pop()[1].transport.abort()
        await asyncio.sleep(0.05)
        sockets.append(await connect(HELLO + b"\r\n"))
        assert (await sockets[-1][0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        for _, writer in sockets:
            writer.transport.abort()

    against(client)


def test_a_page_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED", 0.3)

    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        app.talks = True
        _, writer = await connect(UPGRADE)
        while not app.ended:
            await asyncio.sleep(0.05)
        assert len(server.server_state.connections) == 0
        writer.transport.abort()

    assert against(client, ws_ping_interval=None).ended == ["ClientDisconnected"]


def test_pings_are_not_answered_into_the_void(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED", 0.5)

    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        reader, writer = await connect(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        most = 0
        while not app.ended:
            if not writer.transport.is_closing() and writer.transport.get_write_buffer_size() < 1 << 20:
                writer.write(wire(PING, bytes(125)) * 1000)
            for one in server.server_state.connections:
                most = max(most, one.transport.get_write_buffer_size())
            await asyncio.sleep(0.001)
        assert 0 < most < 1 << 20
        writer.transport.abort()

    against(client, ws_ping_interval=None)


def test_who_does_not_answer_pings_is_gone() -> None:
    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        reader, _ = await connect(UPGRADE)
        assert await is_cut(reader, 3.0)

    assert against(client, ws_ping_interval=0.2, ws_ping_timeout=0.2).ended != []


@pytest.mark.parametrize(("pieces", "heard"), [(64, 1), (65, 0), (5000, 0)])
def test_a_message_has_so_many_pieces_at_most(pieces: int, heard: int) -> None:
    async def client(app: App, server: uvicorn.Server, connect: Any) -> None:
        reader, writer = await connect(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        for number in range(pieces):
            writer.write(wire(CONTINUATION if number else BINARY, b"x", final=number == pieces - 1))
        if heard:
            while not app.heard:
                await asyncio.sleep(0.01)
            writer.transport.abort()
        else:
            answer = await reader.read(4)
            assert answer[0] == 0x88
            assert int.from_bytes(answer[2:4], "big") == 1009

    assert against(client).heard == heard
