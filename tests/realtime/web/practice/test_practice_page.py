"""The practice page in a real browser with a camera: every state, by key, button, drag; and what goes wrong.

The page comes out of the package under the server's own headers; the session behind it is made up here, so
that it can break, be full or be hostile at will. With the real one: ``test_end_to_end.py``.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from browsing import LOOKS, barriers, chromium, complaints
from posesync.configs.shared import SHARED
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.web.practice.protocol import EncodedFrame, parse_command, parse_frame
from posesync.realtime.web.server.guard import Guard, Request

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
pytestmark = pytest.mark.browser

REALTIME = Path(str(resources.files("posesync.realtime")))
HOST = "localhost:8765"
EXPERT = "0123456789abcdef"
EVIL = "<img src=x onerror=\"document.title='owned'\">"
#: Somebody who stands, arms down, in the middle of the picture.
BODY = [
    [0.5, 0.2, 0.9], [0.51, 0.19, 0.9], [0.49, 0.19, 0.9], [0.52, 0.2, 0.9], [0.48, 0.2, 0.9],
    [0.55, 0.32, 0.9], [0.45, 0.32, 0.9], [0.57, 0.45, 0.9], [0.43, 0.45, 0.9], [0.58, 0.56, 0.9],
    [0.42, 0.56, 0.9], [0.53, 0.56, 0.9], [0.47, 0.56, 0.9], [0.53, 0.73, 0.9], [0.47, 0.73, 0.9],
    [0.53, 0.9, 0.9], [0.47, 0.9, 0.9],
]  # fmt: skip
WELCOME = {
    "type": "welcome", "protocol": 1, "session": "name-1", "duration": 20.0, "start": 0.0, "size": [640, 360],
    "sections": [[0.0, 5.0, "Verse"], [5.0, 12.0, "Chorus"], [12.0, 20.0, "End"]],
    "frame": {"longest": 320, "quality": 0.8, "rate": 60.0, "bytes": 1_000_000}, "guidance": "full",
    "resumed": False,
}  # fmt: skip
#: Lets a test take the camera away and give it back.
PLUG = """(() => {
  const media = navigator.mediaDevices;
  const ask = media.getUserMedia.bind(media);
  window.plug = { refused: null, tracks: [] };
  media.getUserMedia = async (wanted) => {
    if (window.plug.refused) throw new DOMException('made up', window.plug.refused);
    const stream = await ask(wanted);
    window.plug.tracks.push(...stream.getTracks());
    return stream;
  };
})();"""


class Server:
    """A server with one session; what the page sends is kept."""

    def __init__(self) -> None:
        self.expert = {"id": EXPERT, "name": "Piece.mp4", "state": "ready", "width": 640, "height": 360}
        self.change: dict[str, Any] = {}  # of every answer
        self.ended: dict[str, Any] = {}  # of the last message
        self.frames: list[EncodedFrame] = []
        self.commands: list[dict[str, Any]] = []
        self.addresses: list[str] = []
        self.sockets: list[Any] = []
        self.greet: Callable[[Any], None] = self.welcome
        self._guard = Guard("token", hosts=frozenset({HOST}), scheme="http")

    def welcome(self, socket: Any) -> None:
        resumed = "resume=" in socket.url
        socket.send(json.dumps({**WELCOME, "resumed": resumed}))

    def refuse(self, socket: Any) -> None:
        message = "4 of 4 sessions are running: end one"
        socket.send(json.dumps({"type": "error", "code": "full", "message": message, "seq": None}))
        socket.close(code=4503)

    def connect(self, socket: Any) -> None:
        self.addresses.append(socket.url)
        self.sockets.append(socket)
        socket.on_message(lambda message: self.hear(socket, message))
        self.greet(socket)

    def hear(self, socket: Any, message: str | bytes) -> None:
        if isinstance(message, bytes):
            frame = parse_frame(message)
            self.frames.append(frame)
            socket.send(json.dumps(self.answer(frame)))
            return
        parse_command(message)
        command = json.loads(message)
        if command["type"] == "ping":
            socket.send(json.dumps({"type": "pong", "id": command["id"]}))
            return
        self.commands.append(command)
        if command["type"] == "end":
            summary = {"score": 81.4, "coverage": 0.93, "duration": 75.0}
            ended = {"type": "ended", "why": "asked", "report": "/reports/feed", "summary": summary}
            socket.send(json.dumps({**ended, **self.ended}))
            socket.close(code=1000)

    def answer(self, frame: EncodedFrame) -> dict[str, Any]:
        known: dict[str, Any] = {
            "type": "answer", "seq": frame.seq, "captured": frame.captured, "ms": {"waited": 1, "worked": 9},
            "phase": "running", "countdown": None, "hint": None, "framing": None, "position": 6.0,
            "speed": 1.0, "state": "following", "confidence": 0.9, "doubtful": False,
            "mirrored": False, "jumped": False, "wrapped": False, "repetition": 0,
            "score": 72.0,
            "joints": {**dict.fromkeys(JOINT_NAMES, 4.0), "left_elbow": 50.0}, "keypoints": BODY,
            "ghost": BODY, "show": {"expert": True, "ghost": True}, "level": "full", "cue": None,
            "said": False, "timing": {"score": 90.0, "label": "on time", "speed": 1.0}, "dropped": 0,
        }  # fmt: skip
        return {**known, **self.change}

    def handle(self, route: Any) -> None:
        path = "/" + route.request.url.split("/", 3)[3]
        if path == f"/api/experts/{EXPERT}":
            self._give(route, json.dumps(self.expert).encode(), "application/json")
        elif path.startswith("/media/"):
            self._video(route, (REALTIME / "media" / "demo_expert.mp4").read_bytes())
        elif path.startswith("/practice/"):
            self._give(route, (REALTIME / "web" / "static" / "practice.html").read_bytes(), "text/html")
        elif path.startswith("/static/fonts/"):
            fonts = (REALTIME / "media").iterdir()
            file = next(f for f in fonts if f.name.lower() == path.rpartition("/")[2])
            self._give(route, file.read_bytes(), "font/woff")
        else:
            file = REALTIME / "web" / path[1:]
            self._give(route, file.read_bytes(), mimetypes.guess_type(file.name)[0] or "text/plain")

    def _video(self, route: Any, body: bytes) -> None:
        first = int(route.request.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        more = {"accept-ranges": "bytes", "content-range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
        self._give(route, body[first:], "video/mp4", 206, more)

    def _give(
        self, route: Any, body: bytes, kind: str, status: int = 200, more: dict[str, str] | None = None
    ) -> None:
        asked = Request("GET", "/practice/x", headers=[(b"host", HOST.encode())])
        headers = {k.decode(): v.decode() for k, v in self._guard.headers(asked, status)}
        route.fulfill(status=status, body=body, headers={**headers, "content-type": kind, **(more or {})})


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with sync_api.sync_playwright() as playwright, chromium(playwright, None, *flags) as started:
        yield started


@pytest.fixture
def server() -> Server:
    return Server()


@contextmanager
def opened(browser: Any, server: Server, **context: Any) -> Iterator[Any]:
    """The page, which must have nothing to complain of in the end."""
    given = {"locale": "en-GB", "viewport": {"width": 1280, "height": 844}, **context}
    with browser.new_context(**given) as where:
        page = where.new_page()
        page.set_default_timeout(15_000)
        page.add_init_script(PLUG)
        page.route(f"http://{HOST}/**", server.handle)
        page.route_web_socket("**/ws/practice/**", server.connect)
        said = complaints(page)
        page.goto(f"http://{HOST}/practice/{EXPERT}")
        yield page
        assert said == []


def wait_for_answers(page: Any, more: int = 3) -> None:
    code = "() => window.posesync.figures().answered"
    so_far = page.evaluate(code)
    page.wait_for_function(f"(n) => ({code})() >= n", arg=so_far + more)


def test_it_sends_what_the_camera_shows_and_draws_what_it_is_told(browser: Any, server: Server) -> None:
    server.change = {
        "cue": {"joint": "left_elbow", "text": "bend your left elbow", "degrees": 50, "kind": "bend"}
    }
    with opened(browser, server) as page:
        wait_for_answers(page, 10)
        assert [frame.seq for frame in server.frames] == list(range(1, len(server.frames) + 1))
        assert {max(frame.width, frame.height) for frame in server.frames} == {320}
        assert all(a.captured < b.captured for a, b in zip(server.frames, server.frames[1:], strict=False))
        assert server.frames[-1].jpeg[:2] == b"\xff\xd8"
        assert page.inner_text("#message-text") == "Bend your left elbow"
        assert page.inner_text("#score-number") == "72"
        assert page.inner_text("#clock-now") == "0:06.0"
        reds = """() => {
          const canvas = document.getElementById('skeleton');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4)
            if (data[i] > 240 && Math.abs(data[i + 1] - 0x5a) < 12 && data[i + 3] === 255) count += 1;
          return count;
        }"""
        assert page.evaluate(reds) > 50, "an elbow that is 50° off is not red"
        figures = page.evaluate("() => window.posesync.figures()")
        assert figures["roundTrip"]["p50"] > 0
        assert figures["selfViewPerSecond"] > 5


def test_keys_and_buttons_tell_the_server(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        page.keyboard.press("Enter")
        page.keyboard.press("g")
        page.keyboard.press("l")
        page.keyboard.press("Escape")
        page.click("#do-pause")
        assert page.inner_text("#notice") == "Paused"
        paused = len(server.frames)
        page.wait_for_timeout(300)
        assert len(server.frames) <= paused + 2, "it sends on while the performer pauses"
        page.keyboard.press("Space")
        wait_for_answers(page)
        page.keyboard.press("r")
        page.wait_for_timeout(100)
        assert server.commands == [
            {"type": "begin"},
            {"type": "guidance", "level": "mistakes"},
            {"type": "loop", "section": [5, 12]},
            {"type": "loop", "section": None},
            {"type": "pause", "on": True},
            {"type": "pause", "on": False},
            {"type": "restart"},
        ]


def test_a_part_is_dragged_on_the_timeline(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        bar = page.locator("#timeline").bounding_box()
        y = bar["y"] + bar["height"] / 2
        page.mouse.move(bar["x"] + 0.75 * bar["width"], y)
        page.mouse.down()
        page.mouse.move(bar["x"] + 0.25 * bar["width"], y, steps=4)
        page.mouse.up()
        first = page.locator("[role=slider]").first
        first.focus()
        page.keyboard.press("ArrowRight")
        page.mouse.click(bar["x"] + 0.9 * bar["width"], y)
        page.wait_for_timeout(100)
        parts = [command["section"] for command in server.commands]
        assert parts[0] == pytest.approx([5, 15], abs=0.1)
        assert parts[1] == pytest.approx([5.5, 15], abs=0.1)
        assert parts[2] is None
        assert page.locator("[role=slider]:visible").count() == 0


def test_the_end_leads_to_the_report_and_to_the_library(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        page.keyboard.press("q")
        page.locator("#card a[href='/reports/feed']").wait_for()
        assert page.locator("#card dd").all_inner_texts() == ["81", "1:15", "93 %"]
        assert page.locator("#card a[href='/']").count() == 1
        assert page.evaluate("() => window.plug.tracks.every((track) => track.readyState === 'ended')")


def test_a_broken_connection_is_resumed(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        server.greet = lambda socket: socket.close(code=1011)
        server.sockets[-1].close(code=1011)
        page.locator("#notice", has_text="The connection broke").wait_for()
        page.wait_for_timeout(400)
        server.greet = server.welcome
        page.locator("#notice").wait_for(state="hidden")
        wait_for_answers(page)
        assert len(server.addresses) >= 3
        assert all(address.endswith("?resume=name-1") for address in server.addresses[1:])
        assert page.evaluate("() => window.posesync.figures().reconnects") == 1


def test_what_cannot_be_helped_is_said_and_not_tried_again(browser: Any, server: Server) -> None:
    server.greet = server.refuse
    with opened(browser, server) as page:
        page.locator("#card", has_text="4 of 4 sessions are running").wait_for()
        page.wait_for_timeout(600)
        assert len(server.addresses) == 1


def test_an_unplugged_camera_is_waited_for(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        page.evaluate("""() => {
          window.plug.refused = 'NotFoundError';
          const track = window.plug.tracks.at(-1);
          track.stop();
          track.dispatchEvent(new Event('ended'));
        }""")
        page.locator("#notice", has_text="The camera is gone").wait_for()
        page.wait_for_timeout(200)
        assert server.commands == [{"type": "pause", "on": True}]
        page.evaluate("() => { window.plug.refused = null; }")
        page.evaluate("() => navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
        page.locator("#notice").wait_for(state="hidden")
        wait_for_answers(page)
        assert server.commands[-1] == {"type": "pause", "on": False}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "The camera is blocked for this page"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "another program may be using it"),
    ],
)
def test_a_camera_that_is_refused(browser: Any, server: Server, name: str, words: str) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        page.evaluate("(name) => { window.plug.refused = name; }", name)
        page.keyboard.press("c")
        page.locator("#cameras select").evaluate("(select) => select.dispatchEvent(new Event('change'))")
        page.locator("#card", has_text=words).wait_for()


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_a_log_that_has_stopped_is_said_now_and_at_the_end(browser: Any, server: Server, width: int) -> None:
    words = SHARED.words.missing["log"].format(reason="the disk is full")
    server.ended = {"report": None, "summary": {"score": 81.4, "duration": 75.0, "missing": [words]}}
    with opened(browser, server, viewport={"width": width, "height": 844}) as page:
        wait_for_answers(page)
        server.sockets[-1].send(json.dumps({"type": "error", "code": "log", "message": words, "seq": None}))
        said = page.locator(".toast", has_text=words)
        said.wait_for()
        box = said.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        wait_for_answers(page)  # practice goes on
        page.keyboard.press("q")
        page.locator("#card", has_text=words).wait_for()
        assert page.locator("#card", has_text="too little to see").count() == 0
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_what_the_server_says_is_text(browser: Any, server: Server) -> None:
    server.expert["name"] = EVIL
    cue = {"joint": "left_elbow", "text": EVIL, "degrees": 50, "kind": EVIL}
    server.change = {"cue": cue, "said": True, "hint": EVIL, "countdown": EVIL}
    with opened(browser, server) as page:
        wait_for_answers(page)
        assert page.inner_text("#title") == EVIL
        assert page.locator("img").count() == 0
        assert "owned" not in page.title().split(" ")


def test_buttons_are_out_of_the_way_while_somebody_dances_and_come_back(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        page.locator("body.controls-away").wait_for()
        page.wait_for_function("() => getComputedStyle(document.getElementById('tools')).opacity === '0'")
        page.keyboard.press("Tab")
        assert page.locator("body.controls-away").count() == 0
        assert page.evaluate("() => document.activeElement.matches(':focus-visible')")


@pytest.mark.parametrize("state", ["running", "help", "ended"])
def test_nothing_keeps_anybody_out(browser: Any, server: Server, state: str) -> None:
    with opened(browser, server) as page:
        wait_for_answers(page)
        if state == "help":
            page.keyboard.press("?")
        elif state == "ended":
            page.keyboard.press("q")
            page.locator("#card a[href='/reports/feed']").wait_for()
        assert barriers(page, axe, LOOKS[:1] if state == "help" else LOOKS) == []
        small = """() => [...document.querySelectorAll('button, a, input, select, [role=slider]')]
          .filter((one) => one.getClientRects().length)
          .filter((one) => Math.min(one.offsetWidth || 44, one.offsetHeight || 44) < 44)
          .map((one) => one.outerHTML.slice(0, 80))"""
        assert page.evaluate(small) == []
