"""Clients of a practice server, in their own process: one that behaves well, and many that attack.

python benchmarks/_hostile_client.py behave PLAN.json     # started by hostile.py
python benchmarks/_hostile_client.py fuzz PLAN.json       # and so on, see _ATTACKS
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from _hostile_messages import BINARY, PING, TEXT, Messages, camera_frame, head, wire
from _hostile_socket import LOST, PATIENCE, Plan, Socket

_FPS: Final = 30.0
#: Frames that a page may have unanswered, and s after which one counts as answered.
_MOST, _GIVEN_UP = 2, 1.5
#: Hostile messages before each question whether the server still listens, and questions sent at once.
_BATCH, _QUESTIONS = 8, 4

# -- a well-behaved client -----------------------------------------------------------------------------------


async def behave(plan: Plan) -> dict[str, Any]:
    """Perform at 30 fps until a line comes on standard input; the times of sending and of answers."""
    socket = await Socket.open(plan)
    await socket.message()
    await socket.send(wire(TEXT, b'{"type":"begin"}'))
    print("performing", flush=True)
    pictures = plan.pictures()
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    flying: dict[int, float] = {}
    answered: list[tuple[float, float]] = []
    trouble: list[str] = []

    async def listen() -> None:
        with suppress(*LOST):
            while True:
                message = await socket.message()
                if message["type"] == "answer":
                    now = time.monotonic()
                    answered.append((now, now - message["captured"]))
                    for seq in [seq for seq in flying if seq <= message["seq"]]:
                        del flying[seq]
                elif message["type"] != "pong":
                    trouble.append(str(message)[:200])

    listening = asyncio.create_task(listen())
    start, number, sent = time.monotonic(), 0, []
    while not over.done() and not listening.done():
        due = start + number / _FPS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        for seq in [seq for seq, at in flying.items() if due - at > _GIVEN_UP]:
            del flying[seq]
        if len(flying) < _MOST:
            flying[number] = due
            data = camera_frame(number, due, (plan.size[0], plan.size[1]), pictures[number % len(pictures)])
            await socket.send(wire(BINARY, data))
            sent.append(due)
        number = max(number + 1, int((time.monotonic() - start) * _FPS))
    listening.cancel()
    socket.cut()
    return {"answered": answered, "sent": sent, "trouble": trouble[:5], "lost": listening.done()}


# -- clients that attack -------------------------------------------------------------------------------------


async def fuzz(plan: Plan) -> dict[str, Any]:
    """Hostile messages until ``count`` are known to have been taken in; two connections at a time."""
    tally: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    await asyncio.gather(*(_fuzz_one(plan, number, tally, kinds) for number in range(2)))
    return {"tally": tally, "kinds": kinds}


async def _fuzz_one(plan: Plan, number: int, tally: Counter[str], kinds: Counter[str]) -> None:
    rng = random.Random(plan.seed * 1000 + number)
    messages = Messages(rng, plan.pictures(), (plan.size[0], plan.size[1]))
    session = ""
    while tally["taken in"] < plan.count:
        socket: Socket | None = None
        try:
            socket = await Socket.open(plan, session)
            tally["connections"] += 1
            welcome = await socket.message()
            if welcome["type"] != "welcome":
                tally[f"no session: {welcome.get('code')}"] += 1
                session = ""
                await asyncio.sleep(0.2)
                continue
            tally["sessions"] += not welcome["resumed"]
            session = welcome["session"]
            if not welcome["resumed"]:
                await socket.send(messages.whole())
                while (await socket.message())["type"] != "answer":
                    """What is not empty outlives its connection."""
            while tally["taken in"] < plan.count:
                await _batch(socket, messages, tally, kinds)
        except LOST as error:
            tally[f"then {error}" if "closed" in str(error) else "then cut"] += 1
        finally:
            if socket is not None:
                socket.cut()


async def _batch(socket: Socket, messages: Messages, tally: Counter[str], kinds: Counter[str]) -> None:
    """Some messages, with a question now and then; its answer says that all before it have been taken in."""
    asked: dict[int, list[str]] = {}
    data = []
    for _ in range(_QUESTIONS):
        some = [messages.next() for _ in range(_BATCH)]
        ask = messages.rng.randrange(2**40, 2**50)
        asked[ask] = [kind for kind, _ in some]
        data += [*(part for _, part in some), wire(TEXT, b'{"type":"ping","id":%d}' % ask)]
        tally["sent"] += len(some)
    await socket.send(b"".join(data))
    while asked:
        answer = await socket.message()
        if answer["type"] == "pong" and answer["id"] in asked:
            taken = asked.pop(answer["id"])
            tally["taken in"] += len(taken)
            kinds.update(taken)


async def connects(plan: Plan) -> dict[str, Any]:
    """``count`` connections, with and without credentials; what each was answered."""
    ways = _ways(plan)
    tally: Counter[str] = Counter()
    gate = asyncio.Semaphore(40)

    async def one(number: int) -> None:
        name, data, wanted = ways[number % len(ways)]
        async with gate:
            got = await _ask(plan, data)
        right = (wanted is None and not got.startswith("5")) or got == wanted
        tally[f"{name}: {got}" if right else f"UNEXPECTED {name}: {got}"] += 1

    for begin in range(0, plan.count, 500):
        await asyncio.gather(*(one(number) for number in range(begin, min(begin + 500, plan.count))))
    return {"tally": tally}


def _ways(plan: Plan) -> list[tuple[str, bytes, str | None]]:
    """Name, what is sent, and the status that is wanted; None where any but a server's error will do."""
    cookie, origin = plan.ours
    practice = f"/ws/practice/{plan.expert}"
    return [
        ("nothing", b"", None),
        ("no cookie", plan.request("GET", "/"), "401"),
        ("with cookie", plan.request("GET", "/api/experts", cookie), "200"),
        ("wrong token", plan.request("GET", "/?token=guess"), "401"),
        ("wrong cookie", plan.request("GET", "/", f"Cookie: {cookie[8:-3]}abc"), "401"),
        ("wrong Origin", plan.request("POST", "/api/experts", cookie, "Origin: http://evil.example"), "403"),
        ("wrong Host", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        ("socket, no cookie", plan.upgrade(practice, origin), "403"),
        ("socket, no Origin", plan.upgrade(practice, cookie), "403"),
        ("socket, wrong Origin", plan.upgrade(practice, cookie, "Origin: http://evil.example"), "403"),
        ("socket, no such expert", plan.upgrade("/ws/practice/0000000000000000", cookie, origin), "101"),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), None),
        ("garbage", bytes(range(256)) * 4, None),
        ("half a request", plan.request("GET", "/")[:-2], None),
    ]


async def _ask(plan: Plan, data: bytes) -> str:
    """The status that came, or what else."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(plan.host, plan.port), PATIENCE)
    except LOST:
        return "not connected"
    try:
        writer.write(data)
        if not data or (data.endswith(b"\r\n") and not data.endswith(b"\r\n\r\n")):
            return "left"
        return await _status(reader)
    finally:
        writer.transport.abort()


async def _status(reader: asyncio.StreamReader) -> str:
    """The status of an answer; else how the connection was lost."""
    try:
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
    except LOST as error:
        return "cut" if isinstance(error, ConnectionError) else type(error).__name__
    return line.split(b" ")[1].decode() if line.startswith(b"HTTP/") else "cut"


async def crowd(plan: Plan) -> dict[str, Any]:
    """``count`` connections that say nothing, or a letter now and then; can somebody else still get in?"""
    held = []
    for _ in range(plan.count):
        with suppress(*LOST):
            held.append(await asyncio.open_connection(plan.host, plan.port))
    asked: list[float] = []
    refused = 0
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end:
        for _, writer in held[-50:]:
            if not writer.transport.is_closing():
                writer.write(b"G")
        began = time.monotonic()
        status = await _ask(plan, plan.request("GET", "/api/experts", plan.ours[0]))
        asked.append(time.monotonic() - began)
        refused += status != "200"
        await asyncio.sleep(0.2)
    for _, writer in held:
        writer.transport.abort()
    tally = {"held": len(held), "asked": len(asked), "UNEXPECTED refused": refused}
    return {"tally": {**tally, "longest answer ms": round(1e3 * max(asked))}}


async def deaf(plan: Plan) -> dict[str, Any]:
    """Clients that stop reading: one performs, one sends pings, one asks for a video; when are they cut?"""
    pictures = plan.pictures()

    async def perform() -> float:
        socket = await Socket.open(plan)
        began, number = time.monotonic(), 0
        with suppress(*LOST):
            while time.monotonic() - began < plan.seconds:
                number += 1
                data = camera_frame(number, number / _FPS, (plan.size[0], plan.size[1]), pictures[0])
                await asyncio.wait_for(socket.send(wire(BINARY, data)), 5.0)
                await asyncio.sleep(1 / _FPS)
        socket.cut()
        return time.monotonic() - began

    async def ping() -> float:
        socket = await Socket.open(plan)
        began = time.monotonic()
        with suppress(*LOST):
            while time.monotonic() - began < plan.seconds:
                await asyncio.wait_for(socket.send(wire(PING, bytes(125)) * 100), plan.seconds)
        socket.cut()
        return time.monotonic() - began

    async def watch() -> float:
        _, writer = await asyncio.open_connection(plan.host, plan.port, limit=1)
        writer.write(plan.request("GET", f"/media/{plan.expert}/video.mp4", plan.ours[0]) * 20)
        await asyncio.sleep(plan.seconds)
        writer.transport.abort()
        return plan.seconds

    times = await asyncio.gather(perform(), ping(), watch())
    names = ("performer", "pings", "video")
    return {"tally": {f"{name}, s": round(value, 1) for name, value in zip(names, times, strict=True)}}


async def slow(plan: Plan) -> dict[str, Any]:
    """Clients that write a few bytes at a time: messages, and an upload."""
    frame = wire(BINARY, camera_frame(1, 0.0, (plan.size[0], plan.size[1]), plan.pictures()[0]))
    upload = plan.request(
        "POST", "/api/experts", *plan.ours, "Content-Length: 100000000", "X-File-Name: a.mp4"
    )
    tally: Counter[str] = Counter()
    end = time.monotonic() + plan.seconds

    async def drip(first: bytes, data: bytes) -> None:
        try:
            _, writer = await asyncio.open_connection(plan.host, plan.port)
            writer.write(first)
            for at in range(0, len(data), 200):
                await asyncio.sleep(0.05)
                writer.write(data[at : at + 200])
                await writer.drain()
                if time.monotonic() > end:
                    break
            writer.transport.abort()
            tally["to the end"] += 1
        except LOST:
            tally["cut"] += 1

    sockets = [drip(plan.upgrade(f"/ws/practice/{plan.expert}", *plan.ours), frame * 100) for _ in range(10)]
    uploads = [drip(upload, bytes(1_000_000)) for _ in range(10)]
    await asyncio.gather(*sockets, *uploads)
    return {"tally": tally}


async def large(plan: Plan) -> dict[str, Any]:
    """``count`` bytes where few are expected: in a message, in pieces, in a request's head, in its body."""
    size, piece = plan.count, bytes(500_000)
    tally: Counter[str] = Counter()

    async def by_socket(name: str, parts: list[bytes]) -> None:
        socket = await Socket.open(plan)
        taken = 0
        try:
            for part in parts:
                await asyncio.wait_for(socket.send(part), 10)
                taken += len(part)
            while True:
                await socket.message(10)
        except LOST as error:
            tally[f"{name}: {error if 'closed' in str(error) else 'cut'}"] += 1
        finally:
            socket.cut()

    await by_socket("one message", [head(BINARY, size), *[piece] * (size // len(piece))])
    await by_socket("only its size", [head(BINARY, 2**40), bytes(1000)])
    whole = [wire(BINARY if not at else 0, piece, final=False) for at in range(size // len(piece))]
    await by_socket("in pieces", whole)
    tiny = [
        b"".join(wire(BINARY if not at and not lot else 0, b"", final=False) for at in range(1000))
        for lot in range(100)
    ]
    await by_socket("100 000 empty pieces", tiny)
    heads = {
        "request head": (plan.request("GET", "/", *plan.ours)[:-2] + b"X: ", b"x" * size),
        "body, no cookie": (plan.request("POST", "/api/experts", f"Content-Length: {size}"), bytes(size)),
        "body, no video": (
            plan.request("POST", "/api/experts", *plan.ours, f"Content-Length: {size}", "X-File-Name: a.mp4"),
            bytes(size),
        ),
    }
    for name, (first, body) in heads.items():
        tally[f"{name}: {await _pour(plan, first, body)}"] += 1
    return {"tally": tally}


async def _pour(plan: Plan, first: bytes, body: bytes) -> str:
    """Send it all while it is taken; the status that came."""
    reader, writer = await asyncio.open_connection(plan.host, plan.port)

    async def pour() -> None:
        with suppress(*LOST):
            writer.write(first)
            for at in range(0, len(body), 100_000):
                writer.write(body[at : at + 100_000])
                await writer.drain()

    pouring = asyncio.create_task(pour())
    try:
        return await _status(reader)
    finally:
        writer.transport.abort()
        await pouring


_ATTACKS: Final[dict[str, Callable[[Plan], Awaitable[dict[str, Any]]]]] = {
    "behave": behave,
    "fuzz": fuzz,
    "connects": connects,
    "crowd": crowd,
    "deaf": deaf,
    "slow": slow,
    "large": large,
}


def main() -> None:
    """Run one client and print its results as JSON."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of writing to closed connections
    what, plan = sys.argv[1], Plan(**json.loads(Path(sys.argv[2]).read_text()))
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    if what != "behave" and hasattr(os, "nice"):
        os.nice(plan.nice)
    print(json.dumps(asyncio.run(_ATTACKS[what](plan))), flush=True)


if __name__ == "__main__":
    main()
