"""What the commands need of the world, as small as can be."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from domain.custom_domain import Seen
from domain.fact import Fact, Value
from domain.history import Context, Recorded
from domain.identifiers import CausationId, SecretId, StreamName, TenantId


class SecretValue(msgspec.Struct, frozen=True):
    """A value that never shows itself: its ``repr`` and ``str`` are ``[redacted]``."""

    reveal: str

    def __repr__(self) -> str:
        return "[redacted]"

    __str__ = __repr__


class Sealed(Value):
    """A secret value, sealed for its scope, name and version; only the vault can open it.

    ``scope`` is the tenant's id, or the account's for a password verifier. ``generation`` is that of the scope's key.
    """

    scope: str
    secret_id: str
    version: int
    nonce: bytes
    ciphertext: bytes
    generation: int = 1


class Request(Value):
    """A client's own name for its request (``Idempotency-Key``), as the digest of what it asked."""

    causation_id: CausationId
    fingerprint: str


class Append(Value):
    """The facts that one command causes on one stream, and what goes into the same transaction.

    ``version`` is the stream's length as the decision saw it.
    """

    stream: StreamName
    version: int
    facts: tuple[Fact, ...]
    context: Context
    sealed: tuple[Sealed, ...] = ()
    request: Request | None = None


class VersionConflict(Exception):
    """Somebody else appended to the stream first. Read again and decide again."""


class RequestReused(Exception):
    """The same idempotency key came with another request."""


class EventLog(Protocol):
    """The append-only log."""

    async def read(self, stream: StreamName, after: int = 0) -> Sequence[Recorded]:
        """The facts of a stream behind version ``after``, in order."""
        ...

    async def append(self, append: Append) -> Sequence[Recorded]:
        """Record the facts, or raise ``VersionConflict``, ``NameTaken`` or ``RequestReused``; never a part of them."""
        ...

    async def request(self, causation_id: CausationId) -> Request | None:
        """The request that was recorded under this causation id, if any."""
        ...


class Numbers(Protocol):
    """Counters that never give a number twice; a number may be left out."""

    async def following(self, tenant_id: TenantId, series: str) -> int:
        """The next number of the tenant's series, from 1."""
        ...


class Places(Protocol):
    """The places that things hold, of which there are only so many (``domain.limits.Place``)."""

    async def free(self, scope: str, limit: int) -> Sequence[int]:
        """Some of the places from 1 to ``limit`` that nothing holds, if there are any."""
        ...


class Vault(Protocol):
    """Where secret values are sealed and opened."""

    async def seal(self, scope: str, secret_id: str, version: int, value: SecretValue) -> Sealed:
        """The value, sealed under the scope's key; the caller appends it with the fact that names it."""
        ...

    async def open(self, scope: str, secret_id: SecretId | str, version: int) -> SecretValue:
        """The value of this very version; ``NotFound`` where it was forgotten or never sealed."""
        ...

    async def forget(self, scope: str, position: int) -> None:
        """Destroy the scope's keys and all its values, because of the fact at ``position``; again does nothing."""
        ...

    async def openable(self, scope: str, versions: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of the versions, each with its secret's id, whose values were not forgotten; none is opened."""
        ...

    async def fingerprint(self, scope: str, value: SecretValue) -> str:
        """A short digest, keyed by the scope, by which two versions can be told apart but not guessed."""
        ...


class Dns(Protocol):
    """The domain name system, as its authoritative servers answer."""

    async def look(self, hostname: str) -> Seen:
        """What stands there for a custom domain; whatever goes wrong is told in ``failure``. It takes some seconds."""
        ...


class Clock(Protocol):
    """The time, in UTC."""

    def now(self) -> datetime:
        """This moment."""
        ...
