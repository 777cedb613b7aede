"""The commands' ports in memory, as honest as the real ones: versions, reservations and requests are kept."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from commands.ports import Append, Request, RequestReused, Sealed, SecretValue, VersionConflict
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, RequestId, SecretId, StreamName, TenantId
from domain.rejection import NameTaken, NotFound
from domain.reservations import GiveBack, GiveBackAll, Take, reservations

Interruption = Callable[[], Awaitable[object]]


def caused_by(causation: str, tenant: str = "acme") -> Context:
    """The circumstances of a request of a tenant."""
    return Context(
        tenant_id=TenantId(tenant),
        actor=Actor(name=f"insider@{tenant}.example"),
        correlation_id=RequestId(causation),
        causation_id=CausationId(causation),
        at=datetime(2030, 1, 1, tzinfo=UTC),
    )


class MemoryLog:
    """An event log. Each of the ``interruptions`` happens just before one append is looked at."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.holders: dict[tuple[str, str], StreamName] = {}
        self.requests: dict[CausationId, Request] = {}
        self.sealed: list[Sealed] = []
        self.interruptions: list[Interruption] = []

    async def read(self, stream: StreamName, after: int = 0) -> Sequence[Recorded]:
        """The facts of a stream behind version ``after``, in order."""
        return [recorded for recorded in self.recorded if recorded.stream == stream and recorded.version > after]

    async def append(self, append: Append) -> Sequence[Recorded]:
        """Record the facts with all that belongs to them, or nothing."""
        if self.interruptions:
            await self._interrupted()
        self._require_new(append.request)
        if sum(recorded.stream == append.stream for recorded in self.recorded) != append.version:
            raise VersionConflict
        self.holders = self._reserved(append)
        added = [
            Recorded(
                position=len(self.recorded) + place,
                stream=append.stream,
                version=append.version + place,
                fact=fact,
                context=append.context,
            )
            for place, fact in enumerate(append.facts, start=1)
        ]
        self.recorded += added
        self.sealed += append.sealed
        if append.request:
            self.requests[append.request.causation_id] = append.request
        return added

    async def request(self, causation_id: CausationId) -> Request | None:
        """The request that was recorded under this causation id, if any."""
        return self.requests.get(causation_id)

    async def _interrupted(self) -> None:
        now, *later = self.interruptions
        self.interruptions = []
        await now()
        self.interruptions = later

    def _require_new(self, request: Request | None) -> None:
        if request and self.requests.get(request.causation_id, request) != request:
            raise RequestReused

    def _reserved(self, append: Append) -> dict[tuple[str, str], StreamName]:
        holders = dict(self.holders)
        for fact in append.facts:
            for reservation in reservations(fact, append.context.tenant_id):
                match reservation:
                    case Take(scope=scope, name=name):
                        if holders.setdefault((scope, name), append.stream) != append.stream:
                            raise NameTaken(scope, name)
                    case GiveBack(scope=scope, name=name):
                        if holders.get((scope, name)) == append.stream:
                            del holders[scope, name]
                    case GiveBackAll():
                        holders = {name: holder for name, holder in holders.items() if holder != append.stream}
        return holders


class MemoryNumbers:
    """Counters."""

    def __init__(self) -> None:
        self.last: dict[tuple[TenantId, str], int] = {}

    async def following(self, tenant_id: TenantId, series: str) -> int:
        """The next number of the tenant's series, from 1."""
        self.last[tenant_id, series] = self.last.get((tenant_id, series), 0) + 1
        return self.last[tenant_id, series]


class MemoryVault:
    """A vault whose seal is transparent to whoever looks for it in a test."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def seal(self, scope: str, secret_id: str, version: int, value: SecretValue) -> Sealed:
        """The value, under its scope, name and version."""
        return Sealed(
            scope=scope, secret_id=secret_id, version=version, nonce=b"", ciphertext=value.reveal.encode()[::-1]
        )

    async def open(self, scope: str, secret_id: SecretId | str, version: int) -> SecretValue:
        """The value that was appended under this scope, name and version."""
        for sealed in self._log.sealed:
            if (sealed.scope, sealed.secret_id, sealed.version) == (scope, secret_id, version):
                return SecretValue(sealed.ciphertext[::-1].decode())
        raise NotFound("There is no such value.")

    async def forget(self, scope: str, position: int) -> None:  # noqa: ARG002 - the port's own parameter
        """Keep nothing of the scope."""
        self._log.sealed = [sealed for sealed in self._log.sealed if sealed.scope != scope]

    async def openable(self, scope: str, versions: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of the versions that were appended."""
        kept = {(sealed.secret_id, sealed.version) for sealed in self._log.sealed if sealed.scope == scope}
        return kept & {*versions}

    async def fingerprint(self, scope: str, value: SecretValue) -> str:
        """A digest keyed by the scope."""
        return sha256(f"{scope}/{value.reveal}".encode()).hexdigest()[:8]
