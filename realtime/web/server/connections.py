"""Limits of one connection, between the system and uvicorn: who does not read is not read from, then cut.

uvicorn lets data for a page that does not read pile up, without an end. It is given a transport of ours,
which stops reading from a peer that does not read; and a peer that goes on not reading is cut.
"""

from __future__ import annotations

import asyncio
from asyncio import BaseTransport, TimerHandle, Transport
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

#: s for which data may wait for a page that does not read, on a WebSocket …
STALLED: Final = 10.0
#: … and for an answer: a browser stops reading a video that is paused.
STALLED_ANSWER: Final = 120.0
#: s that a connection may take to end, once it was told to.
LINGER: Final = 5.0
#: Fragments in which a page may send one message; browsers send few.
MOST_FRAGMENTS: Final = 64


class LimitedSocket(WebSocketsSansIOProtocol):
    """A WebSocket with a limit on fragments: empty ones have no size to be limited by."""

    def handle_cont(self, event: Frame) -> None:
        """Handle a further fragment of a message."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many pieces")
            self.handle_parser_exception()


class Connection(asyncio.Protocol):
    """One connection: passes what arrives to the server's protocol, and what that writes to the peer.

    Args:
        make: makes the server's protocol, once TLS is agreed on.
        lost: called once, when the connection has ended.

    Attributes:
        socket: whether it has become a WebSocket, which has less patience.
    """

    def __init__(self, make: Callable[[], asyncio.Protocol], lost: Callable[[], None]) -> None:
        self._make, self._lost = make, lost
        self._inner: asyncio.Protocol | None = None
        self._real: Transport | None = None
        self._cut: TimerHandle | None = None
        self._full = False  # the peer does not read
        self._held = False  # the server's protocol wants no more for now
        self.socket = False

    # -- from the system -----------------------------------------------------------------------------------

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin: TLS, if any, is agreed on."""
        assert isinstance(transport, Transport)
        self._real = transport
        self._inner = self._make()
        self._inner.connection_made(_Throttled(self, transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection."""
        self._set_cut(None)
        self._lost()
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what has arrived."""
        assert self._inner is not None
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that nothing more will arrive."""
        assert self._inner is not None
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Stop reading too, because what is to be sent piles up; pings are not answered any more either."""
        assert self._inner is not None
        self._full = True
        self._inner.pause_writing()
        self._flow()
        self._set_cut(STALLED if self.socket else STALLED_ANSWER)

    def resume_writing(self) -> None:
        """Continue: the peer reads again."""
        assert self._inner is not None
        self._full = False
        self._set_cut(None)
        self._inner.resume_writing()
        self._flow()

    # -- from the server's protocol ------------------------------------------------------------------------

    def abort(self) -> None:
        """Cut the connection at once."""
        if self._real is not None:
            self._real.abort()

    def close(self) -> None:
        """End the connection when everything is sent, or when it is not read."""
        if self._real is not None and not self._real.is_closing():
            self._real.close()
            self._set_cut(min(LINGER, STALLED))

    def replace(self, protocol: asyncio.Protocol) -> None:
        """Hand the connection over to another protocol of the server."""
        self._inner = protocol

    def hold(self, held: bool) -> None:
        """Stop or continue reading, as the server's protocol wants."""
        self._held = held
        self._flow()

    @property
    def inner(self) -> asyncio.Protocol | None:
        """The server's protocol, if it has begun."""
        return self._inner

    @property
    def reading(self) -> bool:
        """Whether the server's protocol wants to read."""
        return not self._held

    def _flow(self) -> None:
        assert self._real is not None
        if self._held or self._full:
            self._real.pause_reading()
        elif not self._real.is_closing():
            self._real.resume_reading()

    def _set_cut(self, seconds: float | None) -> None:
        if self._cut is not None:
            self._cut.cancel()
        wanted = seconds is not None and self._real is not None
        self._cut = asyncio.get_running_loop().call_later(seconds, self.abort) if wanted else None  # type: ignore[arg-type]


class _Throttled(Transport):
    """The transport that the server's protocol gets; what it does not change goes to the real one."""

    def __init__(self, connection: Connection, real: Transport) -> None:
        super().__init__()
        self._connection, self._real = connection, real

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._real.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._real.is_closing()

    def close(self) -> None:
        self._connection.close()

    def abort(self) -> None:
        self._connection.abort()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._connection.replace(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._connection.inner is not None
        return self._connection.inner

    def is_reading(self) -> bool:
        return self._connection.reading

    def pause_reading(self) -> None:
        self._connection.hold(True)

    def resume_reading(self) -> None:
        self._connection.hold(False)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._real.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._real.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._real.get_write_buffer_limits()

    def write(self, data: Any) -> None:
        self._real.write(data)

    def writelines(self, list_of_data: Any) -> None:
        self._real.writelines(list_of_data)

    def write_eof(self) -> None:
        self._real.write_eof()

    def can_write_eof(self) -> bool:
        return self._real.can_write_eof()
