"""The guard: a table of requests that other sites could make a browser send, and the verdict on each."""

from __future__ import annotations

import pytest
from guarding import HOST, TOKEN, asked, cookie_of, make_guard, status
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.realtime.web.server import guard as guard_module
from posesync.realtime.web.server.guard import Exchange, Refusal, Request


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost:8765", 200),
        ("LOCALHOST:8765", 200),
        ("Dance.Local:8765", 200),
        ("[::1]:8765", 200),
        ("evil.example:8765", 421),  # DNS rebinding: evil.example was made to point here
        ("127.0.0.1.evil.example:8765", 421),
        ("localhost.evil.example:8765", 421),
        ("evil.example", 421),
        ("localhost", 421),  # port 80
        ("localhost:8766", 421),
        ("localhost:08765", 421),
        ("localhost:8765.", 421),
        ("localhost.:8765", 421),
        ("localhost:", 421),
        ("localhost:8765:8765", 421),
        ("localhost:8765/", 421),
        ("user@localhost:8765", 421),
        ("localhost:8765@evil.example", 421),
        ("localhost:8765, evil.example", 421),
        ("::1:8765", 421),
        ("[::1", 421),
        ("[::1]8765", 421),
        ("[0:0:0:0:0:0:0:1]:8765", 421),
        ("2130706433:8765", 421),
        ("0x7f.1:8765", 421),
        ("0.0.0.0:8765", 421),
        ("", 421),
        ("\xe9vil:8765", 421),
        (None, 421),
    ],
)
@pytest.mark.parametrize("method", ["GET", None])
def test_only_our_own_names_are_answered_to(method: str | None, host: str | None, expected: int) -> None:
    guard = make_guard()
    headers = [("cookie", cookie_of(guard))]
    if method is None:
        headers.append(("origin", f"http://{host}".lower()))
    assert status(guard.judge(asked(method, host=host, headers=headers))) == expected


def test_two_hosts_are_none() -> None:
    guard = make_guard()
    for second in (HOST, "evil.example"):
        request = asked("GET", headers=[("host", second), ("cookie", cookie_of(guard))])
        assert status(guard.judge(request)) == 421


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
def test_a_usual_port_is_left_out(scheme: str, port: int) -> None:
    guard = make_guard(scheme, port)
    headers = [("cookie", cookie_of(guard, "localhost")), ("origin", f"{scheme}://localhost")]
    assert guard.judge(asked("POST", host="localhost", headers=headers)) is None
    assert status(guard.judge(asked("POST", host="localhost:8765", headers=headers))) == 421


@pytest.mark.parametrize(
    ("method", "origins", "expected"),
    [
        ("GET", [], 200),
        ("HEAD", [], 200),
        ("GET", ["http://127.0.0.1:8765"], 200),
        ("GET", ["http://evil.example"], 403),
        ("GET", ["null"], 403),
        ("POST", ["http://127.0.0.1:8765"], 200),
        ("POST", ["HTTP://127.0.0.1:8765"], 200),
        ("DELETE", ["http://127.0.0.1:8765"], 200),
        ("POST", [], 403),
        ("DELETE", [], 403),
        ("OPTIONS", [], 403),
        ("OPTIONS", ["http://evil.example"], 403),
        ("POST", ["null"], 403),
        ("POST", [""], 403),
        ("POST", ["http://evil.example"], 403),
        ("POST", ["http://127.0.0.1:8766"], 403),  # another server on this computer
        ("POST", ["http://127.0.0.1"], 403),
        ("POST", ["https://127.0.0.1:8765"], 403),
        ("POST", ["http://localhost:8765"], 403),  # ours, but not the address it talks to
        ("POST", ["http://127.0.0.1:8765/"], 403),
        ("POST", ["http://127.0.0.1:8765.evil.example"], 403),
        ("POST", ["http://127.0.0.1:8765", "http://evil.example"], 403),
        ("POST", ["http://127.0.0.1:8765", "http://127.0.0.1:8765"], 403),
        ("POST", ["file://"], 403),
        (None, ["http://127.0.0.1:8765"], 200),
        (None, [], 403),  # no browser
        (None, ["null"], 403),
        (None, ["http://evil.example"], 403),
        (None, ["ws://127.0.0.1:8765"], 403),
        (None, ["http://127.0.0.1:3000"], 403),
    ],
)
def test_only_our_own_pages_may_change_anything(
    method: str | None, origins: list[str], expected: int
) -> None:
    guard = make_guard()
    headers = [("cookie", cookie_of(guard)), *(("origin", origin) for origin in origins)]
    assert status(guard.judge(asked(method, "/ws/practice/x", headers=headers))) == expected


@pytest.mark.parametrize(
    ("site", "mode", "destination", "expected"),
    [
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
        ("same-site", "navigate", "document", 200),  # a link on a page of another port
        ("same-site", "no-cors", "image", 403),
        ("same-site", "no-cors", "script", 403),
        ("same-site", "navigate", "iframe", 403),
        ("cross-site", "cors", "empty", 403),
        ("cross-site", "no-cors", "video", 403),
    ],
)
def test_other_pages_cannot_fetch_what_the_cookie_opens(
    site: str, mode: str, destination: str, expected: int
) -> None:
    guard = make_guard()
    fetch = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", destination)]
    request = asked("GET", "/media/x/video.mp4", headers=[("cookie", cookie_of(guard)), *fetch])
    assert status(guard.judge(request)) == expected


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ([], 401),
        (["posesync_8765="], 401),
        (["posesync_8765=wrong"], 401),
        ([f"posesync_8765={TOKEN}"], 401),  # the token is not the cookie
        (["posesync_8765"], 401),
        (["OTHER_PORT"], 401),
        (["STALE"], 401),
        (["RIGHT"], 200),
        (["a=b; RIGHT; c=d"], 200),
        (["posesync_8765=set-by-another-server; RIGHT"], 200),
        (["a=b", "RIGHT"], 200),
        (["RIGHTx"], 401),
        (["\xff\xfe=;;;=; posesync_8765=\xe9"], 401),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", None])
def test_without_the_cookie_nothing_is_answered(
    method: str | None, cookies: list[str], expected: int
) -> None:
    guard = make_guard()
    right = cookie_of(guard)
    given = [
        cookie.replace("RIGHT", right)
        .replace("STALE", cookie_of(make_guard()))
        .replace("OTHER_PORT", right.replace("_8765", "_8766"))
        for cookie in cookies
    ]
    headers = [*(("cookie", cookie) for cookie in given), ("origin", f"http://{HOST}")]
    assert status(guard.judge(asked(method, headers=headers))) == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/", f"token={TOKEN}", 303),
        ("GET", "/practice/0123456789abcdef", f"token={TOKEN}", 303),
        ("GET", "/", f"token={TOKEN}x", 401),
        ("GET", "/", f"token={TOKEN.lower()}", 401),
        ("GET", "/", "token=", 401),
        ("GET", "/", "token", 401),
        ("GET", "/", f"token={TOKEN}&token=x", 401),
        ("GET", "/", f"token=x&token={TOKEN}", 401),
        ("GET", "/", f"Token={TOKEN}", 401),
        ("GET", "/", f"x=1;token={TOKEN}", 401),
        ("GET", f"/{TOKEN}", "", 401),
        ("GET", f"/token={TOKEN}", "", 401),
        ("HEAD", "/", f"token={TOKEN}", 401),
        ("POST", "/", f"token={TOKEN}", 401),
        ("OPTIONS", "/", f"token={TOKEN}", 401),
        (None, "/ws/practice/x", f"token={TOKEN}", 401),
    ],
)
def test_the_token_lets_in_once_by_opening_the_address(
    method: str | None, path: str, query: str, expected: int
) -> None:
    request = asked(method, path, query=query, headers=[("origin", f"http://{HOST}")])
    assert status(make_guard().judge(request)) == expected


@pytest.mark.parametrize(
    ("raw", "query", "location"),
    [
        (b"/", "token=T", "/"),
        (b"/practice/abc", "a=1&token=T&b=2", "/practice/abc?a=1&b=2"),
        (b"//evil.example/", "token=T", "/evil.example/"),
        (b"/\\evil.example/", "token=T", "/evil.example/"),
        (b"///\\/evil.example", "token=T", "/evil.example"),
        (b"/%0d%0aSet-Cookie:%20x", "token=T", "/%0d%0aSet-Cookie:%20x"),
    ],
)
def test_the_way_on_is_ours_and_has_no_token(raw: bytes, query: str, location: str) -> None:
    request = Request("GET", "/", raw, query.replace("T", TOKEN).encode(), [(b"host", HOST.encode())])
    exchange = make_guard().judge(request)
    assert isinstance(exchange, Exchange)
    assert exchange.location == location
    assert TOKEN not in exchange.location + exchange.cookie


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_for_this_server_alone(scheme: str, secure: bool) -> None:
    exchange = make_guard(scheme).judge(asked("GET", query=f"token={TOKEN}"))
    assert isinstance(exchange, Exchange)
    name, *rest = exchange.cookie.split("; ")
    assert name.startswith("posesync_8765=")
    assert len(name) > 50
    assert set(rest) == {"Path=/", "HttpOnly", "SameSite=Strict", *(["Secure"] if secure else [])}


def test_a_ticket_is_good_once(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = make_guard()
    ticket, other = guard.ticket(), guard.ticket()
    assert status(guard.judge(asked("GET", query=f"token={ticket}"))) == 303
    assert status(guard.judge(asked("GET", query=f"token={ticket}"))) == 401
    monkeypatch.setattr(guard_module, "TICKET_LIFE", -1.0)
    late = guard.ticket()
    assert status(guard.judge(asked("GET", query=f"token={late}"))) == 401
    assert status(guard.judge(asked("GET", query=f"token={other}"))) == 303


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = guard_module.secrets.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(guard_module.secrets, "compare_digest", compare)
    guard = make_guard()
    guard.judge(asked("GET", query="token=guess"))
    guard.judge(asked("GET", headers=[("cookie", "posesync_8765=guess")]))
    assert [one for one, _ in compared] == [b"guess", b"guess"]


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/static/../../x",
        "/static/..",
        "/a\\b",
        "/a\0b",
        "/a\nb",
        "/./a",
        "http://x/",
        "*",
        "",
    ],
)
def test_paths_that_lead_out_are_refused(path: str) -> None:
    guard = make_guard()
    assert status(guard.judge(asked("GET", path, headers=[("cookie", cookie_of(guard))]))) == 400


@settings(max_examples=60)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", None]),
    path=st.text(max_size=20),
    query=st.binary(max_size=60),
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"host", b"origin", b"cookie", b"sec-fetch-site", b"x"]),
            st.sampled_from([HOST.encode(), f"http://{HOST}".encode(), b"posesync_8765="])
            | st.binary(max_size=40),
        ),
        max_size=8,
    ),
)
def test_whatever_comes_is_judged_and_without_the_secret_refused(
    method: str | None, path: str, query: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    guard = make_guard()
    verdict = guard.judge(Request(method, path, b"/", query, headers))
    assert isinstance(verdict, Refusal)
    assert verdict.message.endswith(("posesync serve printed", "printed last"))
    assert "\n" not in verdict.message
    guard.headers(Request(method, path, b"/", query, headers), verdict.status)
