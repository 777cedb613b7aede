"""What Caddy has of certificates: those in its storage, and its complaints about those that it could not get."""

import asyncio
import re
import ssl
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from adapters.edge.https import itself
from adapters.settings import Address

KNOCK_SECONDS = 30.0
"""How long a host's first visit may take, which waits for its certificate."""
_MOST_BYTES = 1 << 20
"""So much of the log is read at a time; what goes beyond that is passed over."""
_LONGEST_COMPLAINT = 500
_TOKEN = re.compile(r"(?<=acme-challenge/)[\w-]+")
"""What differs each time that the same thing fails."""


class Certificate(msgspec.Struct, frozen=True):
    """A certificate for one host: from when until when it is good, and the common name of who signed it."""

    not_before: datetime
    not_after: datetime
    issuer: str

    def is_good(self, at: datetime) -> bool:
        """Whether browsers take it at this moment."""
        return self.not_before <= at < self.not_after

    def wants_renewal(self, at: datetime) -> bool:
        """Whether a third of its life or less is left, when Caddy renews it at the next visit."""
        return self.not_after - at <= (self.not_after - self.not_before) / 3


class Storage:
    """Caddy's storage below ``root``: ``certificates/<issuer>/<host>/<host>.crt``."""

    def __init__(self, root: Path) -> None:
        self._root = root / "certificates"
        self._known: dict[Path, tuple[int, Certificate | None]] = {}

    def of(self, host: str) -> Certificate | None:
        """The host's certificate that is good for longest."""
        found = [self._read(issuer / host / f"{host}.crt") for issuer in self._issuers()]
        return max((one for one in found if one), key=lambda one: one.not_after, default=None)

    def hosts(self) -> set[str]:
        """All hosts that have one."""
        return {host.name for issuer in self._issuers() for host in issuer.iterdir() if host.is_dir()}

    def _issuers(self) -> list[Path]:
        try:
            return [issuer for issuer in self._root.iterdir() if issuer.is_dir()]
        except FileNotFoundError:
            return []

    def _read(self, file: Path) -> Certificate | None:
        try:
            changed = file.stat().st_mtime_ns
        except OSError:
            self._known.pop(file, None)
            return None
        if self._known.get(file, (None,))[0] != changed:
            self._known[file] = changed, _certificate(file)
        return self._known[file][1]


class _Line(msgspec.Struct):
    """A line of Caddy's log."""

    msg: str = ""
    identifier: str = ""
    error: str = ""


class Complaints:
    """What Caddy's log says of certificates that it could not get; what stands there already is passed over."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._file, self._offset = self._end()

    def heard(self) -> dict[str, str]:
        """The last complaint about each host since the last call."""
        file, end = self._end()
        start = self._offset if file == self._file and self._offset <= end else 0
        start = max(start, end - _MOST_BYTES)
        found: dict[str, str] = {}
        if start < end:
            with suppress(FileNotFoundError), self._log.open("rb") as log:
                log.seek(start)
                text = log.read(end - start)
                end = start + text.rfind(b"\n") + 1
                found = _complaints(text[: end - start].splitlines())
        self._file, self._offset = file, end
        return found

    def _end(self) -> tuple[int, int]:
        """Which file it is, and how long."""
        with suppress(FileNotFoundError):
            state = self._log.stat()
            return state.st_ino, state.st_size
        return 0, 0


async def knock(address: Address, host: str) -> Literal["open", "closed"]:
    """Visit ``host`` at the edge, so that Caddy gets it a certificate; whether that was there within KNOCK_SECONDS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate is looked at in the storage
    place = itself(address)
    try:
        async with asyncio.timeout(KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=context, server_hostname=host)
            writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return "closed"
    return "open"


def _certificate(file: Path) -> Certificate | None:
    try:
        leaf = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None
    names = leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    issuer = str(names[0].value)[:100] if names else "an unnamed authority"
    return Certificate(leaf.not_valid_before_utc, leaf.not_valid_after_utc, issuer)


def _complaints(lines: list[bytes]) -> dict[str, str]:
    found = {}
    for line in lines:
        with suppress(msgspec.DecodeError):
            said = msgspec.json.decode(line, type=_Line)
            if said.identifier and said.error:
                found[said.identifier] = _TOKEN.sub("…", said.error)[:_LONGEST_COMPLAINT]
    return found
