"""The practice socket over a real server's application: connections, limits, resuming, the end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI, WebSocket
from posesync.configs.shared import SHARED
from posesync.pose.errors import SourceError
from posesync.pose.sources import open_source
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.session.config import Config, load_config
from posesync.realtime.web.practice import hub as hub_module
from posesync.realtime.web.practice.hub import Hub, report_id
from posesync.realtime.web.practice.protocol import EncodedFrame, pack_frame
from posesync.realtime.web.practice.socket import practise
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

CLOSING = SHARED.socket.closing


class OneExpert:
    """Knows one expert, by the id ``walk``."""

    def __init__(self, expert: Expert) -> None:
        self.expert = expert

    def open(self, identity: str, /) -> Expert:
        if identity != "walk":
            raise SourceError(f"there is no expert {identity}: choose one of the library")
        return Expert(self.expert.reference)


@pytest.fixture(scope="module")
def picture(performance: tuple[Path, object]) -> bytes:
    with open_source(performance[0]) as source:
        image = cv2.resize(next(iter(source)).image, (320, 180))
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.fixture
def config(detector: str) -> Config:
    return load_config(None, {"detector.kind": detector, "practice.start": "now"})


class Server:
    """The socket on a real port, in a thread of its own."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

        @asynccontextmanager
        async def life(_: FastAPI) -> AsyncIterator[None]:
            self._loop = asyncio.get_running_loop()
            hub.start()
            yield
            await hub.close()

        app = FastAPI(lifespan=life)

        @app.websocket("/ws/{expert_id}")
        async def socket(socket: WebSocket, expert_id: str) -> None:
            await practise(socket, expert_id, hub)

        settings = uvicorn.Config(app, port=0, log_level="error", ws="websockets-sansio")
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Server:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)

    def connect(self, path: str) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self._port}/ws/{path}", close_timeout=2)

    def close_hub(self) -> None:
        asyncio.run_coroutine_threadsafe(self.hub.close(), self._loop).result(20)


@pytest.fixture
def server(expert: Expert, config: Config, tmp_path: Path) -> Iterator[Server]:
    with Server(Hub(OneExpert(expert), config, folder=tmp_path, history=None, most=2)) as server:
        yield server


def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind; others are passed over."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=20))
        if message["type"] == kind:
            return message


def frame(seq: int, picture: bytes, captured: float | None = None) -> bytes:
    return pack_frame(EncodedFrame(seq, seq / 30 if captured is None else captured, 0, 320, 180, picture))


def closed(socket: ClientConnection) -> int | None:
    """Read until the connection is closed; its code."""
    try:
        while True:
            socket.recv(timeout=20)
    except ConnectionClosed as end:
        return None if end.rcvd is None else end.rcvd.code


def test_from_the_first_frame_to_the_report(server: Server, picture: bytes, tmp_path: Path) -> None:
    with server.connect("walk") as socket:
        welcome = hear(socket, "welcome")
        assert (welcome["protocol"], welcome["resumed"]) == (1, False)
        for seq in range(5):
            socket.send(frame(seq, picture))
            assert hear(socket, "answer")["seq"] == seq
        socket.send('{"type": "ping", "id": 4}')
        assert hear(socket, "pong")["id"] == 4
        socket.send('{"type": "end"}')
        ended = hear(socket, "ended")
        assert ended["why"] == "asked"
        assert closed(socket) == 1000
    report = next(tmp_path.glob("*.html"))
    assert ended["report"] == f"/reports/{report_id(report)}"
    assert report.with_suffix(".jsonl").is_file()
    assert server.hub.running == 0


def test_a_broken_connection_is_taken_up_again(server: Server, picture: bytes) -> None:
    with server.connect("walk") as socket:
        name = hear(socket, "welcome")["session"]
        socket.send(frame(9, picture))
        hear(socket, "answer")
    with server.connect(f"walk?resume={name}") as socket:
        welcome = hear(socket, "welcome")
        assert (welcome["session"], welcome["resumed"]) == (name, True)
        socket.send(frame(0, picture, captured=0.5))
        assert hear(socket, "answer")["seq"] == 0
        socket.send('{"type": "end"}')
        assert hear(socket, "ended")["summary"]["processed"] == 2
    with server.connect(f"walk?resume={name}") as socket:
        assert hear(socket, "welcome")["resumed"] is False, "what has ended is not taken up again"


def test_a_page_that_comes_back_takes_the_place_of_the_connection_that_hangs(
    server: Server, picture: bytes
) -> None:
    with server.connect("walk") as old:
        name = hear(old, "welcome")["session"]
        old.send(frame(0, picture))
        hear(old, "answer")
        with server.connect(f"walk?resume={name}") as new:
            assert hear(new, "welcome")["resumed"] is True
            assert closed(old) == 1000
            new.send(frame(0, picture, captured=0.2))
            assert hear(new, "answer")["seq"] == 0


def test_who_is_not_there_and_who_is_one_too_many(server: Server, picture: bytes) -> None:
    with server.connect("nobody") as socket:
        assert "there is no expert" in str(hear(socket, "error")["message"])
        assert closed(socket) == CLOSING.no_expert
    with server.connect("walk") as first, server.connect("walk") as second:
        for socket in (first, second):
            hear(socket, "welcome")
            socket.send(frame(0, picture))
            hear(socket, "answer")
        with server.connect("walk") as third:
            assert "2 of 2 sessions" in str(hear(third, "error")["message"])
            assert closed(third) == CLOSING.too_many
        first.send(frame(1, picture))
        assert hear(first, "answer")["seq"] == 1, "the others go on"
        second.close()
        with server.connect("walk") as fourth:
            assert hear(fourth, "welcome")["resumed"] is False, "one without a page makes room"


def test_nonsense_is_answered_then_shut_out(server: Server, picture: bytes) -> None:
    with server.connect("walk") as socket:
        hear(socket, "welcome")
        socket.send("nonsense")
        assert hear(socket, "error")["code"] == "command"
        socket.send(b"nonsense")
        assert hear(socket, "error")["code"] == "frame-size"
        socket.send(frame(3, picture))
        assert hear(socket, "answer")["seq"] == 3
        socket.send(frame(2, picture))
        assert hear(socket, "error")["code"] == "order"
        for _ in range(30):
            socket.send(b"nonsense")
        assert closed(socket) == CLOSING.bad_message


def test_who_sends_too_much_is_shut_out(server: Server) -> None:
    with server.connect("walk") as socket:
        hear(socket, "welcome")
        with suppress(ConnectionClosed):  # a busy machine is shut out before it has sent all of them
            for number in range(200):
                socket.send(json.dumps({"type": "ping", "id": number}))
        assert closed(socket) == CLOSING.too_fast


def test_who_is_silent_is_ended(server: Server, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE", 0.5)
    with server.connect("walk") as socket:
        hear(socket, "welcome")
        socket.send(frame(0, picture))
        hear(socket, "answer")
        began = time.monotonic()
        assert hear(socket, "ended")["why"] == "idle"
        assert time.monotonic() - began < 10


def test_a_server_that_ends_tells_its_pages(server: Server, picture: bytes, tmp_path: Path) -> None:
    with server.connect("walk") as page:
        hear(page, "welcome")
        page.send(frame(0, picture))
        hear(page, "answer")
        server.close_hub()
        assert hear(page, "ended")["why"] == "shutdown"
        assert len(list(tmp_path.glob("*.jsonl"))) == 1
        with server.connect("walk") as late:
            hear(late, "error")
            assert closed(late) == CLOSING.too_many


def test_the_newest_frame_is_the_one_looked_at(server: Server, picture: bytes) -> None:
    with server.connect("walk") as socket:
        hear(socket, "welcome")
        for seq in range(40):
            socket.send(frame(seq, picture))
        answers = [hear(socket, "answer")]
        while answers[-1]["seq"] != 39:
            answers.append(hear(socket, "answer"))
        assert len(answers) < 20, "a burst is not worked off frame by frame"
        assert np.all(np.diff([answer["seq"] for answer in answers]) > 0)
        assert answers[-1]["dropped"] >= 20
