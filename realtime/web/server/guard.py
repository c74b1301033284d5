"""Decides which requests the server accepts, and what its answers allow a page to do.

Every web page in the user's browser can send requests to this machine, and with ``--host`` so can every
device in the network. Access needs a secret: the token in the printed address, exchanged for a cookie. Host
and Origin are checked because a page of another site can make a browser connect to this server: by a name
that it points here (DNS rebinding), or by a WebSocket, which the same-origin policy does not restrict.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

#: s for which the address given to the browser on this computer is valid, for one use.
TICKET_LIFE: Final = 120.0
#: Bytes of a token: 128 bits, short enough for a QR code that a phone reads at once.
TOKEN_BYTES: Final = 16
#: Bytes of a request's head, at most: path, query, and headers.
MOST_HEAD: Final = 16_384

_OPEN: Final = "open the address that posesync serve printed"
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_SAFE_METHODS: Final = ("GET", "HEAD")

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'{sockets}; worker-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: A report contains its style and its pictures and needs nothing else, least of all scripts.
_REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
#: On every answer. No Strict-Transport-Security: with it, browsers refuse a self-signed certificate for good.
_FIXED: Final = (
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=(), display-capture=()"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """The checked parts of a request.

    Attributes:
        method: in capitals; None for a WebSocket's handshake.
        path: decoded.
        raw_path: as sent, without the query.
        query: as sent.
        headers: (name in small letters, value), as often as sent.
    """

    method: str | None
    path: str
    raw_path: bytes = b"/"
    query: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()

    @classmethod
    def of(cls, scope: Scope) -> Request:
        """Return the request of an ASGI scope of type ``http`` or ``websocket``."""
        return cls(
            scope["method"] if scope["type"] == "http" else None,
            scope["path"],
            scope.get("raw_path") or b"/",
            scope.get("query_string", b""),
            [(name.lower(), value) for name, value in scope["headers"]],
        )

    def values(self, name: bytes) -> list[str]:
        """Return all values of a header."""
        return [value.decode("latin-1") for known, value in self.headers if known == name]

    @property
    def size(self) -> int:
        """Bytes of the request's head, as sent."""
        lines = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.raw_path) + len(self.query) + lines

    def single(self, name: bytes) -> str | None:
        """Return a header's value; None when it is missing or there are several."""
        values = self.values(name)
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request.

    Attributes:
        status: HTTP status.
        message: one line that says what to do.
    """

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """Accepts a correct token: the browser gets a cookie and continues to the address without the token.

    Attributes:
        location: path and query.
        cookie: value of Set-Cookie.
        by_page: continue by a page instead of a redirect: a browser that came from another site sends no
            SameSite=Strict cookie along a redirect, but does from one of the server's own pages.
    """

    location: str
    cookie: str
    by_page: bool


class Guard:
    """Decides about requests, independently of sockets.

    Args:
        token: the secret in the printed address; letters, digits, ``-`` and ``_``.
        hosts: ``name:port`` of every address of the server; IPv6 in brackets.
        scheme: ``http`` or ``https``.

    Attributes:
        cookie_name: name of the cookie; it contains the port, because cookies are shared between ports.
    """

    def __init__(self, token: str, *, hosts: frozenset[str], scheme: str) -> None:
        self._token = token.encode()
        self._secret = secrets.token_urlsafe(32)  # not the token, which may be on a screen
        self._hosts = frozenset(host.lower() for host in hosts)
        self._scheme = scheme
        self._tickets: dict[str, float] = {}
        port = min((host.rpartition(":")[2] for host in hosts), default="")
        self.cookie_name = f"posesync_{port}"

    def ticket(self) -> str:
        """Return a token for one use: every user of a computer can read a browser's command line."""
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        self._tickets[ticket] = time.monotonic() + TICKET_LIFE
        return ticket

    def judge(self, request: Request) -> Refusal | Exchange | None:
        """Return a refusal or an exchange, or None when the request may pass."""
        if request.size > MOST_HEAD:
            return Refusal(431, f"a request's head of {request.size} bytes, expected {MOST_HEAD}: {_OPEN}")
        authority = self.authority(request)
        if authority is None:
            return Refusal(421, f"this server does not answer to that name: {_OPEN}")
        if not _is_clean(request.path):
            return Refusal(400, f"this server has no such path: {_OPEN}")
        if request.method == "GET" and (given := _tokens(request.query)):
            return self._exchange(request, given)
        if not self._has_cookie(request):
            return Refusal(401, f"not signed in: {_OPEN}")
        if not self._is_our_page(request, authority):
            return Refusal(403, f"other pages may not use this server: {_OPEN}")
        return None

    def authority(self, request: Request) -> str | None:
        """Return the ``name:port`` a request is for; None when it is another server's or given twice."""
        host = request.single(b"host")
        authority = None if host is None else self._normal(host)
        return authority if authority in self._hosts else None

    def _normal(self, authority: str) -> str | None:
        """Return an authority in lower case with its port; None for one that a browser would not send."""
        match = _AUTHORITY.fullmatch(authority.lower())
        return None if match is None else f"{match[1]}:{match[2] or _DEFAULT_PORTS[self._scheme]}"

    def _exchange(self, request: Request, given: list[bytes]) -> Refusal | Exchange:
        if len(given) != 1 or not (self._is_token(given[0]) or self._is_ticket(given[0])):
            return Refusal(401, f"this address is not, or no longer, valid: {_OPEN} last")
        # A path that begins with two slashes would lead to another host.
        path = "/" + request.raw_path.decode("ascii", "replace").lstrip("/\\")
        rest = b"&".join(part for part in request.query.split(b"&") if not _is_token_part(part))
        location = path + ("?" + rest.decode("ascii", "replace") if rest else "")
        secure = "; Secure" if self._scheme == "https" else ""
        cookie = f"{self.cookie_name}={self._secret}; Path=/; HttpOnly; SameSite=Strict{secure}"
        return Exchange(location, cookie, request.single(b"sec-fetch-site") in ("cross-site", "same-site"))

    def _is_token(self, given: bytes) -> bool:
        return secrets.compare_digest(given, self._token)

    def _is_ticket(self, given: bytes) -> bool:
        """Return whether it is a ticket, and use it up."""
        now = time.monotonic()
        self._tickets = {ticket: until for ticket, until in self._tickets.items() if until > now}
        found = [ticket for ticket in self._tickets if secrets.compare_digest(given, ticket.encode())]
        for ticket in found:
            del self._tickets[ticket]
        return bool(found)

    def _has_cookie(self, request: Request) -> bool:
        """Return whether a cookie of this name is right: another server on this host may set one, too."""
        secret = self._secret.encode()
        pairs = [part.strip() for line in request.values(b"cookie") for part in line.split(";")]
        given = [
            value for name, _, value in (pair.partition("=") for pair in pairs) if name == self.cookie_name
        ]
        return any(secrets.compare_digest(value.encode("latin-1"), secret) for value in given)

    def _is_our_page(self, request: Request, authority: str) -> bool:
        """Return whether the browser says that one of our pages asks; it must say so for changes."""
        origins = request.values(b"origin")
        if len(origins) > 1 or (origins and self._origin(origins[0]) != authority):
            return False
        if not origins and request.method not in _SAFE_METHODS:
            return False
        site = request.values(b"sec-fetch-site")
        if not site or site in (["same-origin"], ["none"]):
            return True
        # From another site a user may follow a link here, but no picture or script may be fetched.
        return (
            request.method in _SAFE_METHODS
            and request.single(b"sec-fetch-mode") == "navigate"
            and request.single(b"sec-fetch-dest") == "document"
        )

    def _origin(self, origin: str) -> str | None:
        scheme, separator, authority = origin.partition("://")
        return self._normal(authority) if separator and scheme.lower() == self._scheme else None

    def headers(self, request: Request, status: int) -> Headers:
        """Return the headers of an answer; they replace those of the same name."""
        path = request.path
        if path.startswith("/reports/"):
            policy = _REPORT_POLICY
        else:
            socket = "wss" if self._scheme == "https" else "ws"
            authority = self.authority(request) or "localhost"
            # For older browsers sockets are not 'self'; a policy cannot name an IPv6 address.
            sockets = "" if authority.startswith("[") else f" {socket}://{authority}"
            policy = _PAGE_POLICY.format(sockets=sockets)
        return [
            *_FIXED,
            (b"content-security-policy", policy.encode("ascii")),
            (b"cache-control", _caching(path, status)),
        ]


def _tokens(query: bytes) -> list[bytes]:
    """Return the values of ``token`` in a query."""
    return [part.partition(b"=")[2] for part in query.split(b"&") if _is_token_part(part)]


def _is_token_part(part: bytes) -> bool:
    return part.partition(b"=")[0] == b"token"


def _is_clean(path: str) -> bool:
    """Return whether a decoded path has nothing that could be taken for a way out of a folder."""
    odd = any(ord(sign) < 32 or ord(sign) == 127 or sign == "\\" for sign in path)
    return path.startswith("/") and not odd and not any(part in (".", "..") for part in path.split("/"))


def _caching(path: str, status: int) -> bytes:
    """Return the caching policy: media are identified by content; other files may change with an update."""
    if status in (200, 206, 304) and path.startswith("/media/"):
        return b"private, max-age=86400"
    if status in (200, 206, 304) and path.startswith("/static/"):
        return b"private, max-age=0, must-revalidate"
    return b"no-store"


class GuardMiddleware:
    """Passes to ``app`` the requests that ``guard`` allows: HTTP and WebSockets."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = Request.of(scope)
        verdict = self._guard.judge(request)
        if request.method is None:
            if verdict is None:
                await self._app(scope, receive, send)
            else:
                await _refuse_socket(receive, send)
            return
        stamped = _stamp(send, lambda status: self._guard.headers(request, status))
        if verdict is None:
            await self._app(scope, receive, stamped)
        elif isinstance(verdict, Refusal):
            await _answer(stamped, verdict.status, verdict.message + "\n", [(b"connection", b"close")])
        else:
            await _let_in(stamped, verdict)


def _stamp(send: Send, headers: Callable[[int], Headers]) -> Send:
    """Return ``send`` with ``headers(status)`` in place of the app's own of the same name."""

    async def stamped(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = headers(message["status"])
            names = {name for name, _ in ours}
            theirs: Iterable[Any] = message.get("headers", [])
            kept = [(name, value) for name, value in theirs if name.lower() not in names]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return stamped


async def _refuse_socket(receive: Receive, send: Send) -> None:
    """Close a WebSocket before it is accepted, which the browser sees as HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": ""})


async def _let_in(send: Send, verdict: Exchange) -> None:
    cookie = (b"set-cookie", verdict.cookie.encode("latin-1"))
    if not verdict.by_page:
        location = (b"location", verdict.location.encode("ascii", "replace"))
        await _answer(send, 303, "", [location, cookie])
        return
    onward = escape(verdict.location)
    page = f'<!doctype html><title>PoseSync</title><meta http-equiv="refresh" content="0; url={onward}">'
    await _answer(send, 200, page + f'<a href="{onward}">PoseSync</a>', [cookie], kind=b"text/html")


async def _answer(
    send: Send, status: int, text: str, headers: Headers, *, kind: bytes = b"text/plain"
) -> None:
    body = text.encode()
    head = [(b"content-type", kind + b"; charset=utf-8"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
