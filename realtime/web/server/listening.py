"""Opens the server's sockets, and finds the addresses by which it can be reached."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import ifaddr
from posesync.pose.errors import ConfigError

#: Port when none is asked for, or else the next free one.
DEFAULT_PORT: Final = 8765
_TRIED: Final = 20
#: Connections that wait to be accepted.
_BACKLOG: Final = 128
_HOST_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server should listen.

    Attributes:
        host: the host asked for.
        addresses: (family, address as from :func:`socket.getaddrinfo`), one for each socket.
        loopback: whether only this computer can reach it.
        names: names by which it can be reached, the best first; IPv6 addresses in brackets.
    """

    host: str
    addresses: tuple[tuple[int, tuple[Any, ...]], ...]
    loopback: bool
    names: tuple[str, ...]


def find_place(host: str) -> Place:
    """Look up ``host``: an address of this computer, a name for one, or ``0.0.0.0`` or ``::`` for all.

    Raises:
        ConfigError: there is no such name.
    """
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(
            f"--host {host!r} is not a known name: give an address of this computer, or 0.0.0.0 for all"
        ) from None
    addresses = tuple(dict.fromkeys((int(family), address) for family, _, _, _, address in found))
    numbers = [ipaddress.ip_address(str(address[0])) for _, address in addresses]
    return Place(
        host,
        addresses,
        all(number.is_loopback for number in numbers),
        tuple(dict.fromkeys(_names(host.lower(), numbers))),
    )


def _names(host: str, numbers: list[_Address]) -> Iterable[str]:
    for number in numbers:
        if number.is_unspecified:
            yield from map(bracketed, network_addresses(with_ipv6=number.version == 6))
            yield from computer_names()
            yield from ("127.0.0.1", "localhost", *(["[::1]"] if number.version == 6 else []))
        else:
            yield bracketed(number)
    if all(number.is_loopback for number in numbers):
        yield "localhost"
    if _HOST_NAME.fullmatch(host) and not host.replace(".", "").isdigit():
        yield host


def bracketed(number: _Address) -> str:
    """Return an address in the form used in a URL."""
    return f"[{number}]" if number.version == 6 else str(number)


def network_addresses(*, with_ipv6: bool) -> list[_Address]:
    """Return this computer's addresses in its networks; first the one by which it reaches others."""
    found: list[_Address] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            number = ipaddress.ip_address(entry.ip[0] if isinstance(entry.ip, tuple) else entry.ip)
            usable = not (number.is_loopback or number.is_link_local or number.is_unspecified)
            if usable and (number.version == 4 or with_ipv6):
                found.append(number)
    first = _outward()
    return sorted(
        dict.fromkeys(found), key=lambda number: (str(number) != first, number.version, int(number))
    )


def _outward() -> str | None:
    """Return the source address of outgoing connections; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address that nobody has
        except OSError:
            return None
        return str(probe.getsockname()[0])


def computer_names() -> list[str]:
    """Return this computer's name, and its name in the local network (mDNS)."""
    name = socket.gethostname().lower()
    if not _HOST_NAME.fullmatch(name) or name == "localhost" or name.replace(".", "").isdigit():
        return []
    return [name] if "." in name else [f"{name}.local", name]


def listen(place: Place, port: int | None) -> list[socket.socket]:
    """Return listening sockets, all on one port.

    Args:
        place: where to listen.
        port: 0 for any; None for the default one, or the next free one.

    Raises:
        ConfigError: the port is in use or forbidden, or the address is not this computer's.
    """
    for number in range(DEFAULT_PORT, DEFAULT_PORT + _TRIED) if port is None else [port]:
        try:
            return _bind(place, number)
        except OSError as error:  # noqa: PERF203
            if port is not None or error.errno != errno.EADDRINUSE:
                raise _explained(error, place, number) from None
    raise ConfigError(
        f"the ports {DEFAULT_PORT} to {DEFAULT_PORT + _TRIED - 1} are all in use: give a free one with --port"
    )


def _bind(place: Place, port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    trouble: OSError | None = None
    try:
        for family, address in place.addresses:
            try:
                sockets.append(_bind_one(family, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                trouble = error  # a name may stand for IPv6 too on a computer that has none
                continue
            port = sockets[0].getsockname()[1]
        if trouble is not None and not sockets:
            raise trouble
    except BaseException:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def _bind_one(family: int, address: tuple[Any, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # there, SO_REUSEADDR would let another program share the port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            everywhere = ipaddress.ip_address(address[0]).is_unspecified
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not everywhere))
        opened.bind(address)
        opened.listen(_BACKLOG)  # only this shows that no other program listens
    except BaseException:
        opened.close()
        raise
    return opened


def _explained(error: OSError, place: Place, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        text = f"port {port} is in use, by another program or another posesync serve: end it, or give --port"
    elif error.errno in _NOT_HERE:
        text = f"{place.host} is not an address of this computer: give one that is, or --host 0.0.0.0 for all"
    elif error.errno in (errno.EACCES, errno.EPERM):
        text = f"port {port} needs special rights: give one above 1023 with --port"
    else:
        text = f"cannot listen on {place.host}, port {port} ({error.strerror or error}): give other ones"
    return ConfigError(text)
