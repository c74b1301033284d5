"""``posesync serve`` from its start to its end, in a separate process."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from posesync.pose.errors import ConfigError
from posesync.pose.sources import open_source
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.commands.app import run
from posesync.realtime.web.practice.protocol import EncodedFrame, pack_frame
from posesync.realtime.web.server import announcing, listening
from posesync.realtime.web.server.announcing import Address, announcement, qr_code, sits_somebody
from posesync.realtime.web.server.gate import MOST_WAITING
from posesync.realtime.web.server.listening import DEFAULT_PORT, find_place, listen
from serving import ADDRESS, Server, serve
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(scope="module")
def server(
    expert: Expert, expert_clip: Path, detector: str, tmp_path_factory: pytest.TempPathFactory
) -> Server:
    arguments = ["--reference", str(expert_clip), "--detector", detector, "--port", "0"]
    with serve(arguments, data=tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def cookie(server: Server) -> str:
    return server.sign_in()


def test_the_printed_address_leads_in(server: Server, cookie: str) -> None:
    assert sum(bool(ADDRESS.search(line)) for line in server.said) == 1
    assert server.host.startswith("127.0.0.1:")
    assert server.get().status == 401
    answer = server.get(cookie=cookie)
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    assert answer.getheader("Server") is None
    assert "default-src 'none'" in str(answer.getheader("Content-Security-Policy"))


@pytest.mark.parametrize(
    ("path", "method", "headers", "expected"),
    [
        ("/", "GET", {"host": "evil.example"}, 421),
        ("/", "GET", {"host": "evil.example:PORT"}, 421),
        ("/api/experts", "GET", {"origin": "http://evil.example"}, 403),
        ("/api/experts", "GET", {"cookie": "posesync_PORT=stale"}, 401),
        ("/api/experts", "POST", {}, 403),
        ("/api/experts", "POST", {"origin": "http://127.0.0.1:1"}, 403),
        ("/api/experts", "DELETE", {"origin": "null"}, 403),
        ("/?token=wrong", "GET", {}, 401),
        ("/static/%2e%2e/app.py", "GET", {}, 400),
        ("/static/..%5capp.py", "GET", {}, 400),
        ("/static/%00", "GET", {}, 400),
        ("/docs", "GET", {}, 404),
        ("/openapi.json", "GET", {}, 404),
        ("/nothing", "GET", {}, 404),
    ],
)
def test_others_are_refused(
    path: str, method: str, headers: dict[str, str], expected: int, server: Server, cookie: str
) -> None:
    port = server.host.rpartition(":")[2]
    given = {name: value.replace("PORT", port) for name, value in {"cookie": cookie, **headers}.items()}
    answer = server.get(path, method=method, **given)
    assert answer.status == expected
    assert answer.getheader("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "OURS"}, 403),
        ({"Cookie": "OURS"}, 403),
        ({"Cookie": "OURS", "Origin": "http://evil.example"}, 403),
        ({"Cookie": "OURS", "Origin": "null"}, 403),
        ({"Cookie": "posesync_1=x", "Origin": "OURS"}, 403),
    ],
)
def test_a_strangers_socket_is_refused(
    headers: dict[str, str], status: int, server: Server, cookie: str
) -> None:
    ours = {"Cookie": cookie, "Origin": f"http://{server.host}"}
    given = {name: ours[name] if value == "OURS" else value for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://{server.host}/ws/practice/x", additional_headers=given)
    assert caught.value.response.status_code == status


def test_who_says_nothing_makes_room(server: Server, cookie: str) -> None:
    """Waiting connections push out one another, not connections with a request."""
    address = ("127.0.0.1", int(server.host.rpartition(":")[2]))
    silent = [socket.create_connection(address) for _ in range(2 * MOST_WAITING)]
    try:
        silent[-1].sendall(b"GET / HT")
        assert server.get(cookie=cookie).status == 200
        time.sleep(0.2)
        cut = 0
        for one in silent:
            one.setblocking(False)
            try:
                cut += one.recv(1) == b""
            except BlockingIOError:
                pass
            except ConnectionResetError:
                cut += 1
        assert len(silent) - MOST_WAITING <= cut < len(silent)
    finally:
        for one in silent:
            one.close()


@pytest.mark.parametrize(("size", "status"), [(15_000, 200), (17_000, 431), (40_000, 431)])
def test_a_head_over_16_kb_is_refused(size: int, status: int, server: Server, cookie: str) -> None:
    """Also one that arrives in a single piece, which uvicorn's own limit lets pass."""
    assert server.get(cookie=cookie, x="x" * size).status == status


def test_a_head_without_an_end_is_not_read(server: Server) -> None:
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, AssertionError)):
        assert server.get(x="x" * 1_000_000).status in (200, 431)


# -- the end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGTERM,), (signal.SIGINT, signal.SIGINT, signal.SIGINT)],
    ids=["SIGTERM", "impatient"],
)
def test_the_end_leaves_a_report_and_nothing_else(
    signals: tuple[signal.Signals, ...],
    expert: Expert,
    expert_clip: Path,
    performance: tuple[Path, object],
    detector: str,
    tmp_path: Path,
) -> None:
    arguments = ["--reference", str(expert_clip), "--detector", detector, "--port", "0"]
    with open_source(performance[0]) as source:
        image = cv2.resize(next(iter(source)).image, (320, 180))
    picture = cv2.imencode(".jpg", image)[1].tobytes()
    with serve(arguments, data=tmp_path) as server:
        cookie = server.sign_in()
        expert_id = server.ready_expert(cookie)
        page = connect(
            f"ws://{server.host}/ws/practice/{expert_id}",
            additional_headers={"Cookie": cookie, "Origin": f"http://{server.host}"},
            compression=None,
        )
        with page:
            heard = [json.loads(page.recv(20))["type"]]
            for number in range(4):
                page.send(pack_frame(EncodedFrame(number, number / 30, 0, 320, 180, picture)))
                while heard[-1] != "answer" or heard.count("answer") <= number:
                    heard.append(json.loads(page.recv(20))["type"])
            code, errors = server.end(*signals)
            told = [json.loads(text) for text in page]
    assert code == 0, errors
    assert errors == []
    assert heard[0] == "welcome"
    assert told[-1]["type"] == "ended"
    assert told[-1]["why"] == "shutdown"
    logs = list((tmp_path / "posesync" / "sessions").glob("*.jsonl"))
    assert len(logs) == 1
    assert "summary" in json.loads(logs[0].read_text().splitlines()[-1])
    assert logs[0].with_suffix(".html").is_file()
    assert not server.left_behind()


# -- options -------------------------------------------------------------------------------------------------


@pytest.fixture
def taken() -> int:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--reference", "none.mp4"], "none.mp4 does not exist"),
        (["--port", "TAKEN"], "port TAKEN is in use"),
        (["--host", "0.0.0.0"], "HTTPS pages only: add --tls self-signed"),
        (["--host", "192.0.2.7", "--tls", "self-signed"], "192.0.2.7 is not an address of this computer"),
        (["--host", "no such name"], "'no such name' is not a known name"),
        (["--tls", "none.pem"], "cannot read none.pem"),
        (["--tls", "self-signed", "--tls-key", "key.pem"], "--tls-key belongs to"),
        (["--tls-key", "key.pem"], "--tls-key belongs to"),
        (["--config", "none.toml"], "none.toml"),
        (["--detector", "magic"], "magic"),
    ],
)
def test_options_that_cannot_be_served_give_one_line(
    arguments: list[str], says: str, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [argument.replace("TAKEN", str(taken)) for argument in arguments]
    assert run("posesync", ["serve", "--no-open", *given]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert says.replace("TAKEN", str(taken)) in said.err


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from posesync.realtime.commands.app import run; sys.exit(run('posesync', ['serve']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: posesync serve needs uvicorn, which is not installed: pip install 'posesync[web]'\n"
    )


def test_the_next_free_port_is_taken() -> None:
    place = find_place("127.0.0.1")
    first = listen(place, None)
    try:
        second = listen(place, None)
        ports = [opened.getsockname()[1] for opened in (*first, *second)]
        for opened in second:
            opened.close()
    finally:
        for opened in first:
            opened.close()
    assert DEFAULT_PORT <= ports[0] < ports[1] <= DEFAULT_PORT + 20


@pytest.mark.parametrize(
    ("host", "loopback", "names", "without"),
    [
        ("127.0.0.1", True, ["127.0.0.1", "localhost"], ["192.168.1.5"]),
        ("localhost", True, ["localhost", "127.0.0.1"], ["192.168.1.5"]),
        ("::1", True, ["[::1]", "localhost"], ["192.168.1.5"]),
        ("0.0.0.0", False, ["192.168.1.5", "dance.local", "dance", "127.0.0.1", "localhost"], ["[fd00::5]"]),
        ("::", False, ["192.168.1.5", "[fd00::5]", "dance.local", "[::1]"], []),
    ],
)
def test_the_names_are_those_of_this_computer(
    host: str, loopback: bool, names: list[str], without: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Entry:
        def __init__(self, ip: object) -> None:
            self.ip = ip

    class Adapter:
        ips = tuple(
            map(Entry, ["127.0.0.1", "192.168.1.5", "169.254.3.3", ("fd00::5", 0, 0), ("fe80::1", 0, 2)])
        )

    monkeypatch.setattr(listening.ifaddr, "get_adapters", lambda: [Adapter()])
    monkeypatch.setattr(listening.socket, "gethostname", lambda: "Dance")
    place = find_place(host)
    assert place.loopback is loopback
    assert [name for name in names if name not in place.names] == []
    assert [name for name in (*without, "169.254.3.3", "[fe80::1]") if name in place.names] == []


def test_another_error_of_the_system_is_a_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listening, "_bind_one", refuse)
    with pytest.raises(ConfigError, match="above 1023"):
        listen(find_place("127.0.0.1"), 80)


# -- for phones ----------------------------------------------------------------------------------------------


def test_in_the_network_it_speaks_https_and_shows_a_code(tmp_path: Path) -> None:
    with serve(["--host", "0.0.0.0", "--port", "0", "--tls", "self-signed"], data=tmp_path) as server:
        assert server.url.startswith("https://")
        cookie = server.sign_in()
        assert server.get(cookie=cookie).status == 200
        context = ssl._create_unverified_context()
        with (
            socket.create_connection(("127.0.0.1", int(server.host.rpartition(":")[2]))) as plain,
            context.wrap_socket(plain) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
        assert shown is not None
        pem = (tmp_path / "posesync" / "certificate" / "self-signed.pem").read_text()
        assert ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----BEGIN PRIVATE")]) == shown
        fingerprint = next(line for line in server.said if line.startswith("fingerprint"))
        assert len(fingerprint.rpartition(" ")[2]) == 95
        code, errors = server.end()
    assert (code, errors) == (0, [])


ADDRESSES = Address("https", ("192.168.1.5", "dance.local", "127.0.0.1", "localhost"), 8765, "secret")


def test_every_address_is_printed_and_the_first_as_a_qr_code() -> None:
    lines = [line for line, _ in announcement(ADDRESSES, loopback=False, fingerprint="AB:CD")]
    assert "  https://192.168.1.5:8765/?token=secret" in lines
    assert "  https://dance.local:8765/?token=secret" in lines
    assert "On this computer: https://127.0.0.1:8765/?token=secret" in lines
    assert qr_code("https://192.168.1.5:8765/?token=secret")[3] in lines
    assert "fingerprint must be AB:CD" in lines


def test_alone_it_is_one_address_and_no_code() -> None:
    address = Address("http", ("127.0.0.1", "localhost"), 8765, "secret")
    lines = [line for line, _ in announcement(address, loopback=True, fingerprint=None)]
    assert lines[0] == "PoseSync is ready: http://127.0.0.1:8765/?token=secret"
    assert not any("█" in line for line in lines)
    assert address.hosts == {"127.0.0.1:8765", "localhost:8765"}
    practice = replace(address, path="practice/ab12")
    assert practice.url("127.0.0.1") == "http://127.0.0.1:8765/practice/ab12?token=secret"


def test_without_a_network_it_says_so() -> None:
    address = Address("https", ("127.0.0.1",), 8765, "secret")
    lines = [line for line, _ in announcement(address, loopback=False, fingerprint=None)]
    assert any("not in a network" in line for line in lines)


def test_the_code_can_be_read() -> None:
    """Drawn as a terminal would, it is what OpenCV's reader reads."""
    text = "https://192.168.178.123:8765/?token=abcdefghijklmnopqrstuv"
    rows: list[list[int]] = []
    for line in qr_code(text):
        rows.append([255 if sign in "█▀" else 0 for sign in line])
        rows.append([255 if sign in "█▄" else 0 for sign in line])
    import numpy as np

    image = np.kron(np.array(rows, np.uint8), np.ones((8, 8), np.uint8))
    image = cv2.copyMakeBorder(image, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255)
    assert cv2.QRCodeDetector().detectAndDecode(image)[0] == text


@pytest.mark.parametrize(
    ("variables", "terminal", "expected"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0"}, False, False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "1 2 3 4"}, True, False),
        ({}, True, False),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="screens of Linux")
def test_a_browser_is_opened_where_somebody_sits(
    variables: dict[str, str], terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(announcing.sys.stdout, "isatty", lambda: terminal)
    assert sits_somebody() is expected


def test_the_browser_gets_an_address_that_is_good_once(expert: Expert, tmp_path: Path) -> None:
    """What stands on a command line can be read by other users of the computer."""
    note = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {note}.part; mv {note}.part {note}\n')
    browser.chmod(0o755)
    with serve(["--port", "0", "--open"], data=tmp_path, environment={"BROWSER": f"{browser} %s"}) as server:
        end = time.monotonic() + 10
        while not note.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        opened = note.read_text().strip()
        assert ADDRESS.fullmatch(opened)
        assert opened != server.url
        path = opened.partition(server.host)[2]
        assert server.get(path).status == 303
        assert server.get(path).status == 401
