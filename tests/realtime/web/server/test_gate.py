"""Connections are counted, timed and cut from the moment they are accepted, before TLS."""

from __future__ import annotations

import asyncio
import errno
import ssl
from typing import Any

import pytest
from connecting import HELLO, UPGRADE, App, against, is_cut
from posesync.realtime.web.server import gate
from posesync.realtime.web.server.certificate import self_signed
from posesync.realtime.web.server.gate import Gate


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    certificate = self_signed(["127.0.0.1"], tmp_path_factory.mktemp("certificate"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


async def ask(writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> bytes:
    """Speak TLS on a plain connection, and ask; what is answered."""
    unverified = ssl._create_unverified_context()
    loop = asyncio.get_running_loop()
    protocol = writer.transport.get_protocol()
    transport = await loop.start_tls(writer.transport, protocol, unverified)
    assert transport is not None
    transport.write(HELLO + b"\r\n")
    return await reader.readuntil(b"ok")


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_who_does_not_finish_tls_is_cut(
    said: bytes, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.4)
    door = Gate()

    async def client(app: App, server: Any, connect: Any) -> None:
        reader, _ = await connect(said)
        while not door.count:
            await asyncio.sleep(0.01)
        assert await is_cut(reader, 10.0)
        assert door.count == 0

    against(client, door, tls=tls)


def test_tls_alone_has_its_time(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "HANDSHAKE", 0.3)

    async def client(app: App, server: Any, connect: Any) -> None:
        reader, _ = await connect(b"")
        assert await is_cut(reader, 8.0)  # PATIENCE is longer

    against(client, tls=tls)


def test_silent_tls_makes_room_for_who_asks(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_WAITING", 5)
    door = Gate()

    async def client(app: App, server: Any, connect: Any) -> None:
        silent = [await connect(b"") for _ in range(30)]
        reader, writer = await connect(b"")
        assert (await ask(writer, reader)).startswith(b"HTTP/1.1 200")
        assert door.count <= 5
        for _, one in silent:
            one.transport.abort()

    against(client, door, tls=tls)


def test_one_address_does_not_take_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_PER_ADDRESS", 4)

    async def client(app: App, server: Any, connect: Any) -> None:
        held = []
        for _ in range(4):
            held.append(await connect(UPGRADE))
            await held[-1][0].readuntil(b"\r\n\r\n")
        reader, _ = await connect(HELLO + b"\r\n")
        assert await is_cut(reader, 5.0)
        reader, writer = await asyncio.open_connection(*peer(held[0]), local_addr=("127.0.0.2", 0))
        writer.write(HELLO + b"\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        for _, one in [*held, (reader, writer)]:
            one.transport.abort()

    try:
        against(client)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        pytest.skip("this system has one loopback address")


def peer(streams: Any) -> tuple[str, int]:
    name: tuple[str, int] = streams[1].get_extra_info("peername")
    return name


def test_a_crowd_from_one_address_makes_room_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that waits goes, but of the address that has the most."""
    monkeypatch.setattr(gate, "MOST_WAITING", 3)
    door = Gate()

    async def client(app: App, server: Any, connect: Any) -> None:
        first = await connect(b"")
        while not door.count:
            await asyncio.sleep(0.01)
        try:
            other = await asyncio.open_connection(*peer(first), local_addr=("127.0.0.2", 0))
        except OSError:
            pytest.skip("this system has one loopback address")
        crowd = [await connect(b"") for _ in range(9)]
        assert await is_cut(first[0], 5.0)
        other[1].write(HELLO + b"\r\n")
        assert (await other[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        for _, one in [*crowd, other]:
            one.transport.abort()

    against(client, door)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_without_open_files_it_waits_and_goes_on(
    number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    async def client(app: App, server: Any, connect: Any) -> None:
        loop = asyncio.get_running_loop()
        accept = loop.sock_accept

        async def exhausted(listening: Any) -> Any:
            tried.append(loop.time())
            if len(tried) <= 3:
                raise OSError(number, "Too many open files")
            return await accept(listening)

        monkeypatch.setattr(loop, "sock_accept", exhausted)
        for _ in range(2):  # the first was awaited before the fault
            reader, writer = await connect(HELLO + b"\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            writer.transport.abort()

    against(client)
    assert len(tried) >= 4
    assert tried[3] - tried[0] > 2 * gate.REST  # it does not spin
    assert sum("no more connections" in record.getMessage() for record in caplog.records) == 1


def test_a_small_limit_of_files_is_a_small_limit_of_connections() -> None:
    assert Gate(files=100)._most == 36
    assert Gate(files=10)._most == 8
    assert Gate(files=None)._most == gate.MOST


@pytest.mark.parametrize(
    ("host", "household"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_is_a_household(host: str, household: str) -> None:
    assert gate._household(host) == household
