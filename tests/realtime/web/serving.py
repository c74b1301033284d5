"""A real ``posesync serve`` in a separate process, and plain connections to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ADDRESS = re.compile(r"https?://\S+\?token=[\w-]+")
#: A shell starts what runs in the background with Ctrl-C ignored, and so would be what the tests start.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from posesync.realtime.commands import cli; cli.main()"
)


@dataclass
class Server:
    """The running server.

    Attributes:
        process: its own, head of a process group.
        said: the lines of its standard output.
        url: the address that it printed, of this computer.
    """

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    url: str = ""
    _errors: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """``name:port``."""
        return urlsplit(self.url).netloc

    def listen(self) -> None:
        """Read what it says until it says where it is; the rest in threads."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        threading.Thread(target=self._errors.extend, args=(self.process.stderr,), daemon=True).start()
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith("Anyone with"):
                break
        threading.Thread(target=self.said.extend, args=(self.process.stdout,), daemon=True).start()
        urls = [match.group() for match in map(ADDRESS.search, self.said) if match]
        near = [url for url in urls if "//127.0.0.1:" in url or "//localhost:" in url]
        assert urls, f"no address in {self.said} {self._errors}"
        self.url = (near or urls)[0]

    def get(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        body: bytes | None = None,
        **headers: str,
    ) -> http.client.HTTPResponse:
        """A request as it is; ``cookie="…"`` and others become headers. The answer is read whole."""
        address = urlsplit(self.url)
        connection: http.client.HTTPConnection
        if address.scheme == "https":
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(address.netloc, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection(address.netloc, timeout=10)
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        answer.text = answer.read().decode("latin-1")  # type: ignore[attr-defined]
        connection.close()
        return answer

    def sign_in(self) -> str:
        """The cookie."""
        address = urlsplit(self.url)
        answer = self.get(f"{address.path}?{address.query}")
        assert answer.status == 303
        assert ("Secure" in str(answer.getheader("Set-Cookie"))) is (address.scheme == "https")
        return str(answer.getheader("Set-Cookie")).partition(";")[0]

    def ready_expert(self, cookie: str, seconds: float = 60.0) -> str:
        """The id of the first expert, when they are ready."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found: dict[str, Any] = json.loads(self.get("/api/experts", cookie=cookie).text)["experts"][0]  # type: ignore[attr-defined]
            if found["state"] == "ready":
                return str(found["id"])
            assert found["state"] != "failed", found["detail"]
            time.sleep(0.1)
        raise AssertionError("the expert was never ready")

    def end(self, *signals: signal.Signals, pause: float = 0.05) -> tuple[int, list[str]]:
        """Send the signals; exit code and what it said on standard error."""
        for number in signals or (signal.SIGINT,):
            self.process.send_signal(number)
            time.sleep(pause)
        code = self.process.wait(30)
        time.sleep(0.05)  # the threads that read have read the rest
        return code, self._errors

    def left_behind(self) -> bool:
        """Whether a process of its group lives on."""
        for _ in range(40):
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.05)
        return True


@contextmanager
def serve(
    arguments: Sequence[str],
    *,
    data: Path | None = None,
    environment: dict[str, str] | None = None,
    program: Sequence[str] = (sys.executable, "-c", PROGRAM),
    folder: Path | None = None,
) -> Iterator[Server]:
    """``posesync serve`` with these arguments, ready; killed in the end if it still runs.

    Args:
        arguments: after ``serve``.
        data: the user's data folder.
        environment: further variables.
        program: the words before ``serve``.
        folder: the current folder.
    """
    added = {"PYTHONUNBUFFERED": "1", **({} if data is None else {"XDG_DATA_HOME": str(data)})}
    process = subprocess.Popen(
        [*program, "serve", "--no-open", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **added, **(environment or {})},
        start_new_session=True,
    )
    server = Server(process)
    try:
        server.listen()
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
