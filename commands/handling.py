"""Read, fold, already caused?, decide, append at the version read; once more if somebody was faster.

Most things are made under an id just drawn, so a stream of which nothing is known is first taken for a new one:
where it is not, the append is refused, and only then is the stream read.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from commands.command import Command
from commands.decider import AnyDecider, Decider
from commands.ports import Append, EventLog, Request, RequestReused, Sealed, VersionConflict
from commands.recollection import Known, Recollection
from commands.routing import route
from domain.fact import Fact, Value
from domain.history import Context, Recorded
from domain.identifiers import StreamName, TenantId, stream
from domain.rejection import Conflict, NotFound, Rejection, StaleVersion

S = TypeVar("S")

ATTEMPTS = 8
"""How often a command is decided again when others keep writing to its stream."""


class Caused(Value):
    """What a command caused. ``replayed``: it had caused it before, and nothing was added."""

    facts: tuple[Recorded, ...]
    position: int
    version: int
    replayed: bool = False


class Handler:
    """Handles every command over one log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._recollection = Recollection()

    async def handle(
        self,
        command: Command,
        context: Context,
        *,
        sealed: Sequence[Sealed] = (),
        request: Request | None = None,
    ) -> Caused:
        """Decide ``command`` and record its facts; a repeated causation id answers as the first time did.

        Raises a ``Rejection`` where a rule refuses, ``RequestReused`` where ``request`` differs from the first one.
        """
        decider, name = route(command)
        append = partial(Append, stream=name, context=context, sealed=tuple(sealed), request=request)
        if name not in self._recollection and (facts := _first(decider, command)):
            with suppress(VersionConflict, StaleVersion):  # then it is not the first
                return _caused(await self._log.append(append(version=0, facts=facts)))
        for _ in range(ATTEMPTS):
            known = await self._known(decider, name, context.tenant_id)
            if caused := await self._already(known, name, context, request):
                return caused
            facts = tuple(decider.decide(command, known.state))
            if not facts:
                return Caused(facts=(), position=known.position, version=known.version)
            try:
                return _caused(await self._log.append(append(version=known.version, facts=facts)))
            except VersionConflict:
                self._recollection.forget(name)
        raise Conflict("Too many changes at once. Try again.", code="busy")

    async def state(self, decider: Decider[Any, S, Any], identity: str, tenant_id: TenantId) -> S:
        """The state of one thing as the log has it, for a command that carries a part of it."""
        state: S = (await self._known(decider, stream(decider.category, identity), tenant_id)).state
        return state

    async def replay(
        self, decider: AnyDecider, identity: str, context: Context, request: Request | None = None
    ) -> Caused | None:
        """What this causation did to one thing before, if it did: for rules about other things, which may have changed.

        Raises ``RequestReused`` as ``handle`` does.
        """
        name = stream(decider.category, identity)
        return await self._already(await self._known(decider, name, context.tenant_id), name, context, request)

    async def _already(
        self, known: Known, name: StreamName, context: Context, request: Request | None
    ) -> Caused | None:
        if context.causation_id not in known.causes:
            return None
        first = await self._log.request(request.causation_id) if request else None
        if first and first != request:
            raise RequestReused
        history = await self._log.read(name)
        before = [recorded for recorded in history if recorded.context.causation_id == context.causation_id]
        return _caused(before, replayed=True)

    async def _known(self, decider: AnyDecider, name: StreamName, tenant_id: TenantId) -> Known:
        """The stream as it is: what was known of it, and what follows.

        The last fact that was known is read again. If it is not there, the log was restored from a backup.
        """
        known = self._recollection.of(name, decider)
        last = known.version, known.position
        found = await self._log.read(name, max(0, known.version - 1))
        if last[0] and (not found or (found[0].version, found[0].position) != last):
            self._recollection.forget(name)
            return await self._known(decider, name, tenant_id)
        known.hear(decider, found)
        if known.tenant_id not in {None, tenant_id} and not decider.crosses_tenants:
            raise NotFound(f"There is no such {decider.category}.")
        if known.version:
            self._recollection.keep(name, known)
        return known


def _first(decider: AnyDecider, command: Command) -> tuple[Fact, ...]:
    """What the command causes as the first of its stream; nothing where it needs something that is there."""
    with suppress(Rejection):
        return tuple(decider.decide(command, decider.initial))
    return ()


def _caused(recorded: Sequence[Recorded], *, replayed: bool = False) -> Caused:
    last = recorded[-1]
    return Caused(facts=tuple(recorded), position=last.position, version=last.version, replayed=replayed)
