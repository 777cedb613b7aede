"""A real certificate authority for tests: Let's Encrypt's test server Pebble, from Debian's package."""

import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.settings import Address
from bench.peers.installing import debian
from services.ports import kept_port

START_SECONDS = 20


@dataclass(frozen=True)
class Authority:
    """A running Pebble: its directory, and the root of its own HTTPS."""

    directory: str
    root: Path
    management: str

    def signing_root(self) -> str:
        """The root certificate that signs what it issues, as PEM."""
        context = ssl.create_default_context(cafile=str(self.root))
        return httpx.get(f"{self.management}/roots/0", verify=context, trust_env=False).text


@contextmanager
def running(directory: Path, *, edge: Address, tls: Address, resolver: Address) -> Iterator[Authority]:
    """Pebble for the length of the block: it looks for hosts at ``resolver``, and asks them at these addresses."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate = _certificate(directory)
    listen, management = (f"127.0.0.1:{kept_port(directory / name)}" for name in ("acme.port", "management.port"))
    configuration = {
        "pebble": {
            "listenAddress": listen,
            "managementListenAddress": management,
            "certificate": str(certificate),
            "privateKey": str(directory / "key.pem"),
            "httpPort": edge.port,
            "tlsPort": tls.port,
            "ocspResponderURL": "",
        }
    }
    (directory / "pebble.json").write_bytes(msgspec.json.encode(configuration))
    program = debian("pebble") / "usr" / "bin" / "pebble"
    argv = [str(program), "-config", str(directory / "pebble.json"), "-dnsserver", str(resolver)]
    environ = os.environ | {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    authority = Authority(f"https://{listen}/dir", certificate, f"https://{management}")
    with (directory / "pebble.log").open("wb") as log:
        process = subprocess.Popen(argv, env=environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        _await(authority)
        yield authority
    finally:
        process.kill()
        process.wait(10)


def _await(authority: Authority) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            authority.signing_root()
        except httpx.TransportError:
            assert time.monotonic() < deadline, "pebble does not answer"
            time.sleep(0.02)
        else:
            return


def _certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own root, beside its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pebble of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    place = directory / "root.pem"
    place.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return place
