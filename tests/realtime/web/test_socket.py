"""The practice socket over a real server's application: connections, limits, resuming, the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from posesync.pose.config import Config, load_config
from posesync.pose.errors import SourceError
from posesync.pose.sources import open_source
from posesync.realtime.expert import Expert
from posesync.realtime.web import hub as hub_module
from posesync.realtime.web.hub import Hub, report_id
from posesync.realtime.web.protocol import EncodedFrame, pack_frame
from posesync.realtime.web.socket import BAD_MESSAGE, NO_EXPERT, TOO_FAST, TOO_MANY, practise
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect


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


@pytest.fixture
def client(expert: Expert, config: Config, tmp_path: Path) -> Iterator[TestClient]:
    hub = Hub(OneExpert(expert), config, folder=tmp_path, history=None, most=2)

    @contextmanager
    def nothing() -> Iterator[None]:
        yield

    app = FastAPI()

    @app.websocket("/ws/{expert_id}")
    async def socket(socket: WebSocket, expert_id: str) -> None:
        await practise(socket, expert_id, hub)

    @app.on_event("startup")
    async def start() -> None:
        hub.start()

    @app.on_event("shutdown")
    async def stop() -> None:
        await hub.close()

    app.state.hub = hub
    with TestClient(app) as client:
        yield client


def hear(socket: WebSocketTestSession, kind: str) -> dict[str, object]:
    """The next message of a kind; others are passed over."""
    while True:
        message = json.loads(socket.receive_text())
        if message["type"] == kind:
            return message


def frame(seq: int, picture: bytes, captured: float | None = None) -> bytes:
    return pack_frame(EncodedFrame(seq, seq / 30 if captured is None else captured, 0, 320, 180, picture))


def closed(socket: WebSocketTestSession) -> int:
    """Read until the connection is closed; its code."""
    try:
        while True:
            socket.receive_text()
    except WebSocketDisconnect as end:
        return end.code


def test_from_the_first_frame_to_the_report(client: TestClient, picture: bytes, tmp_path: Path) -> None:
    with client.websocket_connect("/ws/walk") as socket:
        welcome = hear(socket, "welcome")
        assert (welcome["protocol"], welcome["resumed"]) == (1, False)
        for seq in range(5):
            socket.send_bytes(frame(seq, picture))
            assert hear(socket, "answer")["seq"] == seq
        socket.send_text('{"type": "ping", "id": 4}')
        assert hear(socket, "pong")["id"] == 4
        socket.send_text('{"type": "end"}')
        ended = hear(socket, "ended")
        assert ended["why"] == "asked"
        assert closed(socket) == 1000
    report = next(tmp_path.glob("*.html"))
    assert ended["report"] == f"/reports/{report_id(report)}"
    assert report.with_suffix(".jsonl").is_file()
    assert client.app.state.hub.running == 0  # type: ignore[attr-defined]


def test_a_broken_connection_is_taken_up_again(client: TestClient, picture: bytes) -> None:
    with client.websocket_connect("/ws/walk") as socket:
        name = hear(socket, "welcome")["session"]
        socket.send_bytes(frame(9, picture))
        hear(socket, "answer")
    with client.websocket_connect(f"/ws/walk?resume={name}") as socket:
        welcome = hear(socket, "welcome")
        assert (welcome["session"], welcome["resumed"]) == (name, True)
        socket.send_bytes(frame(0, picture, captured=0.5))
        assert hear(socket, "answer")["seq"] == 0
        socket.send_text('{"type": "end"}')
        assert hear(socket, "ended")["summary"]["processed"] == 2  # type: ignore[index]
    with client.websocket_connect(f"/ws/walk?resume={name}") as socket:
        assert hear(socket, "welcome")["resumed"] is False, "what has ended is not taken up again"


def test_a_page_that_comes_back_takes_the_place_of_the_connection_that_hangs(
    client: TestClient, picture: bytes
) -> None:
    with client.websocket_connect("/ws/walk") as old:
        name = hear(old, "welcome")["session"]
        old.send_bytes(frame(0, picture))
        hear(old, "answer")
        with client.websocket_connect(f"/ws/walk?resume={name}") as new:
            assert hear(new, "welcome")["resumed"] is True
            assert closed(old) == 1000
            new.send_bytes(frame(0, picture, captured=0.2))
            assert hear(new, "answer")["seq"] == 0


def test_who_is_not_there_and_who_is_one_too_many(client: TestClient, picture: bytes) -> None:
    with client.websocket_connect("/ws/nobody") as socket:
        assert "there is no expert" in str(hear(socket, "error")["message"])
        assert closed(socket) == NO_EXPERT
    with client.websocket_connect("/ws/walk") as first, client.websocket_connect("/ws/walk") as second:
        for socket in (first, second):
            hear(socket, "welcome")
            socket.send_bytes(frame(0, picture))
            hear(socket, "answer")
        with client.websocket_connect("/ws/walk") as third:
            assert "2 of 2 sessions" in str(hear(third, "error")["message"])
            assert closed(third) == TOO_MANY
        first.send_bytes(frame(1, picture))
        assert hear(first, "answer")["seq"] == 1, "the others go on"
        second.close()
        with client.websocket_connect("/ws/walk") as fourth:
            assert hear(fourth, "welcome")["resumed"] is False, "one without a page makes room"


def test_nonsense_is_answered_then_shut_out(client: TestClient, picture: bytes) -> None:
    with client.websocket_connect("/ws/walk") as socket:
        hear(socket, "welcome")
        socket.send_text("nonsense")
        assert hear(socket, "error")["code"] == "command"
        socket.send_bytes(b"nonsense")
        assert hear(socket, "error")["code"] == "frame-size"
        socket.send_bytes(frame(3, picture))
        assert hear(socket, "answer")["seq"] == 3
        socket.send_bytes(frame(2, picture))
        assert hear(socket, "error")["code"] == "order"
        for _ in range(30):
            socket.send_bytes(b"nonsense")
        assert closed(socket) == BAD_MESSAGE


def test_who_sends_too_much_is_shut_out(client: TestClient) -> None:
    with client.websocket_connect("/ws/walk") as socket:
        hear(socket, "welcome")
        for number in range(200):
            socket.send_text(json.dumps({"type": "ping", "id": number}))
        assert closed(socket) == TOO_FAST


def test_who_is_silent_is_ended(client: TestClient, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE", 0.5)
    with client.websocket_connect("/ws/walk") as socket:
        hear(socket, "welcome")
        socket.send_bytes(frame(0, picture))
        hear(socket, "answer")
        began = time.monotonic()
        assert hear(socket, "ended")["why"] == "idle"
        assert time.monotonic() - began < 10


def test_a_server_that_ends_tells_its_pages(
    expert: Expert, config: Config, picture: bytes, tmp_path: Path
) -> None:
    hub = Hub(OneExpert(expert), config, folder=tmp_path, history=None, most=2)
    app = FastAPI()

    @app.websocket("/ws/{expert_id}")
    async def socket(socket: WebSocket, expert_id: str) -> None:
        await practise(socket, expert_id, hub)

    @app.post("/close")
    async def close() -> None:
        await hub.close()

    with TestClient(app) as client, client.websocket_connect("/ws/walk") as page:
        hear(page, "welcome")
        page.send_bytes(frame(0, picture))
        hear(page, "answer")
        client.post("/close")
        assert hear(page, "ended")["why"] == "shutdown"
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_the_newest_frame_is_the_one_looked_at(client: TestClient, picture: bytes) -> None:
    with client.websocket_connect("/ws/walk") as socket:
        hear(socket, "welcome")
        for seq in range(40):
            socket.send_bytes(frame(seq, picture))
        answers = [hear(socket, "answer")]
        while answers[-1]["seq"] != 39:
            answers.append(hear(socket, "answer"))
        assert len(answers) < 20, "a burst is not worked off frame by frame"
        assert np.all(np.diff([int(str(answer["seq"])) for answer in answers]) > 0)
        assert answers[-1]["dropped"] >= 20  # type: ignore[operator]
