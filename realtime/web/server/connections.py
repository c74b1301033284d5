"""Limits on connections: how many, how long they may stay silent, and how long they may not read.

uvicorn limits the number of connections, but lets each of them wait for ever, and lets data for a page that
does not read pile up. Anybody who can reach the port could block the server for its users that way.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

#: Connections at once, of all kinds. A page uses about ten.
MOST: Final = 256
#: Of these, connections without a request in progress: the oldest one is closed to make room for the next.
MOST_WAITING: Final = 64
#: s that a connection may wait before its request is complete.
PATIENCE: Final = 10.0
#: s for which data may wait for a page that does not read.
STALLED: Final = 10.0
#: Fragments in which a page may send one message; browsers send few.
MOST_FRAGMENTS: Final = 64


class WaitingRoom:
    """The connections of a server without a request in progress, in order of arrival."""

    def __init__(self) -> None:
        self._waiting: dict[LimitedHttp, TimerHandle] = {}

    def enter(self, connection: LimitedHttp) -> None:
        """Add a connection; one that is already waiting keeps its place."""
        if connection in self._waiting:
            return
        if len(self._waiting) >= MOST_WAITING:
            oldest = next(iter(self._waiting))
            self.leave(oldest)
            oldest.transport.abort()
        self._waiting[connection] = connection.loop.call_later(PATIENCE, connection.transport.abort)

    def leave(self, connection: LimitedHttp) -> None:
        """Remove a connection."""
        timer = self._waiting.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def __len__(self) -> int:
        return len(self._waiting)


class LimitedHttp(H11Protocol):
    """An HTTP connection with limits; uvicorn makes one for each from the class of :func:`limited_http`."""

    room: WaitingRoom

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for the first request, if there is room for the connection."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self.room.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection."""
        self.room.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle received data, which may complete a request."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over to a WebSocket."""
        self.room.leave(self)
        super().handle_websocket_upgrade(event)

    def _look(self) -> None:
        """Keep the connection in the waiting room while no request is being answered."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self.cycle is None or self.cycle.response_complete:
            self.room.enter(self)
        else:
            self.room.leave(self)


def limited_http() -> type[LimitedHttp]:
    """Return the HTTP protocol of one server, with its own waiting room."""
    return type("ServerHttp", (LimitedHttp,), {"room": WaitingRoom()})


class LimitedSocket(WebSocketsSansIOProtocol):
    """A WebSocket that reads nothing while its peer does not read, and is closed if that lasts."""

    _stalled: TimerHandle | None = None

    def pause_writing(self) -> None:
        """Stop reading, because data to send piles up; pings are not answered any more either."""
        super().pause_writing()
        self.transport.pause_reading()
        self._stalled = self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue reading: the peer reads again."""
        super().resume_writing()
        self._cancel()
        if not self.read_paused:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection."""
        self._cancel()
        super().connection_lost(exc)

    async def receive(self) -> Any:
        """Return the next event; the one after it is read only when there is room for an answer."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self.writable.is_set():
                self.transport.resume_reading()
        return message

    def handle_cont(self, event: Frame) -> None:
        """Handle a further fragment of a message."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many pieces")
            self.handle_parser_exception()

    def keepalive_timeout(self) -> None:
        """Drop the connection after an unanswered ping: data still to send will not be read."""
        super().keepalive_timeout()
        self.transport.abort()

    def _cancel(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
