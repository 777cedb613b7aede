"""Read, fold, already caused?, decide, append at the version read; once more if somebody was faster."""

from collections.abc import Sequence
from typing import Any, TypeVar

from commands.command import Command
from commands.decider import AnyDecider, Decider
from commands.ports import Append, EventLog, Request, RequestReused, Sealed, VersionConflict
from commands.routing import route
from domain.fact import Value
from domain.history import Context, Recorded
from domain.identifiers import StreamName, TenantId, stream
from domain.rejection import Conflict, NotFound

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
        for _ in range(ATTEMPTS):
            history = await self._read(decider, name, context.tenant_id)
            if caused := await self._already(history, context, request):
                return caused
            facts = decider.decide(command, _fold(decider, history))
            if not facts:
                return Caused(facts=(), position=_position(history), version=len(history))
            try:
                return _caused(
                    await self._log.append(
                        Append(
                            stream=name,
                            version=len(history),
                            facts=tuple(facts),
                            context=context,
                            sealed=tuple(sealed),
                            request=request,
                        )
                    )
                )
            except VersionConflict:
                continue
        raise Conflict("Too many changes at once. Try again.", code="busy")

    async def state(self, decider: Decider[Any, S, Any], identity: str, tenant_id: TenantId) -> S:
        """The state of one thing as the log has it, for a command that carries a part of it."""
        state: S = _fold(decider, await self._read(decider, stream(decider.category, identity), tenant_id))
        return state

    async def replay(
        self, decider: AnyDecider, identity: str, context: Context, request: Request | None = None
    ) -> Caused | None:
        """What this causation did to one thing before, if it did: for rules about other things, which may have changed.

        Raises ``RequestReused`` as ``handle`` does.
        """
        history = await self._read(decider, stream(decider.category, identity), context.tenant_id)
        return await self._already(history, context, request)

    async def _already(self, history: Sequence[Recorded], context: Context, request: Request | None) -> Caused | None:
        before = [recorded for recorded in history if recorded.context.causation_id == context.causation_id]
        if not before:
            return None
        first = await self._log.request(request.causation_id) if request else None
        if first and first != request:
            raise RequestReused
        return _caused(before, replayed=True)

    async def _read(self, decider: AnyDecider, name: StreamName, tenant_id: TenantId) -> Sequence[Recorded]:
        history = await self._log.read(name)
        if history and not decider.crosses_tenants and history[0].context.tenant_id != tenant_id:
            raise NotFound(f"There is no such {decider.category}.")
        return history


def _fold(decider: AnyDecider, history: Sequence[Recorded]) -> Any:
    return decider.fold(recorded.fact for recorded in history)


def _caused(recorded: Sequence[Recorded], *, replayed: bool = False) -> Caused:
    last = recorded[-1]
    return Caused(facts=tuple(recorded), position=last.position, version=last.version, replayed=replayed)


def _position(history: Sequence[Recorded]) -> int:
    return history[-1].position if history else 0
