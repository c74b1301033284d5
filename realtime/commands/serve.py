"""``posesync serve``: practice in the browser, on this computer or on a phone in the same network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from posesync.pose.errors import ConfigError
from posesync.realtime.session.config import load_config

from . import options as shared
from .console import say

#: Packages of the extra [web]; a broken installation of PoseSync itself is a different error.
_EXTRA = (
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
    "h11",
    "websockets",
    "segno",
    "cryptography",
    "ifaddr",
)


def serve(
    reference: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(
            "--reference",
            "-r",
            help="An expert's video; more of them can be given, or chosen in the page.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets phones and tablets in (needs --tls).")
    ] = "127.0.0.1",
    port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=0, max=65535, help="Port; by default 8765 or the next free one.", show_default=False
        ),
    ] = None,
    tls: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="<self-signed | CERT.pem>", help="Serve HTTPS.", show_default=False),
    ] = None,
    tls_key: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--tls-key", help="The key of CERT.pem, if it is in another file.", show_default=False),
    ] = None,
    open_browser: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--open/--no-open",
            help="Open the browser; by default where there is a screen.",
            show_default=False,
        ),
    ] = None,
    max_sessions: Annotated[int, typer.Option("--max-sessions", min=1, max=16, help="Sessions at once.")] = 4,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
) -> None:
    """Practise in the browser. Nothing leaves this computer: the page talks to it alone.

    Prints the address to open; Ctrl-C ends the server, and its sessions get their reports.
    """
    settings = load_config(config, {"pose.model": pose, "detector.kind": detector, "pose.provider": provider})
    try:
        from posesync.realtime.web.server.serving import ServeOptions
        from posesync.realtime.web.server.serving import serve as run_server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise ConfigError(
            f"posesync serve needs {error.name}, which is not installed: pip install 'posesync[web]'"
        ) from None
    shared.tidy_cache(settings)
    wanted = ServeOptions(tuple(reference or ()), host, port, tls, tls_key, open_browser, max_sessions)
    run_server(wanted, settings, say)
