"""The library page in a real browser: every state, by mouse, keyboard and drop; safe with any name.

The pages come out of the package under the server's own headers; what the server knows is made up here, so
that a slow upload or a server that is gone can be shown at will. With the real one: ``test_end_to_end.py``.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from browsing import barriers, chromium, complaints
from posesync.realtime.web.server.guard import Guard, Request

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
pytestmark = pytest.mark.browser

REALTIME = Path(str(resources.files("posesync.realtime")))
HOST = "localhost:8765"
EVIL = "<img src=x onerror=\"document.title='owned'\"><b>&amp;</b>.mp4"


def expert(number: int, state: str = "ready", **more: Any) -> dict[str, Any]:
    known = state == "ready"
    return {
        "id": f"{number:016x}",
        "name": f"Piece {number}.mp4",
        "state": state,
        "progress": 0.4 if state == "preparing" else None,
        "left": 38.0 if state == "preparing" else None,
        "detail": "",
        "duration": 83.4 if known else None,
        "sections": [],
        "width": 1280 if known else None,
        "height": 720 if known else None,
        "uploaded": True,
        **more,
    }


def session(number: int, day: int, score: float | None, **more: Any) -> dict[str, Any]:
    return {
        "log_sha256": f"{number:x}{day:x}",
        "at": f"2026-10-{day:02}T18:30:00+00:00",
        "reference": {"file": f"Piece {number}.mp4", "sha256": f"{number:016x}" + 48 * "0"},
        "score": score,
        "form": score,
        "timing": 91.0,
        "seconds": 200.0,
        "expert": f"{number:016x}",
        "report": f"/reports/{day:016x}",
        **more,
    }


class Server:
    """What the page asks for, answered here; what it changes, kept."""

    def __init__(self) -> None:
        self.experts: list[dict[str, Any]] = []
        self.sessions: list[dict[str, Any]] = []
        self.uploads: list[tuple[str, bytes]] = []
        self.removed: list[str] = []
        self.answer: Callable[[Any], None] | None = None  # of an upload
        self.gone = False
        self._guard = Guard("token", hosts=frozenset({HOST}), scheme="http")
        picture = np.full((180, 320, 3), (90, 130, 60), np.uint8)
        cv2.circle(picture, (160, 70), 40, (220, 220, 220), -1)
        self._picture = cv2.imencode(".jpg", picture)[1].tobytes()

    def handle(self, route: Any) -> None:
        request, path = route.request, "/" + route.request.url.split("/", 3)[3]
        if self.gone and path.startswith("/api/"):
            route.abort()
        elif path == "/api/experts" and request.method == "POST":
            self.uploads.append((request.headers["x-file-name"], request.post_data_buffer))
            (self.answer or self._accept)(route)
        elif path == "/api/experts":
            self._json(route, {"experts": self.experts})
        elif path == "/api/history":
            self._json(route, {"sessions": self.sessions})
        elif request.method == "DELETE":
            self.removed.append(path.rpartition("/")[2])
            self.experts = [known for known in self.experts if known["id"] not in self.removed]
            route.fulfill(status=204)
        elif path.startswith("/media/"):
            self._give(route, self._picture, "image/jpeg")
        elif path.startswith("/practice/"):
            self._give(route, b"<!doctype html><title>practice</title>", "text/html")
        else:
            self._file(route, path)

    def refuse(self, route: Any) -> None:
        self._json(
            route,
            {"error": {"code": "too-long", "message": "it lasts 45 min, at most 30 min are taken"}},
            413,
        )

    def _accept(self, route: Any) -> None:
        self.experts.append(expert(9, "waiting", name=unquote(self.uploads[-1][0])))
        self._json(route, self.experts[-1], 202)

    def _file(self, route: Any, path: str) -> None:
        fonts = path.startswith("/static/fonts/")
        static = REALTIME / "web" / "static"
        if fonts:
            file = next(f for f in (REALTIME / "media").iterdir() if f.name.lower() == path[14:].lower())
        else:
            file = static / ("index.html" if path == "/" else path.removeprefix("/static/"))
        kind = mimetypes.guess_type(file.name)[0] or "font/woff"
        self._give(route, file.read_bytes(), kind)

    def _json(self, route: Any, value: Any, status: int = 200) -> None:
        self._give(route, json.dumps(value).encode(), "application/json", status)

    def _give(self, route: Any, body: bytes, kind: str, status: int = 200) -> None:
        asked = Request("GET", "/", headers=[(b"host", HOST.encode())])
        headers = {k.decode(): v.decode() for k, v in self._guard.headers(asked, status)}
        route.fulfill(status=status, body=body, headers={**headers, "content-type": kind})


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright, chromium(playwright) as started:
        yield started


@pytest.fixture
def server() -> Server:
    return Server()


@contextmanager
def opened(browser: Any, server: Server, **context: Any) -> Iterator[Any]:
    """The page, which must have nothing to complain of in the end but what the server refused."""
    given = {"locale": "en-GB", "timezone_id": "UTC", "viewport": {"width": 1280, "height": 844}, **context}
    with browser.new_context(**given) as where:
        page = where.new_page()
        page.set_default_timeout(10_000)
        said = complaints(page)
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.route("**/*", server.handle)
        page.goto(f"http://{HOST}/")
        page.wait_for_selector("main[aria-busy=false]")
        yield page
        assert [line for line in said if "Failed to load resource" not in line] == []


def choose(page: Any, name: str = "Tango é.mp4", size: int = 2000, kind: str = "video/mp4") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": b"x" * size})


SCREENS = ("empty", "content", "sending", "asking", "trouble")


@pytest.mark.parametrize("screen", SCREENS)
def test_everyone_can_use_every_screen(screen: str, browser: Any, server: Server) -> None:
    if screen != "empty":
        server.experts = [
            expert(1),
            expert(2, "preparing"),
            expert(3, "waiting"),
            expert(4, height=1920, width=1080),
        ]
        server.experts.append(expert(5, "failed", detail="nobody was seen in it: film the whole body"))
        server.sessions = [session(1, day, 50 + 3 * day) for day in range(1, 8)] + [session(4, 9, None)]
    server.gone = False
    server.answer = lambda route: None  # never
    with opened(browser, server) as page:
        if screen == "sending":
            choose(page)
            page.wait_for_selector("[data-state=sending]")
        if screen == "asking":
            page.click("button[aria-label='Remove Piece 1.mp4']")
            page.wait_for_selector("dialog[open]")
        if screen == "trouble":
            server.gone = True
            page.wait_for_selector("#trouble:not([hidden])")
        assert barriers(page, axe) == []


def test_the_first_step_is_explained_and_led_to(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        assert page.is_visible("text=Start with an expert’s video")
        assert not page.is_visible("#past")
        with page.expect_file_chooser():
            page.press("#add-first", "Enter")


def test_names_are_only_ever_text(browser: Any, server: Server) -> None:
    server.experts = [expert(1, name=EVIL), expert(2, "failed", name=EVIL, detail=EVIL)]
    server.sessions = [session(1, day, 70.0, reference={"file": EVIL, "sha256": "a"}) for day in (1, 2)]
    with opened(browser, server) as page:
        assert page.locator("h3", has_text=EVIL).count() == 2
        assert page.locator(".session-name", has_text=EVIL).count() == 2
        page.click("[data-state=ready] button")
        assert EVIL in page.inner_text("#remove-words")
        assert page.locator("main img[src=x], dialog b").count() == 0
        assert page.title().startswith("PoseSync")


def test_a_card_shows_the_scores_and_leads_to_the_practice(browser: Any, server: Server) -> None:
    server.experts = [expert(1), expert(2)]
    server.sessions = [session(1, 1, 61.0), session(1, 2, None), session(1, 3, 88.4), session(1, 4, 80.0)]
    with opened(browser, server) as page:
        card = page.locator(".expert").first
        assert card.locator("dd").all_inner_texts() == ["80", "88"]
        words = "3 sessions: last score 80, 19 more than at first; best 88."
        assert card.locator("svg[role=img]").get_attribute("aria-label") == words
        assert "1:23" in card.inner_text()
        assert "Not practised yet" in page.locator(".expert").nth(1).inner_text()
        for _ in range(2):  # past "Add a video", to the first card
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/practice/{1:016x}")


def test_the_whole_card_may_be_pressed_with_a_finger(browser: Any, server: Server) -> None:
    server.experts = [expert(1)]
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with opened(browser, server, **phone) as page:
        least = page.evaluate(
            """() => Math.min(...[...document.querySelectorAll('button, select')].filter(e => e.offsetParent)
            .flatMap(e => [e.offsetWidth, e.offsetHeight]))"""
        )
        assert least >= 44, "too small for a finger"
        box = page.locator(".thumb img").bounding_box()
        page.touchscreen.tap(box["x"] + 20, box["y"] + 20)
        page.wait_for_url("**/practice/*")


def test_progress_is_that_of_one_piece_at_a_time(browser: Any, server: Server) -> None:
    server.experts = [expert(1)]
    server.sessions = [
        session(2, 1, 40.0),
        *(session(1, day, 60.0 + day) for day in range(2, 28)),
        session(2, 28, 50.0),
    ]
    server.sessions[5]["report"] = None
    with opened(browser, server) as page:
        assert page.locator("#which option").all_inner_texts() == [
            "all experts",
            "Piece 2.mp4",
            "Piece 1.mp4",
        ]
        assert page.locator("#which").input_value() == server.sessions[-1]["reference"]["sha256"]
        assert page.locator(".session").count() == 2
        page.select_option("#which", label="Piece 1.mp4")
        assert page.locator("#chart .dot").count() == 26
        assert "26 sessions: last score 87, 25 more" in page.inner_text("#chart figcaption")
        assert page.locator(".session").count() == 10
        page.click("#more")
        assert page.locator(".session").count() == 20
        assert page.evaluate(
            "() => document.activeElement.closest('li') === document.querySelectorAll('.session')[10]"
        )
        first = page.locator(".session").first.locator("a")
        assert first.get_attribute("href") == server.sessions[-2]["report"]
        page.click("#more")
        assert page.locator(".session").count() == 26
        assert page.locator(".session a").count() == 25, "a session without a report leads nowhere"
        page.select_option("#which", label="all experts")
        assert not page.is_visible("#chart")


def test_a_video_is_sent_prepared_and_announced(browser: Any, server: Server) -> None:
    with opened(browser, server) as page:
        choose(page)
        page.wait_for_selector("[data-state=waiting]")
        name, body = server.uploads[0]
        assert (unquote(name), len(body)) == ("Tango é.mp4", 2000)
        assert name.isascii()
        assert not page.is_visible("#empty")
        server.experts[0].update(state="preparing", progress=0.25, left=12.0)
        page.wait_for_selector("text=Preparing · 25 % · about 15 s left")
        assert page.locator("progress").get_attribute("value") == "0.25"
        server.experts[0].update(expert(9, name="Tango é.mp4"))
        page.wait_for_selector(".toast >> text=Tango é.mp4 is ready")
        page.wait_for_selector("a[href='/practice/0000000000000009']")


def test_dropping_a_video_anywhere_adds_it(browser: Any, server: Server) -> None:
    drag = """(kind) => {
      const data = new DataTransfer();
      data.items.add(new File(['x'.repeat(500)], 'dropped.mov', { type: 'video/quicktime' }));
      const event = new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector('footer, main').dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    with opened(browser, server) as page:
        page.evaluate(drag, "dragenter")
        assert page.is_visible("text=Drop the video to add it")
        assert page.evaluate(drag, "dragover"), "the browser would leave the page for the file"
        assert page.evaluate(drag, "drop")
        page.wait_for_selector("[data-state=waiting] >> text=dropped.mov")
        assert not page.is_visible("#drop")


def test_what_cannot_be_taken_is_said(browser: Any, server: Server) -> None:
    server.answer = server.refuse
    with opened(browser, server) as page:
        choose(page, "notes.txt", kind="text/plain")
        page.wait_for_selector(".toast >> text=notes.txt is not a video")
        choose(page, "empty.mp4", size=0)
        page.wait_for_selector(".toast >> text=empty.mp4 is empty")
        assert server.uploads == []
        choose(page, "long.mp4")
        page.wait_for_selector(".toast >> text=long.mp4: it lasts 45 min, at most 30 min are taken")
        assert page.is_visible("#empty")


def test_sending_can_be_cancelled(browser: Any, server: Server) -> None:
    held: list[Any] = []
    server.answer = held.append
    with opened(browser, server) as page:
        choose(page)
        choose(page, "second.mp4")
        page.wait_for_selector("[data-state=sending] >> nth=1")
        page.click("button[aria-label='Cancel second.mp4']")
        page.wait_for_selector(".expert >> text=second.mp4", state="detached")
        page.click("button[aria-label='Cancel Tango é.mp4']")
        page.wait_for_selector("#empty:not([hidden])")
        assert [unquote(name) for name, _ in server.uploads] == ["Tango é.mp4"]
        assert "was cancelled" in page.inner_text("#said")


def test_removing_asks_first(browser: Any, server: Server) -> None:
    server.experts = [expert(1), expert(2, "preparing"), expert(3, uploaded=False)]
    with opened(browser, server) as page:
        assert page.locator(".expert button:visible").count() == 2, (
            "one given at the start cannot be removed here"
        )
        page.click("button[aria-label='Remove Piece 1.mp4']")
        assert page.evaluate("() => document.activeElement.id") == "remove-keep"
        page.keyboard.press("Escape")
        assert page.evaluate("() => document.activeElement.ariaLabel") == "Remove Piece 1.mp4"
        assert server.removed == []
        page.keyboard.press("Enter")
        page.click("#remove-go")
        page.wait_for_selector(".expert >> text=Piece 1.mp4", state="detached")
        page.click("button[aria-label='Cancel Piece 2.mp4']")
        page.wait_for_selector(".expert >> text=Piece 2.mp4", state="detached")
        assert server.removed == [f"{number:016x}" for number in (1, 2)]


def test_who_asks_again_at_once_is_heard(browser: Any, server: Server) -> None:
    """Word of the first question's end arrives when the second is being asked."""
    server.experts = [expert(1)]
    with opened(browser, server) as page:
        page.evaluate(
            """() => {
                const remove = document.querySelector("button[aria-label='Remove Piece 1.mp4']");
                remove.click();
                document.getElementById("remove-keep").click();
                remove.click();
            }"""
        )
        page.wait_for_timeout(100)
        page.click("#remove-go")
        page.wait_for_selector(".expert >> text=Piece 1.mp4", state="detached")
        assert server.removed == [f"{1:016x}"]


def test_a_server_that_is_gone_is_waited_for(browser: Any, server: Server) -> None:
    server.experts = [expert(1, "preparing")]
    with opened(browser, server) as page:
        server.gone = True
        page.wait_for_selector("#trouble >> text=PoseSync does not answer")
        server.gone = False
        server.experts = [expert(1)]
        page.wait_for_selector("#trouble", state="hidden")
        page.wait_for_selector("[data-state=ready]")
