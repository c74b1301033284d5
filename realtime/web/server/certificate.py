"""The server's certificate: one's own, checked, or one that signs itself and is kept.

A browser gives a page a camera only when the page came over HTTPS, or from this very computer. Nobody signs
certificates for addresses in a home network, so PoseSync makes one; it is kept, because a browser that was
told to trust it should not have to be told again.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import platformdirs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from posesync.pose.errors import ConfigError, OutputError
from posesync.pose.files import atomic_file, output_error

#: As long as browsers accept.
LIFE: Final = timedelta(days=825)
#: Made anew when so little of it is left.
RENEW: Final = timedelta(days=7)
#: The clock of a phone may be behind ours.
_SLOW_CLOCK: Final = timedelta(hours=24)
#: Names in a certificate: those asked for, and of earlier networks the latest.
_MOST_NAMES: Final = 24
#: Bytes; a larger file is no certificate.
_MOST_BYTES: Final = 1 << 20
_FILE: Final = "self-signed.pem"
_ANEW: Final = "or let PoseSync make one with --tls self-signed"

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows.

    Attributes:
        chain: file of the certificate and those that vouch for it, PEM.
        key: file of its private key, PEM; may be the same.
        names: host names and addresses it is for, without those that have a wildcard.
        fingerprint: SHA-256, as browsers show it: ``AB:CD:…``.
    """

    chain: Path
    key: Path
    names: tuple[str, ...]
    fingerprint: str


def certificate_dir() -> Path:
    """Where the self-signed certificate is kept, in the user's data."""
    return Path(platformdirs.user_data_dir("posesync", appauthor=False)) / "certificate"


def self_signed(names: Iterable[str], folder: Path, *, now: datetime | None = None) -> Certificate:
    """The kept certificate; made anew when there is none, it runs out, or a name is missing in it.

    Args:
        names: host names and addresses it must be for.
        folder: where it is kept; made.
        now: aware; the present when None.

    Raises:
        OutputError: it cannot be written.
    """
    now = now or datetime.now(timezone.utc)
    path = folder / _FILE
    wanted = list(dict.fromkeys(name.strip("[]").lower() for name in names))
    known = _kept(path, now)
    if known is None or not set(wanted) <= set(known.names):
        # Earlier names stay: whoever takes a laptop to and fro is asked once for each place.
        earlier = () if known is None else tuple(name for name in known.names if name not in wanted)
        _write(path, _make([*wanted, *earlier[: max(0, _MOST_NAMES - len(wanted))]], now))
        known = _kept(path, now)
        if known is None:
            raise OutputError(f"{path} does not hold what was written to it: check the disk, then try again")
    return known


def _kept(path: Path, now: datetime) -> Certificate | None:
    """The certificate in a file with its key, unless it is missing, spoilt or nearly run out."""
    try:
        return own_certificate(path, path, now=now + RENEW)
    except ConfigError:
        return None


def _write(path: Path, pem: bytes) -> None:
    """Certificate and key in one file, so that they always belong together; for its owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error
    with atomic_file(path) as file:
        Path(file.name).chmod(0o600)  # while it is still empty
        file.write(pem)


def _make(names: list[str], now: datetime) -> bytes:
    """A new key and a certificate for it that it signs itself, PEM."""
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
        # Not an authority: who trusts it trusts this server, and nothing that its key might sign.
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
    """Check a certificate before a browser does.

    Args:
        chain: PEM, the server's certificate first.
        key: its private key, PEM, without a password.
        now: aware; the present when None.

    Raises:
        ConfigError: a file cannot be read or is something else, the two do not belong together, or it is not
            valid now.
    """
    now = now or datetime.now(timezone.utc)
    certificate = _read_chain(chain)
    if _encoded(_read_key(key).public_key()) != _encoded(certificate.public_key()):
        raise ConfigError(f"{key} is not the key of {chain}: give the two that belong together, {_ANEW}")
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        raise ConfigError(f"{chain} ran out on {ends:%Y-%m-%d}: renew it, {_ANEW}")
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


def _read(path: Path, what: str) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} is larger than {_MOST_BYTES} bytes, expected {what}: check the path")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read {path} ({error.strerror}): check the path of {what}, {_ANEW}"
        ) from None


def _read_chain(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read(path, "the certificate"))[0]
    except (ValueError, IndexError):
        raise ConfigError(
            f"{path} has no certificate, expected PEM (BEGIN CERTIFICATE): give one, {_ANEW}"
        ) from None


def _read_key(path: Path) -> PrivateKeyTypes:
    data = _read(path, "the private key")
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise ConfigError(f"{path} has a password, expected a key without: take it off, {_ANEW}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{path} has no private key, expected PEM: give it with --tls-key, {_ANEW}"
        ) from None


def _encoded(key: PublicKeyTypes) -> bytes:
    """A public key in a form in which two can be compared."""
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
