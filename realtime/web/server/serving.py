"""``posesync serve``: starts a server from its options, runs it, and ends it."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import uvicorn
from fastapi import FastAPI
from posesync.pose.errors import ConfigError, PoseSyncError, SourceError
from posesync.realtime.pipeline.signals import StopSignals
from posesync.realtime.session.config import Config
from posesync.realtime.web.practice.protocol import MOST_BYTES
from starlette.types import ASGIApp, Receive, Scope, Send

from .announcing import Address, announcement, open_browser, sits_somebody
from .app import create_app
from .certificate import Certificate, certificate_dir, own_certificate, self_signed
from .connections import LimitedSocket
from .gate import MOST, Gate
from .guard import TOKEN_BYTES, Guard
from .housekeeping import MemoryReleaser
from .listening import Place, find_place, listen

logger = logging.getLogger(__name__)

#: Value of ``--tls`` for a certificate made by PoseSync.
SELF_SIGNED: Final = "self-signed"
#: Bytes of a request's head that are read at most; :mod:`.guard` refuses what is too long before that.
_MOST_HEAD: Final = 65_536
#: s that answers in progress have at the end. Reports are written before that.
_GRACE: Final = 3
#: s between pings on a WebSocket, and for their answers.
_PING: Final = 10.0
#: Open files to ask the system for: one for each connection, and those of the sessions.
_FILES: Final = 4096


class Say(Protocol):
    """Prints a line, like :func:`posesync.realtime.commands.console.say`."""

    def __call__(self, message: str, *, style: str = "") -> None:
        """Print ``message``, in Rich's ``style``."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of a server.

    Attributes:
        references: experts' videos.
        host: address or name to listen on; ``0.0.0.0`` for every network.
        port: 0 for any; None for 8765, or the next that is free.
        tls: ``self-signed``, or the file of a certificate; None for HTTP.
        tls_key: file of the certificate's key, when it is not in the same file.
        open_browser: whether to open a browser; None: if somebody seems to be at the screen.
        max_sessions: sessions at once.
    """

    references: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int | None = None
    tls: str | None = None
    tls_key: Path | None = None
    open_browser: bool | None = None
    max_sessions: int = 4


def serve(options: ServeOptions, config: Config, say: Say) -> None:
    """Serve until Ctrl-C or SIGTERM, then end every session in order.

    Args:
        options: the options.
        config: settings of every session.
        say: prints a line.

    Raises:
        ConfigError: address, port or certificate cannot be used.
        SourceError: a reference is missing.
        OutputError: the self-signed certificate cannot be written.
        PoseSyncError: anything else that prevents its start.
    """
    for reference in options.references:
        if not reference.exists():
            raise SourceError(f"{reference} does not exist: check the path of the expert's video")
    with StopSignals() as stop:
        place = find_place(options.host)
        _check_options(options, place)
        certificate = _certificate(options, place)
        sockets = listen(place, options.port)
        try:
            address = _address(options, place, certificate, sockets[0].getsockname()[1])
            guard = Guard(address.token, hosts=address.hosts, scheme=address.scheme)
            app = create_app(config, options.references, guard, max_sessions=options.max_sessions)
            if len(options.references) == 1:  # start with this expert; otherwise the library asks
                address = replace(address, path=f"practice/{app.state.store.list()[0].id}")
            by_us = certificate is not None and options.tls == SELF_SIGNED

            def ready() -> None:
                fingerprint = certificate.fingerprint if certificate is not None and by_us else None
                for line, style in announcement(address, loopback=place.loopback, fingerprint=fingerprint):
                    say(line, style=style)
                if options.open_browser or (options.open_browser is None and sits_somebody()):
                    open_browser(address.url(address.names[0], guard.ticket()))

            _run(app, certificate, sockets, stop, ready)
        finally:
            for opened in sockets:
                opened.close()


def _check_options(options: ServeOptions, place: Place) -> None:
    if options.tls_key is not None and options.tls in (None, SELF_SIGNED):
        raise ConfigError("--tls-key belongs to a certificate of your own: give its file with --tls CERT.pem")
    if not place.loopback and options.tls is None:
        raise ConfigError(
            f"--host {options.host} is for other devices, whose browsers give a camera to HTTPS pages only: "
            "add --tls self-signed, or --tls CERT.pem --tls-key KEY.pem"
        )


def _certificate(options: ServeOptions, place: Place) -> Certificate | None:
    if options.tls is None:
        return None
    if options.tls == SELF_SIGNED:
        return self_signed(place.names, certificate_dir())
    chain = Path(options.tls)
    return own_certificate(chain, options.tls_key or chain)


def _address(options: ServeOptions, place: Place, certificate: Certificate | None, port: int) -> Address:
    names = place.names
    if certificate is not None and options.tls != SELF_SIGNED:  # ours also has names of old networks
        known = (f"[{name}]" if ":" in name else name for name in certificate.names)
        names = tuple(dict.fromkeys((*known, *place.names)))
    scheme = "http" if certificate is None else "https"
    return Address(scheme, names, port, secrets.token_urlsafe(TOKEN_BYTES))


# -- uvicorn -------------------------------------------------------------------------------------------------


def _run(
    app: FastAPI,
    certificate: Certificate | None,
    sockets: list[socket.socket],
    stop: StopSignals,
    ready: Callable[[], None],
) -> None:
    """Serve on these sockets until asked to stop."""
    gate = Gate(_allow_files())
    remembering = _Remembering(app)
    releaser = MemoryReleaser(lambda: app.state.hub.running)
    with _logged():
        try:
            _Server(_settings(gate.watched(remembering), certificate), gate, stop, ready, releaser).run(
                sockets
            )
        except SystemExit:  # uvicorn's, when the application could not be started
            if remembering.trouble is None:
                raise ConfigError("the server did not start: the reason is in the line above") from None
    if remembering.trouble is not None:
        raise remembering.trouble


def _settings(app: ASGIApp, certificate: Certificate | None) -> uvicorn.Config:
    """Return uvicorn's settings: tight limits, no log with addresses, no server details in answers."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws=LimitedSocket,
        ws_max_size=MOST_BYTES,
        ws_max_queue=2,
        ws_ping_interval=_PING,
        ws_ping_timeout=_PING,
        ws_per_message_deflate=False,  # JPEGs do not get smaller, and small data could inflate to much
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        proxy_headers=False,  # there is no proxy whose headers could be trusted
        server_header=False,
        limit_concurrency=MOST + 1,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=_MOST_HEAD,
        ssl_certfile=None if certificate is None else certificate.chain,
        ssl_keyfile=None if certificate is None else certificate.key,
    )


class _Server(uvicorn.Server):
    """uvicorn, ended by :class:`StopSignals` after the sessions have ended."""

    def __init__(
        self,
        config: uvicorn.Config,
        gate: Gate,
        stop: StopSignals,
        ready: Callable[[], None],
        releaser: MemoryReleaser,
    ) -> None:
        super().__init__(config)
        self._gate = gate
        self._stop, self._ready, self._releaser = stop, ready, releaser

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: they are handled already, and uvicorn's way gives a failing exit code."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then report it. uvicorn listens to no socket: the gate accepts for it."""
        asyncio.get_running_loop().set_exception_handler(_log_trouble)
        await super().startup([])
        if self.started:
            self._gate.open(sockets or (), self._protocol, self.config.ssl)
            if not self._stop.asked:
                self._ready()

    def _protocol(self) -> asyncio.Protocol:
        """Return uvicorn's protocol for a connection, as its own startup makes it."""
        state: dict[str, Any] = {"server_state": self.server_state, "app_state": self.lifespan.state}
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, **state)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop; called ten times a second."""
        self._releaser.tick()
        self.should_exit = self.should_exit or self._stop.asked
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the application first, so that pages learn of their session's end; then the connections."""
        await self._gate.close()
        await self.lifespan.shutdown()
        for _ in range(20):
            if not self._gate.sockets:
                break
            await asyncio.sleep(0.05)  # until the application's last messages are sent
        await super().shutdown(sockets)


class _Remembering:
    """Wraps the application and remembers the error of its start, which uvicorn prints as a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.trouble: PoseSyncError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except PoseSyncError as error:
            if scope["type"] == "lifespan":
                self.trouble = error
            raise


def _allow_files() -> int | None:
    """Raise the limit of open files, as many systems allow 256 or 1024; return it, None for none."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return None if soft == resource.RLIM_INFINITY else soft
    return None


# -- errors --------------------------------------------------------------------------------------------------


@contextmanager
def _logged() -> Iterator[None]:
    """Forward uvicorn's errors to this log, one line each, inside the block."""
    theirs = logging.getLogger("uvicorn.error")
    before = list(theirs.handlers), theirs.propagate, theirs.level
    theirs.handlers[:], theirs.propagate = [_Forward()], False
    try:
        yield
    finally:
        theirs.handlers[:], theirs.propagate = before[0], before[1]
        theirs.setLevel(before[2])


class _Forward(logging.Handler):
    """Logs one line for an uncaught error, its traceback at debug level, and nothing that clients sent."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, PoseSyncError):
            return  # it prevented the start and is reported like every error
        message = record.getMessage()
        if isinstance(error, asyncio.CancelledError) or message.startswith(("Invalid UTF-8", "Cancel")):
            logger.debug("%s", message)  # the end of the grace period, or invalid text from a client
        elif error is None:
            logger.warning("the server: %s", message)
        else:
            _unexpected(error)


def _log_trouble(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    """Log an error of the event loop outside of any request."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno not in (errno.EMFILE, errno.ENFILE):
        logger.debug("%s (%s)", context["message"], error)  # a connection that broke
    elif error is None or isinstance(error, OSError):
        logger.warning("the server: %s", context["message"])
    else:
        _unexpected(error)


def _unexpected(error: BaseException) -> None:
    logger.error("unexpected %s in the server (%s): please report it", type(error).__name__, error)
    logger.debug("unexpected", exc_info=error)
