"""The guard with a real browser: pages of other servers cannot use ours, links to it work."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import pytest
import uvicorn
from browsing import chromium
from guarding import TOKEN
from posesync.realtime.web.server.guard import Guard, GuardMiddleware

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.browser

#: What a page of another server may try, and what it must come to; ``OURS`` is our server.
ATTEMPTS = {
    "socket": "new Promise((done) => { const it = new WebSocket('ws://OURS/ws');"
    " it.onmessage = () => done('open'); it.onerror = () => done('refused'); })",
    "fetch": "fetch('http://OURS/', { credentials: 'include', mode: 'no-cors' })"
    ".then(() => 'open', () => 'refused')",
    "post": "fetch('http://OURS/', { method: 'POST', credentials: 'include', mode: 'no-cors' })"
    ".then(() => 'open', () => 'refused')",
    "script": "new Promise((done) => { const it = document.createElement('script');"
    " it.onload = () => done('open'); it.onerror = () => done('refused');"
    " it.src = 'http://OURS/'; document.body.append(it); })",
}


def page_of(title: str) -> Callable[..., Any]:
    """An application with one page, which greets sockets."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "hello"})
            await receive()
            return
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": f"<title>{title}</title><body>".encode()})

    return app


@contextmanager
def running(app: Any, listening: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(app, lifespan="off", log_config=None, ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    """Ports of our server and of another one."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        ours, other = (str(one.getsockname()[1]) for one in sockets)
        guard = Guard(TOKEN, hosts=frozenset({f"localhost:{ours}"}), scheme="http")
        stack.enter_context(running(GuardMiddleware(page_of("inside"), guard), sockets[0]))
        stack.enter_context(running(page_of("other"), sockets[1]))
        yield f"localhost:{ours}", other


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"], ids=["other site", "other port"])
def test_a_link_leads_in_and_other_pages_get_nothing(name: str, hosts: tuple[str, str], browser: Any) -> None:
    ours, port = hosts
    context = browser.new_context()
    page, other = context.new_page(), context.new_page()
    for one in (page, other):
        one.goto(f"http://{name}:{port}/")
    page.evaluate(f"location.href = 'http://{ours}/?token={TOKEN}'")
    page.wait_for_url(f"http://{ours}/")
    assert page.title() == "inside"
    assert page.evaluate(ATTEMPTS["socket"].replace("OURS", ours)) == "open"
    found = {what: other.evaluate(code.replace("OURS", ours)) for what, code in ATTEMPTS.items()}
    assert found == dict.fromkeys(ATTEMPTS, "refused")
    context.close()
