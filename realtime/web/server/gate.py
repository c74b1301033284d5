"""Accepts connections: counted, timed and cut from the first moment, before TLS and before a request.

asyncio and uvicorn count a connection only once TLS is agreed on, and wait a minute for that; by then anybody
who can reach the port has used up memory (some 0.3 MB each) or the open files that a process may have. Here
each connection is counted when it is accepted, overall and for its address. It waits until a request begins,
and again after each one: only so long, and only so many. The oldest makes room for the next.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import ssl
import time
from asyncio import TimerHandle
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from posesync.realtime.pipeline.memory import release_free_memory
from starlette.types import ASGIApp, Receive, Scope, Send

from .connections import Connection

logger = logging.getLogger(__name__)

#: Connections at once, of all kinds. A page uses about ten.
MOST: Final = 256
#: … and from one address.
MOST_PER_ADDRESS: Final = 128
#: Of these, connections without a request in progress: the oldest one is closed to make room for the next.
MOST_WAITING: Final = 64
#: s that a connection may wait before its request is complete, TLS included.
PATIENCE: Final = 10.0
#: s for TLS alone.
HANDSHAKE: Final = 5.0
#: Open files that are kept for everything else: models, videos, logs.
FILES_KEPT: Final = 64
#: s without accepting when the system has no more open files or memory.
REST: Final = 0.25
#: TLS connections that have ended between two collections of the memory they leave.
TIDY_EVERY: Final = 100
#: s between two lines about that in the log.
_QUIET: Final = 60.0
#: Bits of an IPv6 address that stand for one household: everybody has all addresses of a /64.
_HOUSEHOLD: Final = 64

_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(eq=False)
class _Guest:
    """A connection and where it comes from.

    Attributes:
        address: the address it counts for.
        ends: (peer, own) host and port, as in an ASGI scope.
        wire: the connection.
        opening: the task that agrees on TLS.
        timer: cuts it while it waits, None while a request is in progress.
    """

    address: str
    ends: Any
    wire: Connection = field(init=False)
    opening: asyncio.Task[None] | None = None
    timer: TimerHandle | None = None

    def cut(self) -> None:
        """End it at once, also in the middle of TLS."""
        if self.opening is not None and not self.opening.done():
            self.opening.cancel()
        self.wire.abort()


class Gate:
    """Accepts connections for a server, within limits. For the event loop's thread.

    Args:
        files: open files that this process may have, or None for no limit.
    """

    def __init__(self, files: int | None = None) -> None:
        self._most = MOST if files is None else max(8, min(MOST, files - FILES_KEPT))
        self._guests: dict[Any, _Guest] = {}
        self._from: Counter[str] = Counter()
        self._waiting: dict[_Guest, None] = {}  # in the order of their arrival
        self._make: Callable[[], asyncio.Protocol] | None = None
        self._tls: ssl.SSLContext | None = None
        self._accepting: list[asyncio.Task[None]] = []
        self._said = float("-inf")
        self._ended = 0
        self._tidying: asyncio.Future[None] | None = None

    @property
    def count(self) -> int:
        """The number of connections, those that still agree on TLS included."""
        return len(self._guests)

    @property
    def sockets(self) -> int:
        """The number of WebSockets."""
        return sum(guest.wire.socket for guest in self._guests.values())

    def open(
        self,
        listening: Sequence[socket.socket],
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        """Begin to accept.

        Args:
            listening: sockets that listen already.
            make: makes the server's protocol for one connection.
            tls: None for none.
        """
        self._make, self._tls = make, tls
        for one in listening:
            one.setblocking(False)
            self._accepting.append(asyncio.get_running_loop().create_task(self._accept(one)))

    async def close(self) -> None:
        """Accept no more; the connections there are stay."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for guest in list(self._guests.values()):
            if guest.opening is not None and not guest.opening.done():
                guest.cut()

    def watched(self, app: ASGIApp) -> ASGIApp:
        """Return an application that tells this gate when a connection's request begins and ends."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            guest = None
            if scope["type"] in ("http", "websocket"):
                guest = self._guests.get(_ends(scope.get("client"), scope.get("server")))
            if guest is None:
                await app(scope, receive, send)
                return
            guest.wire.socket = guest.wire.socket or scope["type"] == "websocket"
            self._serve(guest)
            try:
                await app(scope, receive, send)
            finally:
                self._wait(guest)

        return watched

    # -- accepting -----------------------------------------------------------------------------------------

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listening)
            except OSError as error:
                if listening.fileno() < 0:
                    return
                await self._rest(error)
                continue
            try:
                self._admit(accepted, address)
            except OSError:  # already gone
                accepted.close()
            # One at a time: a crowd at the door must not keep the others' pictures waiting.
            await asyncio.sleep(0)

    async def _rest(self, error: OSError) -> None:
        """After a failure to accept: when nothing is left to accept with, wait a moment and let one go."""
        if error.errno in _EXHAUSTED:
            if time.monotonic() - self._said > _QUIET:
                self._said = time.monotonic()
                logger.warning(
                    "no more connections for now (%s): close other programs, or raise ulimit -n",
                    error.strerror or error,
                )
            await asyncio.sleep(REST)
            self._make_room()
        else:
            await asyncio.sleep(0.01)

    def _admit(self, accepted: socket.socket, address: Any) -> None:
        """Let a connection in if there is room, or if one that waits can make some."""
        household = _household(str(address[0]))
        if self._from[household] >= MOST_PER_ADDRESS and not self._make_room(household):
            accepted.close()
            return
        if (len(self._waiting) >= MOST_WAITING or self.count >= self._most) and not self._make_room():
            accepted.close()
            return
        accepted.setblocking(False)
        with suppress(OSError):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guest = _Guest(household, _ends(accepted.getpeername(), accepted.getsockname()))
        assert self._make is not None
        guest.wire = Connection(self._make, lambda: self._forget(guest))
        self._guests[guest.ends] = guest
        self._from[household] += 1
        self._wait(guest)
        guest.opening = asyncio.get_running_loop().create_task(self._begin(guest, accepted))

    async def _begin(self, guest: _Guest, accepted: socket.socket) -> None:
        """Agree on TLS, if there is any, and hand the connection to the server."""
        timed = {} if self._tls is None else {"ssl_handshake_timeout": HANDSHAKE}
        begun = False
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: guest.wire, accepted, ssl=self._tls, **timed
            )
            begun = True
        except OSError as error:  # no TLS, or gone
            logger.debug("a connection did not begin: %s", error)
        finally:
            if not begun:
                accepted.close()
                self._forget(guest)

    # -- waiting -------------------------------------------------------------------------------------------

    def _wait(self, guest: _Guest) -> None:
        """A connection waits for its next request."""
        if self._guests.get(guest.ends) is guest and guest not in self._waiting:
            self._waiting[guest] = None
            guest.timer = asyncio.get_running_loop().call_later(PATIENCE, guest.cut)

    def _serve(self, guest: _Guest) -> None:
        """A connection's request is in progress."""
        self._waiting.pop(guest, None)
        if guest.timer is not None:
            guest.timer.cancel()
            guest.timer = None

    def _make_room(self, household: str | None = None) -> bool:
        """Cut the oldest that waits, of that address or the one with the most; return whether one did."""
        if not self._waiting:
            return False
        if household is None:
            household = Counter(guest.address for guest in self._waiting).most_common(1)[0][0]
        oldest = next((guest for guest in self._waiting if guest.address == household), None)
        if oldest is None:
            return False
        self._forget(oldest)
        oldest.cut()
        return True

    def _forget(self, guest: _Guest) -> None:
        """A connection has ended, or is about to. Called more than once."""
        self._serve(guest)
        if self._guests.get(guest.ends) is guest:
            del self._guests[guest.ends]
            self._ended += 1
            self._tidy()
            self._from[guest.address] -= 1
            if not self._from[guest.address]:
                del self._from[guest.address]

    def _tidy(self) -> None:
        """Collect what TLS leaves: 0.3 MB each in circles of objects, too few for Python to look for them."""
        busy = self._tidying is not None and not self._tidying.done()
        if self._tls is not None and self._ended >= TIDY_EVERY and not busy:
            self._ended = 0
            self._tidying = asyncio.get_running_loop().run_in_executor(None, release_free_memory)


def _ends(peer: Any, own: Any) -> Any:
    """Return what tells one connection from all others: host and port of both ends."""
    return (*tuple(peer or ())[:2], *tuple(own or ())[:2])


def _household(host: str) -> str:
    """Return what is counted as one address."""
    with suppress(ValueError):
        number = ipaddress.ip_address(host.partition("%")[0])
        if number.version == 6 and number.ipv4_mapped is not None:
            return str(number.ipv4_mapped)
        if number.version == 6:
            return str(ipaddress.ip_network((number, _HOUSEHOLD), strict=False))
    return host
