"""How much of a thing a workspace may have: each takes one of so many places, in the transaction that makes it.

Nothing is counted first and made then: what takes a place that somebody else holds is not recorded, and tries another
one. So no number of processes makes more than there are places.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from msgspec.structs import replace

from commands import workspace
from commands.command import Command
from commands.deployment import QueueDeployment
from commands.handling import Caused, Handler
from commands.ports import EventLog, Places, Request, Sealed
from commands.project import CreateProject
from commands.routing import ROUTES
from commands.secret import SetSecret
from domain.fact import Value
from domain.history import Context
from domain.identifiers import TenantId
from domain.limits import Limits, Place
from domain.rejection import Conflict, NameTaken, QuotaExceeded

ATTEMPTS = 100
"""How often another place is tried; each time somebody else got one."""


class Counted(Value):
    """What is counted: by which limit, and in which places."""

    limit: str
    scope: str
    noun: str
    daily: bool = False

    def of(self, at: datetime) -> str:
        """The scope of the places, this day's where each day has its own."""
        return f"{self.scope} of {at.astimezone(UTC):%Y-%m-%d}" if self.daily else self.scope


DEPLOYMENTS = Counted(limit="deployments_per_day", scope="deployment", noun="deployments a day", daily=True)
PROJECTS = Counted(limit="projects", scope="project place", noun="projects")
SECRETS = Counted(limit="secrets", scope="secret place", noun="secrets")

COUNTED: dict[type[Command], Counted] = {QueueDeployment: DEPLOYMENTS, CreateProject: PROJECTS, SetSecret: SECRETS}


class LimitedHandler(Handler):
    """Handles every command, within the limits of its workspace."""

    def __init__(self, log: EventLog, places: Places, usual: Limits) -> None:
        """``usual`` are the limits of a workspace for which nothing else was said."""
        super().__init__(log)
        self._places = places
        self._usual = usual

    async def limits(self, tenant_id: TenantId) -> Limits:
        """The workspace's limits."""
        state = await self.state(workspace.DECIDER, tenant_id, tenant_id)
        return state.limits.over(self._usual)

    async def builds_at_once(self, tenant_id: TenantId) -> int:
        """How many deployments of the workspace may run side by side."""
        return (await self.limits(tenant_id)).builds_at_once or 0

    async def handle(
        self,
        command: Command,
        context: Context,
        *,
        sealed: Sequence[Sealed] = (),
        request: Request | None = None,
    ) -> Caused:
        """As ``Handler.handle``; raises ``QuotaExceeded`` where every place of what would be made is taken."""

        async def done(command: Command) -> Caused:
            return await super(LimitedHandler, self).handle(command, context, sealed=sealed, request=request)

        counted = COUNTED.get(type(command))
        if counted is None:
            return await done(command)
        limit: int | None = getattr(await self.limits(context.tenant_id), counted.limit)
        if limit is None:
            return await done(command)
        try:
            return await self._placed(command, counted, limit, context, done)
        except QuotaExceeded:
            decider, identity = ROUTES[type(command)]
            if caused := await self.replay(decider, identity(command), context, request):
                return caused
            raise

    async def _placed(
        self,
        command: Any,
        counted: Counted,
        limit: int,
        context: Context,
        done: Callable[[Command], Awaitable[Caused]],
    ) -> Caused:
        """Do it in any place that is free. The first is guessed; then those that are free are looked up."""
        scope = counted.of(context.at)
        held = f"{scope}/{context.tenant_id}"
        free: Sequence[int] = [random.randint(1, limit)] if limit else []  # noqa: S311 - which place is no secret
        for _ in range(ATTEMPTS):
            if not free:
                raise _exceeded(counted, limit, context.at)
            try:
                return await done(replace(command, place=Place(scope=scope, number=random.choice(free))))  # noqa: S311
            except NameTaken as taken:
                if taken.scope != held:
                    raise
            free = await self._places.free(held, limit)
        raise Conflict("Too many changes at once. Try again.", code="busy")


def _exceeded(counted: Counted, limit: int, at: datetime) -> QuotaExceeded:
    if not limit:
        return QuotaExceeded(f"This workspace may have no {counted.noun}. Ask the operator.", code="not_in_plan")
    if not counted.daily:
        return QuotaExceeded(f"This workspace may have {limit} {counted.noun}. Delete some, or ask the operator.")
    return QuotaExceeded(
        f"This workspace may have {limit} {counted.noun}, and has had them. The next is allowed at "
        f"{midnight(at):%Y-%m-%d %H:%M} UTC.",
        retry_after=seconds_left(at),
        limit=limit,
    )


def seconds_left(at: datetime) -> int:
    """Whole seconds until the day of UTC has ended."""
    return int((midnight(at) - at).total_seconds()) + 1


def midnight(at: datetime) -> datetime:
    """When the day of UTC ends."""
    return datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
