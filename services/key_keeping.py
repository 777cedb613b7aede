"""What becomes of sealed values by itself: shredded and removed ones go, and rotations broken off are completed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import structlog

from adapters.master_keys import MasterKeyError
from adapters.readmodels import checkpoints, live
from commands.secret import DeleteValues
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, RequestId, derived
from domain.keyring import KeysShredded
from domain.rejection import Rejection
from domain.secret import SecretValuesDeleted
from projections import releases, secret_uses, secrets
from projections.reading import LARGEST_PAGE, Paging
from projections.secrets import RemovedSecretRow
from services.key_rotation import KeyRotation
from services.offices import rounds
from services.tailing import tail
from services.wiring import Core

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 600.0
UNUSED_FOR = timedelta(days=7)
"""So long the values of a removed secret are kept for builds that had begun before it was; no build takes so long."""

ACTOR = Actor(name="key keeping")


@dataclass(frozen=True)
class KeyKeeping:
    """Any number of processes may run one; one of them works."""

    core: Core

    async def run(self) -> None:
        """Keep the vault tidy, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._keep())

    async def _follow(self) -> NoReturn:
        await tail(self.core.database, self.core.log, "vault", self.destroy)

    async def _keep(self) -> NoReturn:
        await rounds(self.core.database, "key keeping", PERIOD_SECONDS, self._look)

    async def _look(self) -> None:
        try:
            await self.look()
        except MasterKeyError as problem:
            log.warning("keys cannot be kept in order", why=str(problem))

    async def destroy(self, page: Sequence[Recorded]) -> None:
        """Take out of the vault what the log says is destroyed. A fact may come again: later values stay."""
        for recorded in page:
            tenant = recorded.context.tenant_id
            match recorded.fact:
                case KeysShredded():
                    await self.core.vault.forget(tenant, recorded.position)
                case SecretValuesDeleted() as fact:
                    await self.core.vault.delete(tenant, fact.secret_id, fact.versions)
                case _:
                    pass

    async def look(self) -> None:
        """End what was broken off, drop old keys, and let go the values of removed secrets."""
        head = await self.core.log.head()
        rotation = KeyRotation(self.core, ACTOR)
        for begun in await rotation.keys.unsettled():
            await rotation.complete(begun)
        for scope in await rotation.keys.left_behind():
            await rotation.seal_again(scope)
        if dropped := await rotation.keys.tidy():
            log.info("old keys were dropped", keys=dropped)
        if await self.knows(head):
            await self._let_go()

    async def knows(self, position: int) -> bool:
        """Whether the read models know every use and every release up to there: what is deleted does not come back."""
        async with self.core.database.connection() as connection:
            standings = await checkpoints(connection)
        found = [standings.get(live(model.name)) for model in (secret_uses.MODEL, releases.MODEL)]
        return all(one and one.stopped_at is None and one.position >= position for one in found)

    async def _let_go(self) -> None:
        moment, paging = self.core.clock.now() - UNUSED_FOR, Paging(size=LARGEST_PAGE)
        while True:
            page = await secrets.removed_before(self.core.reader, moment, paging)
            for row in page.rows:
                await self._delete_values(row)
            if page.following is None:
                return
            paging = Paging(after=page.following, size=LARGEST_PAGE)

    async def _delete_values(self, row: RemovedSecretRow) -> None:
        pinned = await secret_uses.pinned(self.core.reader, row.tenant_id, row.id)
        causation = CausationId(derived(CausationId(row.id), f"unused but {sorted(pinned)}"))
        context = Context(
            tenant_id=row.tenant_id,
            actor=ACTOR,
            correlation_id=RequestId(causation),
            causation_id=causation,
            at=self.core.clock.now(),
        )
        try:
            await self.core.handler.handle(DeleteValues(secret_id=row.id, pinned=pinned), context)
        except Rejection as refused:
            log.warning("a removed secret's values are kept", secret=row.id, why=refused.message)
