"""Certificates where Caddy would keep them."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def stored(
    root: Path, host: str, *, until: datetime = BEGAN + 90 * DAY, issuer: str = "R11", directory: str = "authority"
) -> None:
    """Keep a certificate for ``host`` in the storage at ``root``."""
    place = root / "certificates" / directory / host
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{host}.crt").write_bytes(_certificate(until, issuer))


@cache
def _certificate(until: datetime, issuer: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(BEGAN).not_valid_after(until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
