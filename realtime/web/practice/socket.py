"""The practice socket: receives frames and commands, sends answers. No page can delay another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from typing import Final

import anyio
from posesync.configs.shared import SHARED
from posesync.pose.errors import PoseSyncError, SourceError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from .hub import Held, Hub, HubFullError
from .limits import Allowance
from .protocol import MOST_BYTES, End, Ping, Pong, ProtocolError, Trouble, parse_command, parse_frame

logger = logging.getLogger(__name__)

_CLOSING: Final = SHARED.socket.closing

#: Limits per s, and at once: twice the frames of the fastest camera, and more bytes than it produces.
_FRAMES: Final = (150.0, 150.0)
_BYTES: Final = (12e6, 12.0 * MOST_BYTES)
_COMMANDS: Final = (30.0, 60.0)
#: Faulty messages that a connection may send: per s in the long run, and at once; then it is closed.
_FAULTS: Final = (0.5, 20.0)
#: s that a page may take to read a message; after that it counts as gone.
_PATIENCE: Final = 10.0
#: Messages other than answers that may wait for a slow page.
_ROOM: Final = 64


class SocketOutlet:
    """The messages to be sent to one page: the newest answer, and all others in order.

    Args:
        loop: the socket's event loop; :meth:`offer` and :meth:`end` may be called from any thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._wake = asyncio.Event()
        self._answer: str | None = None
        self._others: deque[str] = deque()
        self._last: str | None = None

    def offer(self, text: str, latest: bool) -> None:
        """Send a message; of those marked ``latest`` only the newest matters."""
        self._call(self._offer, text, latest)

    def end(self, text: str) -> None:
        """Send a last message (none when empty), then close."""
        self._call(self._end, text)

    async def next(self) -> str | None:
        """Return the next message; None when the last one has been sent."""
        while True:
            if self._others:
                return self._others.popleft()
            if self._last is not None:
                last, self._last = self._last, ""
                return last or None
            if self._answer is not None:
                answer, self._answer = self._answer, None
                return answer
            self._wake.clear()
            await self._wake.wait()

    def _call(self, what: object, *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: there is no page left
            self._loop.call_soon_threadsafe(what, *arguments)  # type: ignore[arg-type]

    def _offer(self, text: str, latest: bool) -> None:
        if latest:
            self._answer = text
        elif len(self._others) < _ROOM:
            self._others.append(text)
        self._wake.set()

    def _end(self, text: str) -> None:
        if self._last is None:
            self._last = text
        self._wake.set()


async def practise(socket: WebSocket, expert_id: str, hub: Hub) -> None:
    """Serve one connection from its beginning to its end."""
    await socket.accept()
    outlet = SocketOutlet(asyncio.get_running_loop())
    held = hub.resume(socket.query_params.get("resume", ""), expert_id, outlet)
    if held is None:
        try:
            held = await hub.open(expert_id, outlet)
        except PoseSyncError as error:
            await _refuse(socket, error)
            return
    sender = asyncio.create_task(_send(socket, outlet))
    reader = asyncio.create_task(_Reader(socket, outlet, hub, held).run())
    code = 1000
    try:
        await asyncio.wait((sender, reader), return_when=asyncio.FIRST_COMPLETED)
        if reader.done() and (gone_too_far := reader.result()) is not None:
            code = gone_too_far
            await asyncio.wait(
                (sender,), timeout=_PATIENCE
            )  # the reason is sent before the connection closes
    finally:
        hub.leave(held, outlet)
        for task in (sender, reader):
            task.cancel()
        await asyncio.gather(sender, reader, return_exceptions=True)
        await _close(socket, code)


async def _refuse(socket: WebSocket, error: PoseSyncError) -> None:
    """Send the reason why there is no session, and close."""
    if isinstance(error, HubFullError):
        code, word = _CLOSING.too_many, "full"
    elif isinstance(error, SourceError):
        code, word = _CLOSING.no_expert, "expert"
    else:  # not prepared yet, or a model is missing: the message says which
        code, word = _CLOSING.not_ready, "not-ready"
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError), anyio.fail_after(_PATIENCE):
        await socket.send_text(_trouble(word, str(error)))
    await _close(socket, code)


async def _send(socket: WebSocket, outlet: SocketOutlet) -> None:
    """Send waiting messages, until the last one or until the page stops reading."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        while (text := await outlet.next()) is not None:
            # Not asyncio.wait_for: before Python 3.12 it can swallow a cancellation.
            with anyio.fail_after(_PATIENCE):
                await socket.send_text(text)


async def _close(socket: WebSocket, code: int) -> None:
    if socket.application_state is not WebSocketState.DISCONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError), anyio.fail_after(_PATIENCE):
            await socket.close(code)


class _Reader:
    """Reads one connection, within its limits."""

    def __init__(self, socket: WebSocket, outlet: SocketOutlet, hub: Hub, held: Held) -> None:
        self._socket, self._outlet, self._hub, self._held = socket, outlet, hub, held
        self._frames, self._bytes = Allowance(*_FRAMES), Allowance(*_BYTES)
        self._commands, self._faults = Allowance(*_COMMANDS), Allowance(*_FAULTS)

    async def run(self) -> int | None:
        """Read until the page is gone; return the close code if it broke the limits, else None."""
        while True:
            message = await self._socket.receive()
            if message["type"] != "websocket.receive":
                return None
            data, text = message.get("bytes"), message.get("text")
            if not self._within(data):
                self._outlet.end(_trouble("too-fast", "more messages than any camera gives: not so fast"))
                return _CLOSING.too_fast
            try:
                if data is not None:
                    self._held.session.put(parse_frame(data))
                elif text is not None:
                    self._obey(text)
            except ProtocolError as error:
                if not self._faults.take(1.0, time.monotonic()):
                    self._outlet.end(_trouble(error.code, str(error)))
                    return _CLOSING.bad_message
                self._outlet.offer(_trouble(error.code, str(error)), False)

    def _within(self, data: bytes | None) -> bool:
        now = time.monotonic()
        if data is None:
            return self._commands.take(1.0, now)
        return self._frames.take(1.0, now) and self._bytes.take(len(data), now)

    def _obey(self, text: str) -> None:
        command = parse_command(text)
        if isinstance(command, Ping):
            self._outlet.offer(Pong(id=command.id).model_dump_json(), False)
        elif isinstance(command, End):
            self._hub.end(self._held, "asked")
        else:
            self._held.session.obey(command)


def _trouble(code: str, message: str) -> str:
    return Trouble(code=code, message=message).model_dump_json()
