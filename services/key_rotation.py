"""Exchanging the vault's keys, with an event for each exchange. Killed anywhere, the next run goes on from there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from adapters.rotation import Generation, Rewrapped, Rotation
from commands import workspace
from commands.command import Command
from commands.keyring import RotateDataKey, RotateMasterKey
from domain.history import Actor, Context
from domain.identifiers import CausationId, KeyringId, RequestId, TenantId, derived, uuid7
from domain.keyring import INSTALLATION, KeyOwner
from services.wiring import Core


@dataclass(frozen=True)
class KeyRotation:
    """Rotates keys; ``actor`` is who asked for it."""

    core: Core
    actor: Actor

    @property
    def keys(self) -> Rotation:
        """The vault's keys."""
        return Rotation(self.core.database, self.core.vault)

    async def rotate_master(self) -> Rewrapped:
        """Put a new master key first where we keep it, and wrap every key under the first one."""
        return await self.keys.rotate_master(self._tell_of_master)

    async def _tell_of_master(self, done: Rewrapped) -> None:
        keyring = KeyringId(INSTALLATION)
        command = RotateMasterKey(keyring_id=keyring, made=done.made, wrapped=done.wrapped, dropped=done.dropped)
        await self._record(command, INSTALLATION, CausationId(uuid7()))

    async def rotate(self, scope: str) -> tuple[Generation, int]:
        """Give a workspace or an account another data key, or go on where that was broken off.

        The generation, and how many values were sealed again.
        """
        begun = await self.keys.begin(scope)
        return begun, await self.complete(begun)

    async def complete(self, begun: Generation) -> int:
        """Seal again what is sealed under older generations; how many values that were."""
        owner = await self._owner(begun.scope)
        command = RotateDataKey(keyring_id=KeyringId(begun.scope), owner=owner, generation=begun.number)
        tenant = TenantId(begun.scope) if owner is KeyOwner.WORKSPACE else INSTALLATION
        cause = CausationId(derived(CausationId(begun.scope), f"generation {begun.number}"))
        await self._record(command, tenant, cause)
        sealed = await self.seal_again(begun.scope)
        await self.keys.settle(begun)
        return sealed

    async def seal_again(self, scope: str) -> int:
        """Seal every value of a scope under its newest key, those too that come in meanwhile."""
        return await _until_none(partial(self.keys.seal_again, scope))

    async def _owner(self, scope: str) -> KeyOwner:
        found = await self.core.handler.state(workspace.DECIDER, scope, TenantId(scope))
        return KeyOwner.WORKSPACE if found.created else KeyOwner.ACCOUNT

    async def _record(self, command: Command, tenant: TenantId, causation: CausationId) -> None:
        context = Context(
            tenant_id=tenant,
            actor=self.actor,
            correlation_id=RequestId(causation),
            causation_id=causation,
            at=self.core.clock.now(),
        )
        await self.core.handler.handle(command, context)


async def _until_none(work: Callable[[], Awaitable[int]]) -> int:
    total = 0
    while done := await work():
        total += done
    return total
