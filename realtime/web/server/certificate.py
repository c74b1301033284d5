"""The server's certificate: the user's own, after a check, or a self-signed one that is kept.

A browser gives a page a camera only when the page came over HTTPS or from the same computer. No authority
signs certificates for addresses in a home network, so PoseSync makes a self-signed one; it is kept, so that
the user need not tell the browser to trust it again.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from posesync.pose.errors import ConfigError, OutputError
from posesync.pose.files import atomic_file, make_private_folder, output_error, read_secret
from posesync.pose.folders import data_folder

#: The longest lifetime that browsers accept.
LIFE: Final = timedelta(days=825)
#: Remaining lifetime below which a new certificate is made.
RENEW: Final = timedelta(days=7)
#: By how much the clock of a phone may be slow.
_SLOW_CLOCK: Final = timedelta(hours=24)
#: Names in a certificate, at most: the requested ones and the latest of earlier networks.
_MOST_NAMES: Final = 24
#: Bytes; a larger file is not a certificate.
_MOST_BYTES: Final = 1 << 20
_FILE: Final = "self-signed.pem"
_ANEW: Final = "or let PoseSync make one with --tls self-signed"

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate.

    Attributes:
        chain: file of the certificate and its chain, PEM.
        key: file of its private key, PEM; may be the same file.
        names: host names and addresses it is for, without wildcard names.
        fingerprint: SHA-256, as browsers show it: ``AB:CD:…``.
    """

    chain: Path
    key: Path
    names: tuple[str, ...]
    fingerprint: str


def certificate_dir() -> Path:
    """Return the folder of the self-signed certificate, in the user's data."""
    return data_folder() / "certificate"


def self_signed(names: Iterable[str], folder: Path, *, now: datetime | None = None) -> Certificate:
    """Return the kept certificate; make a new one when there is none, it expires, or it lacks a name.

    Args:
        names: host names and addresses it must be for.
        folder: where it is kept; created when missing.
        now: aware time; the present when None.

    Raises:
        OutputError: it cannot be written.
    """
    now = now or datetime.now(timezone.utc)
    path = folder / _FILE
    wanted = list(dict.fromkeys(name.strip("[]").lower() for name in names))
    known = _kept(path, now)
    if known is None or not set(wanted) <= set(known.names):
        # Earlier names stay: a user who moves a laptop between networks has to trust it once in each.
        earlier = () if known is None else tuple(name for name in known.names if name not in wanted)
        _write(path, _make([*wanted, *earlier[: max(0, _MOST_NAMES - len(wanted))]], now))
        known = _kept(path, now)
        if known is None:
            raise OutputError(f"{path} does not hold what was written to it: check the disk, then try again")
    return known


def _kept(path: Path, now: datetime) -> Certificate | None:
    """Return the certificate in a file with its key; None when missing, damaged or about to expire."""
    try:
        return own_certificate(path, path, now=now + RENEW)
    except ConfigError:
        return None


def _write(path: Path, pem: bytes) -> None:
    """Write certificate and key into one file, so that they always match, readable by the owner only."""
    try:
        make_private_folder(path.parent)
    except OSError as error:
        raise output_error(error, path) from error
    with atomic_file(path, secret=True) as file:
        file.write(pem)


def _make(names: list[str], now: datetime) -> bytes:
    """Return a new key and a self-signed certificate for it, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PoseSync on this network")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLOW_CLOCK)
        .not_valid_after(now - _SLOW_CLOCK + LIFE)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        # Not an authority: trusting it means trusting this server, not certificates that its key might sign.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + secret


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def own_certificate(chain: Path, key: Path, *, now: datetime | None = None) -> Certificate:
    """Return the user's own certificate, checked before a browser sees it.

    Args:
        chain: PEM, the server's certificate first.
        key: its private key, PEM, without a password.
        now: aware time; the present when None.

    Raises:
        ConfigError: a file cannot be read or is something else, others may read the key, the two do not
            match, or the certificate is not valid now.
    """
    now = now or datetime.now(timezone.utc)
    certificate = _read_chain(chain)
    if _encoded(_read_key(key).public_key()) != _encoded(certificate.public_key()):
        raise ConfigError(f"{key} is not the key of {chain}: give the two that belong together, {_ANEW}")
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        raise ConfigError(f"{chain} expired on {ends:%Y-%m-%d}: renew it, {_ANEW}")
    if now < begins:
        raise ConfigError(f"{chain} is valid from {begins:%Y-%m-%d} on: check this computer's clock, {_ANEW}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ConfigError(
            f"{chain} cannot be used for TLS ({reason}): give an RSA or ECDSA one, {_ANEW}"
        ) from None
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(chain, key, _names(certificate), digest)


def _read(path: Path, what: str) -> tuple[bytes, str]:
    """Return what a file holds, and who else may read it."""
    try:
        data, others = read_secret(path, _MOST_BYTES)
    except OSError as error:
        raise ConfigError(
            f"cannot read {path} ({error.strerror}): check the path of {what}, {_ANEW}"
        ) from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than {_MOST_BYTES} bytes, expected {what}: check the path")
    return data, others


def _read_chain(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read(path, "the certificate")[0])[0]
    except (ValueError, IndexError):
        raise ConfigError(
            f"{path} has no certificate, expected PEM (BEGIN CERTIFICATE): give one, {_ANEW}"
        ) from None


def _read_key(path: Path) -> PrivateKeyTypes:
    data, others = _read(path, "the private key")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise ConfigError(f"{path} has a password, expected a key without one: remove it, {_ANEW}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{path} has no private key, expected PEM: give it with --tls-key, {_ANEW}"
        ) from None
    if others:  # who has read it can pass for this server
        raise ConfigError(
            f"{path} holds a private key and {others}, expected its owner's alone: chmod 600 it, {_ANEW}"
        )
    return key


def _encoded(key: PublicKeyTypes) -> bytes:
    """Return a public key in a form that can be compared."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses: list[_Address] = [
        address for address in found.get_values_for_type(x509.IPAddress) if isinstance(address, _Address)
    ]
    names = [name.lower() for name in found.get_values_for_type(x509.DNSName) if "*" not in name]
    return (*names, *(str(address) for address in addresses))
