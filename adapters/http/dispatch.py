"""From a request to a command and back: the context, new ids, waiting until the answer can be read."""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from zlib import crc32

import msgspec
from litestar import Request, Response
from msgspec.structs import replace

from adapters.http.errors import Refusal
from adapters.http.exchange import Exchange, exchange_of, state_of
from adapters.http.idempotency import UnderWay, named, repeated
from adapters.http.identity import Connection, Principal, parts_of, principal_of
from adapters.http.paging import Asked, Listing, link, listing
from adapters.http.parts import Parts
from adapters.http.restricting import Narrowed
from commands import ports
from commands.checks import check, invalid, text
from commands.handling import Caused, Handler
from commands.ports import Append, EventLog
from domain.history import Context, Recorded
from domain.identifiers import CausationId, StreamName, TenantId, derived, uuid7
from domain.rejection import NotFound, StaleVersion
from projections import credentials
from projections.changes import Row
from projections.reading import Page, Reader

T = TypeVar("T")
R = TypeVar("R", bound=Row)
W = TypeVar("W")

WRITE_SECONDS = 2.0
"""How long a write waits until it can be read."""
READ_SECONDS = 1.0
"""How long a read waits for ``?min_position=``."""
LONGEST_REASON = 500
CALL = "call"
REPLAYED = "Idempotent-Replayed"
UNDER_WAY = "under_way"


class Answer(Response[T], Generic[T]):
    """An encoded answer; ``T`` is what it holds, for the documentation."""


@dataclass(frozen=True, slots=True)
class Call:
    """A caller's request in hand: what its handler needs, and how its answer is made."""

    parts: Parts
    principal: Principal
    context: Context
    exchange: Exchange
    under_way: UnderWay
    request: ports.Request | None
    """The request under its client's name, if it gave one."""
    done_before: bool
    """It is a repetition; nothing is done again."""
    walled: bool
    """The path names the workspace; nothing of another one is seen."""
    if_match: str | None
    if_none_match: str | None

    @property
    def reader(self) -> Reader:
        """The read models, as far as the caller may see them."""
        reader = self.parts.reader
        if self.walled:
            reader = self.parts.within(self.tenant)
        return Narrowed(reader, self.principal.project_ids) if self.principal.project_ids else reader

    @property
    def tenant(self) -> TenantId:
        """The workspace in which everything happens."""
        return self.context.tenant_id

    @property
    def handler(self) -> Handler:
        """Handles commands; where ``If-Match`` names a version, on this version alone."""
        if self.if_match is None or self.if_match.strip() == "*":
            return self.parts.handler
        return Handler(_AtVersion(self.parts.log, _version(self.if_match)))

    @property
    def replayed(self) -> bool:
        """Whether the answer is a repetition's."""
        return REPLAYED in self.exchange.headers

    def because(self, reason: str | None) -> Context:
        """The context with the caller's reason."""
        return replace(self.context, reason=_reason(reason))

    def new(self, what: str) -> str:
        """The id of a new thing: the same one each time a named request is repeated, else a fresh one."""
        return derived(self.context.causation_id, what) if self.request else uuid7()

    async def perform(self, work: Coroutine[Any, Any, Caused]) -> None:
        """Do ``work``, unless it was done before, and wait until what it caused can be read."""
        with closing(work):
            if self.done_before:
                replayed, position = True, await self.parts.log.head()
            else:
                with self.under_way.alone(self.request):
                    caused = await work
                replayed, position = caused.replayed and self.request is not None, caused.position
        if replayed:
            self.exchange.headers[REPLAYED] = "true"
        await await_readable(self.parts, self.exchange, position)

    def shown(self, version: int, body: object, *, status: int = 200) -> Answer[Any]:
        """``body`` with its entity tag: the stream's version, and a checksum because other streams may be shown too."""
        content = msgspec.json.encode(body)
        tag = f'"{version}-{crc32(content):08x}"'
        self.exchange.headers |= {"ETag": tag, "Cache-Control": "private, no-cache"}
        if status == 200 and self.if_none_match and tag in _tags(self.if_none_match):
            return Answer(None, status_code=304)
        return Answer(content, status_code=status, media_type="application/json")

    def listed(self, page: Page[R], asked: Asked, shown: Callable[[R], W]) -> Listing[W]:
        """A page of a list, with the link to the next one."""
        self.exchange.headers |= link(page, asked)
        return listing(page, asked, shown)


def existing(row: T | None, what: str) -> T:
    """The row, or ``NotFound``."""
    if row is None:
        raise NotFound(f"There is no such {what}.")
    return row


async def prepare(request: Request[Any, Any, Any]) -> None:
    """Before each handler behind a guard: wait for the position that the caller wants to see, and make its ``Call``."""
    parts, principal = parts_of(request), principal_of(request)
    await await_position(request)
    tenant = await _tenant(request, principal)
    wanted = await named(request, tenant, principal.account_id)
    changing = request.method in {"PATCH", "DELETE"}
    state_of(request.scope)[CALL] = Call(
        parts=parts,
        principal=principal,
        context=Context(
            tenant_id=tenant,
            actor=principal.actor(request),
            correlation_id=exchange_of(request.scope).request_id,
            causation_id=wanted.causation_id if wanted else CausationId(uuid7()),
            at=parts.clock.now(),
            reason=_reason(request.query_params.get("reason")) if request.method == "DELETE" else None,
        ),
        exchange=exchange_of(request.scope),
        under_way=request.app.state[UNDER_WAY],
        request=wanted,
        done_before=wanted is not None and await repeated(parts.log, wanted),
        walled="tenant_id" in request.path_params,
        if_match=request.headers.get("if-match") if changing else None,
        if_none_match=request.headers.get("if-none-match"),
    )


def call_of(request: Request[Any, Any, Any]) -> Call:
    """The request's ``Call``, as a dependency of handlers."""
    call: Call = state_of(request.scope)[CALL]
    return call


async def await_readable(parts: Parts, exchange: Exchange, position: int) -> None:
    """Wait until what was written can be read, and let the answer say so. Raises ``Refusal`` (503)."""
    exchange.position = position
    if not await parts.progress.passed(position, WRITE_SECONDS):
        raise Refusal(
            503,
            "not_yet_readable",
            f"It is done and kept, at position {position}, but cannot be shown yet. Read it in a moment; repeat the "
            "request only with the same Idempotency-Key.",
            retry_after=1,
        )


async def await_position(connection: Connection) -> None:
    """Wait for ``?min_position=``, or refuse: never a stale answer."""
    wanted = connection.query_params.get("min_position")
    if wanted is None:
        return
    if not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 19):
        raise invalid("min_position", "must be a position, as X-Shipbook-Position gives it")
    parts, position = parts_of(connection), int(wanted)
    if position > parts.progress.known and position > (head := await parts.log.head()):
        raise invalid("min_position", f"is not there yet: the log ends at {head}")
    if not await parts.progress.passed(position, READ_SECONDS):
        raise Refusal(503, "not_yet_readable", f"Position {wanted} cannot be read yet. Try again.", retry_after=1)


async def _tenant(request: Request[Any, Any, Any], principal: Principal) -> TenantId:
    """The path's workspace; else the token's, else the account's first one. One that has none stands for itself."""
    if known := request.path_params.get("tenant_id") or principal.tenant_id:
        return TenantId(known)
    workspaces = await credentials.memberships(parts_of(request).reader, principal.account_id)
    return workspaces[0].tenant_id if workspaces else TenantId(principal.account_id)


class _AtVersion:
    """The log, but whoever appends must have found the stream at one version (RFC 9110, section 13.1.1)."""

    def __init__(self, log: EventLog, version: int | None) -> None:
        self._log = log
        self._version = version

    async def read(self, stream: StreamName, after: int = 0) -> Sequence[Recorded]:
        return await self._log.read(stream, after)

    async def append(self, append: Append) -> Sequence[Recorded]:
        if append.version != self._version:
            raise StaleVersion("It has changed since you read it. Read it again, and send its ETag as If-Match.")
        return await self._log.append(append)

    async def request(self, causation_id: CausationId) -> ports.Request | None:
        return await self._log.request(causation_id)


def _version(if_match: str) -> int | None:
    """The stream's version in an entity tag of ours."""
    number = if_match.strip().removeprefix("W/").strip('"').partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None


def _tags(header: str) -> Sequence[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _reason(reason: str | None) -> str | None:
    check([("reason", text(reason, LONGEST_REASON))])
    return reason or None
