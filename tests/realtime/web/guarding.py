"""A guard, and requests for it to judge."""

from __future__ import annotations

from posesync.realtime.web.server.guard import Exchange, Guard, Refusal, Request

TOKEN = "right-Token_0123456789"
PORT = 8765
NAMES = ("127.0.0.1", "localhost", "[::1]", "192.168.1.5", "dance.local")
HOST = "127.0.0.1:8765"
Pairs = list[tuple[str, str]]


def make_guard(scheme: str = "http", port: int = PORT) -> Guard:
    return Guard(TOKEN, hosts=frozenset(f"{name}:{port}" for name in NAMES), scheme=scheme)


def asked(
    method: str | None,
    path: str = "/",
    *,
    host: str | None = HOST,
    headers: Pairs | None = None,
    query: str = "",
) -> Request:
    """A request; ``method`` None is a WebSocket's."""
    pairs = [*([("host", host)] if host is not None else []), *(headers or [])]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    return Request(method, path, path.encode("ascii", "ignore"), query.encode(), raw)


def cookie_of(guard: Guard, host: str = HOST) -> str:
    """What a browser that opened the printed address sends from then on."""
    exchange = guard.judge(asked("GET", host=host, query=f"token={TOKEN}"))
    assert isinstance(exchange, Exchange)
    return exchange.cookie.partition(";")[0]


def status(verdict: Refusal | Exchange | None) -> int:
    return 200 if verdict is None else 303 if isinstance(verdict, Exchange) else verdict.status
