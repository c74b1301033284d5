"""A real server on a local port, and raw requests to it, without any clean-up by a client library."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of a refusal, whose form is checked."""
        error = self.json["error"]
        assert set(error) == {"code", "message"}
        assert "\n" not in error["message"]
        assert len(error["message"]) > 10
        return self.status, error["code"]


class Wire:
    """A client. Header names in answers are lower case."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            # A server that refuses early closes while we still send; its answer is there to be read.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body=body, headers=dict(headers or {}))  # type: ignore[arg-type]
            answer = connection.getresponse()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lower, answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes, *, leave: bool = False, patience: float = 30.0) -> bytes:
        """Send bytes as they are; what comes back until the server closes. ``leave``: go away at once."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
            connection.sendall(data)
            if leave:
                return b""
            found = b""
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    found += piece
            return found


@contextmanager
def wire(app: FastAPI) -> Iterator[Wire]:
    """Serve ``app`` on a port that is free, until the block ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until, "the server did not start"
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield Wire(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server did not end"
