"""The guard before an application: what is sent, with which headers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from guarding import HOST, TOKEN, Pairs, asked, cookie_of, make_guard
from posesync.realtime.web.server.guard import Guard, GuardMiddleware


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says yes to everything, with headers of its own."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    headers = [(b"content-type", b"text/plain"), (b"Content-Security-Policy", b"none"), (b"etag", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"inside"})


def run(
    guard: Guard, method: str | None, path: str = "/", *, query: str = "", headers: Pairs | None = None
) -> list[dict[str, Any]]:
    """What is sent for a request through the middleware."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if method is None else "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in [("Host", HOST), *(headers or [])]]
    scope = {
        "type": "websocket" if method is None else "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": pairs,
        **({} if method is None else {"method": method}),
    }
    asyncio.run(GuardMiddleware(app, guard)(scope, receive, send))
    return sent


def head(sent: list[dict[str, Any]]) -> dict[str, str]:
    pairs = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
    assert len(pairs) == len(dict(pairs)), "a header is there twice"
    return dict(pairs)


def test_a_stranger_is_told_what_to_do() -> None:
    sent = run(make_guard(), "GET")
    assert sent[0]["status"] == 401
    assert sent[1]["body"] == b"not signed in: open the address that posesync serve printed\n"
    assert head(sent)["connection"] == "close"
    assert head(sent)["content-type"] == "text/plain; charset=utf-8"


def test_opening_the_address_leads_to_the_page() -> None:
    guard = make_guard()
    sent = run(guard, "GET", query=f"token={TOKEN}")
    assert (sent[0]["status"], head(sent)["location"]) == (303, "/")
    cookie = head(sent)["set-cookie"].partition(";")[0]
    sent = run(guard, "GET", headers=[("cookie", cookie)])
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"inside")


def test_a_link_on_another_site_leads_there_by_a_page_of_ours() -> None:
    """A browser sends no SameSite=Strict cookie along a redirect that began on another site."""
    sent = run(
        make_guard(), "GET", '/a"b', query=f"token={TOKEN}&x=<>", headers=[("sec-fetch-site", "cross-site")]
    )
    assert sent[0]["status"] == 200
    assert "set-cookie" in head(sent)
    assert b'content="0; url=/a&quot;b?x=&lt;&gt;"' in sent[1]["body"]
    assert TOKEN.encode() not in sent[1]["body"]


def test_a_refused_socket_is_closed_before_it_is_accepted() -> None:
    guard = make_guard()
    assert [message["type"] for message in run(guard, None)] == ["websocket.close"]
    headers = [("cookie", cookie_of(guard)), ("origin", f"http://{HOST}")]
    assert [message["type"] for message in run(guard, None, headers=headers)] == ["websocket.accept"]


def test_the_lifespan_passes() -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(GuardMiddleware(inner, make_guard())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    ("path", "cached"),
    [
        ("/", "no-store"),
        ("/api/experts", "no-store"),
        ("/reports/x", "no-store"),
        ("/static/a.js", "private, max-age=0, must-revalidate"),
        ("/media/x/video.mp4", "private, max-age=86400"),
    ],
)
def test_every_answer_has_its_headers(path: str, cached: str) -> None:
    guard = make_guard()
    allowed = head(run(guard, "GET", path, headers=[("cookie", cookie_of(guard))]))
    refused = head(run(guard, "GET", path))
    for headers in (allowed, refused):
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"  # the token never goes on in a Referer
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
        assert "strict-transport-security" not in headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; ")
        assert not any(name.startswith("access-control") for name in headers)
    assert refused["cache-control"] == "no-store"
    assert allowed["cache-control"] == cached
    assert allowed["etag"] == "1"


@pytest.mark.parametrize(
    ("scheme", "host", "socket"),
    [
        ("http", "localhost:8765", "ws://localhost:8765"),
        ("https", "192.168.1.5:8765", "wss://192.168.1.5:8765"),
        ("http", "[::1]:8765", ""),  # a policy cannot name it
    ],
)
def test_a_page_may_talk_to_us_alone(scheme: str, host: str, socket: str) -> None:
    headers = dict(make_guard(scheme).headers(asked("GET", host=host), 200))
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers[b"content-security-policy"].decode().split(";")
    )
    assert policy["connect-src"].split() == ["'self'", *([socket] if socket else [])]
    assert policy["script-src"] == policy["style-src"] == "'self'"


def test_a_report_may_do_nothing() -> None:
    headers = dict(make_guard().headers(asked("GET", "/reports/0123456789abcdef"), 200))
    policy = headers[b"content-security-policy"].decode()
    assert "script-src" not in policy
    assert policy.endswith("sandbox")


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    guard = make_guard()
    with caplog.at_level(logging.DEBUG):
        run(guard, "GET", query=f"token={TOKEN}")
        run(guard, "GET", query=f"token={TOKEN}x")
        run(guard, "GET", headers=[("cookie", cookie_of(guard))])
    assert [record for record in caplog.records if record.name != "asyncio"] == []
