"""A real ``posesync serve`` in a separate process, entered with its token, and its cost."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

_ADDRESS: Final = re.compile(r"https?://[^\s]+token=[\w-]+")
_PROGRAM: Final = "from posesync.realtime.commands.cli import main; main()"
_PATIENCE: Final = 120.0  # s until the expert is ready


@dataclass
class Served:
    """The running server.

    Attributes:
        process: its own.
        host: ``127.0.0.1:port``.
        cookie: the one that grants access.
        expert: id of the one expert.
        ready_s: s from its start until the expert was ready.
    """

    process: psutil.Process
    host: str
    cookie: str
    expert: str
    ready_s: float

    def usage(self) -> dict[str, float]:
        """CPU s so far and resident MB of the server and its children, and of the machine all busy CPU s."""
        cpu = memory = 0.0
        for process in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.Error):
                times = process.cpu_times()
                cpu += times.user + times.system
                memory += process.memory_info().rss / 1e6
        everything = psutil.cpu_times()
        busy = sum(everything[:8]) - everything.idle - everything.iowait
        return {"cpu": cpu, "memory": memory, "busy": busy, "at": time.monotonic()}


@contextmanager
def served(expert: Path, data: Path, options: Sequence[str]) -> Iterator[Served]:
    """Start it, sign in, wait for the expert; end it as Ctrl-C does.

    Args:
        expert: the video.
        data: empty folder for logs and reports, so that the user's own history stays theirs.
        options: further ones of ``posesync serve``.
    """
    command = [
        sys.executable,
        "-c",
        _PROGRAM,
        "serve",
        "--reference",
        str(expert),
        "--port",
        "0",
        "--no-open",
    ]
    environment = os.environ | {"XDG_DATA_HOME": str(data), "PYTHONUNBUFFERED": "1"}
    begun = time.monotonic()
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        encoding="utf-8",
    )
    try:
        found = sign_in(process)
        ready = time.monotonic() - begun
        yield Served(psutil.Process(process.pid), found.host, found.cookie, found.expert, ready)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            sys.stderr.write("the server did not end within 20 s of SIGTERM\n")


@dataclass(frozen=True)
class SignedIn:
    """A way into a running server: as :class:`Served`."""

    host: str
    cookie: str
    expert: str


def sign_in(process: subprocess.Popen[str]) -> SignedIn:
    """Sign in to a server just started, and wait for its one expert."""
    host, path = _address(process)
    cookie = _sign_in(host, path)
    return SignedIn(host, cookie, _ready_expert(host, cookie))


def _address(process: subprocess.Popen[str]) -> tuple[str, str]:
    """``host:port`` and path with token, from what the server prints; what follows is read and forgotten."""
    assert process.stdout is not None
    said: deque[str] = deque(maxlen=20)
    for line in process.stdout:
        said.append(line)
        if match := _ADDRESS.search(line):
            threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
            address = urlsplit(match.group())
            return address.netloc, f"{address.path or '/'}?{address.query}"
    sys.exit(f"posesync serve printed no address: {''.join(said).strip() or 'nothing at all'}")


def _sign_in(host: str, path: str) -> str:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path)
    reply = connection.getresponse()
    cookie = reply.getheader("Set-Cookie")
    if cookie is None:
        sys.exit(f"the server's token was answered with {reply.status} and no cookie: {reply.read()[:200]!r}")
    connection.close()
    return cookie.split(";")[0]


def _ready_expert(host: str, cookie: str) -> str:
    begun = time.monotonic()
    found: dict[str, Any] = {}
    while time.monotonic() - begun < _PATIENCE:
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/api/experts", headers={"Cookie": cookie})
        found = json.loads(connection.getresponse().read())["experts"][0]
        connection.close()
        if found["state"] == "ready":
            return str(found["id"])
        if found["state"] == "failed":
            break
        time.sleep(0.25)
    sys.exit(f"the expert is {found.get('state')} after {_PATIENCE:g} s: {found.get('detail')}")
