"""Prints the addresses of ``posesync serve`` when it is ready, and opens the browser."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import webbrowser
from dataclasses import dataclass
from typing import Final

import segno

logger = logging.getLogger(__name__)

#: White on black, whatever the terminal's colours: QR readers expect dark on light.
QR_STYLE: Final = "#ffffff on #000000"
#: Names that mean this computer only.
_HERE: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Address:
    """The addresses of a server.

    Attributes:
        scheme: ``http`` or ``https``.
        names: host names and addresses, the best first; IPv6 in brackets.
        port: the port of all of them.
        token: the secret that gives access.
        path: path of the page to open, without the first slash.
    """

    scheme: str
    names: tuple[str, ...]
    port: int
    token: str
    path: str = ""

    def url(self, name: str, token: str | None = None) -> str:
        """Return the address to open, with another token if given."""
        return f"{self.scheme}://{name}:{self.port}/{self.path}?token={token or self.token}"

    @property
    def hosts(self) -> frozenset[str]:
        """Return the hosts for :class:`~posesync.realtime.web.server.guard.Guard`."""
        return frozenset(f"{name}:{self.port}" for name in self.names)


def announcement(address: Address, *, loopback: bool, fingerprint: str | None) -> list[tuple[str, str]]:
    """Return the lines that show the server's addresses, each with its style.

    For other devices they list every address by which they may reach it, and a QR code of the first.

    Args:
        address: the server's addresses.
        loopback: whether only this computer can reach it.
        fingerprint: fingerprint of its self-signed certificate; None when it has another, or none.
    """
    lines = _of_this_computer(address) if loopback else _of_the_network(address)
    if fingerprint is not None:
        lines.append(
            ("The browser will warn: only this computer vouches for the certificate. Its SHA-256", "dim")
        )
        lines.append((f"fingerprint must be {fingerprint}", "dim"))
    lines.append(("Anyone with this address can use the server. Ctrl-C ends it.", "dim"))
    return lines


def _of_this_computer(address: Address) -> list[tuple[str, str]]:
    return [(f"PoseSync is ready: {address.url(address.names[0])}", "bold")]


def _of_the_network(address: Address) -> list[tuple[str, str]]:
    others = [name for name in address.names if name not in _HERE]
    here = [name for name in address.names if name in _HERE]
    lines = [("PoseSync is ready. On a phone or tablet in the same network:", "bold")]
    lines += [(f"  {address.url(name)}", "") for name in others]
    if others:
        lines += [(line, QR_STYLE) for line in qr_code(address.url(others[0]))]
    else:
        lines.append(("  this computer is not in a network: connect it, then start again", "yellow"))
    if here:
        lines.append((f"On this computer: {address.url(here[0])}", ""))
    return lines


def qr_code(text: str) -> list[str]:
    """Return a QR code in half blocks, the light ones full, with the margin that readers need."""
    drawn = io.StringIO()
    segno.make_qr(text, error="l").terminal(drawn, border=2, compact=True)
    return drawn.getvalue().splitlines()


def sits_somebody() -> bool:
    """Return whether there is a screen and a terminal with a person in front of it."""
    screen = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return screen and not os.environ.get("SSH_CONNECTION") and sys.stdout.isatty()


def open_browser(url: str) -> None:
    """Open the default browser in a daemon thread: some calls return only when the browser is closed."""

    def show() -> None:
        try:
            opened = webbrowser.open(url)
        except webbrowser.Error:
            opened = False
        if not opened:
            logger.warning("no browser could be opened: open the address above")

    threading.Thread(target=show, name="browser", daemon=True).start()
