"""The certificate: made, kept, renewed when necessary; the user's own is checked before use."""

from __future__ import annotations

import os
import ssl
import stat
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from limits import read_only
from posesync.pose.errors import ConfigError, OutputError
from posesync.realtime.web.server.certificate import LIFE, RENEW, Certificate, own_certificate, self_signed

NAMES = ("192.168.1.5", "[fe00::5]", "dance.local", "localhost", "127.0.0.1")
NOW = datetime(2030, 5, 1, 12, tzinfo=timezone.utc)


def make(folder: Path, names: tuple[str, ...] = NAMES, now: datetime = NOW) -> Certificate:
    return self_signed(names, folder, now=now)


def test_it_is_made_as_browsers_want_it(tmp_path: Path) -> None:
    made = make(tmp_path)
    certificate = x509.load_pem_x509_certificates(made.chain.read_bytes())[0]
    assert set(made.names) == {"192.168.1.5", "fe00::5", "dance.local", "localhost", "127.0.0.1"}
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == LIFE == timedelta(days=825)
    assert certificate.not_valid_before_utc < NOW
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert len(made.fingerprint) == 95
    assert made.fingerprint.replace(":", "") == certificate.fingerprint(SHA256()).hex().upper()


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_its_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = make(tmp_path / "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert [path.name for path in made.key.parent.iterdir()] == [made.key.name]


@pytest.mark.parametrize(
    ("names", "later", "kept"),
    [
        (NAMES, timedelta(0), True),
        (("localhost", "192.168.1.5"), timedelta(days=500), True),
        (("LOCALHOST",), timedelta(0), True),
        ((*NAMES, "10.0.0.9"), timedelta(0), False),  # another network
        (NAMES, LIFE, False),
        (NAMES, LIFE - RENEW, False),
    ],
)
def test_it_is_kept_as_long_as_it_serves(
    names: tuple[str, ...], later: timedelta, kept: bool, tmp_path: Path
) -> None:
    first, second = make(tmp_path), make(tmp_path, names, NOW + later)
    assert (first.fingerprint == second.fingerprint) is kept
    assert {name.strip("[]").lower() for name in names} <= set(second.names)


def test_coming_back_to_a_network_needs_no_new_one(tmp_path: Path) -> None:
    home, office = ("192.168.1.5", "localhost"), ("10.0.0.9", "localhost")
    make(tmp_path, home)
    away = make(tmp_path, office)
    assert make(tmp_path, home) == away == make(tmp_path, office)
    for number in range(60):
        last = make(tmp_path, (f"10.1.0.{number}",))
    assert len(last.names) <= 24
    assert "10.1.0.59" in last.names


@pytest.mark.parametrize("spoil", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", None])
def test_a_damaged_certificate_is_made_again(spoil: bytes | None, tmp_path: Path) -> None:
    first = make(tmp_path)
    data = first.chain.read_bytes()
    first.chain.write_bytes(data[: len(data) // 2] if spoil is None else spoil)
    second = make(tmp_path)
    assert second.fingerprint != first.fingerprint
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(second.chain)


def test_where_it_cannot_be_kept_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="choose another"):
        make(tmp_path / "file" / "folder")
    with read_only(tmp_path / "locked") as folder, pytest.raises(OutputError, match="cannot write"):
        make(folder)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key in files of their own, as others give them."""
    pem = make(tmp_path / "made").chain.read_bytes()
    at = pem.index(b"-----BEGIN PRIVATE KEY")
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    chain.write_bytes(pem[:at])
    key.write_bytes(pem[at:])
    key.chmod(0o600)
    return chain, key


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.parametrize(
    ("mode", "taken"), [(0o600, True), (0o400, True), (0o644, False), (0o604, False), (0o620, False)]
)
def test_a_key_that_others_may_read_is_refused(mode: int, taken: bool, pair: tuple[Path, Path]) -> None:
    pair[1].chmod(mode)
    if taken:
        assert own_certificate(*pair, now=NOW).key == pair[1]
        return
    with pytest.raises(ConfigError, match=rf"open to others \(mode {mode:o}\), .*chmod 600"):
        own_certificate(*pair, now=NOW)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_kept_key_that_others_could_read_is_made_again(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert first.key.stat().st_mode & 0o777 == 0o600
    first.key.chmod(0o644)
    second = make(tmp_path)
    assert second.fingerprint != first.fingerprint
    assert second.key.stat().st_mode & 0o777 == 0o600


def test_ones_own_is_taken(pair: tuple[Path, Path]) -> None:
    taken = own_certificate(*pair, now=NOW)
    assert (taken.chain, taken.key) == pair
    assert "dance.local" in taken.names


def with_password(key: Path) -> None:
    secret = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


def of_another(key: Path) -> None:
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda chain, key: chain.unlink(), "cannot read .*cert.pem"),
        (lambda chain, key: key.unlink(), "cannot read .*key.pem"),
        (lambda chain, key: (chain.unlink(), chain.mkdir()), "cannot read .*cert.pem"),
        (lambda chain, key: chain.write_bytes(b"hello"), "has no certificate"),
        (lambda chain, key: chain.write_bytes(key.read_bytes()), "has no certificate"),
        (lambda chain, key: key.write_bytes(chain.read_bytes()), "has no private key"),
        (lambda chain, key: key.write_bytes(b"\xff" * 100), "has no private key"),
        (lambda chain, key: key.write_bytes(bytes(2 << 20)), "larger than"),
        (lambda chain, key: with_password(key), "has a password"),
        (lambda chain, key: of_another(key), "is not the key of"),
    ],
)
def test_an_unusable_certificate_gives_one_line(spoil: object, says: str, pair: tuple[Path, Path]) -> None:
    spoil(*pair)  # type: ignore[operator]
    with pytest.raises(ConfigError, match=says) as caught:
        own_certificate(*pair, now=NOW)
    assert "\n" not in str(caught.value)
    assert "--tls self-signed" in str(caught.value) or "larger" in str(caught.value)


@pytest.mark.parametrize(
    ("now", "says"), [(NOW + LIFE, "expired on 2032-08"), (NOW - timedelta(days=30), "valid from 2030-04-30")]
)
def test_a_certificate_not_valid_now_is_reported(now: datetime, says: str, pair: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match=says):
        own_certificate(*pair, now=now)
