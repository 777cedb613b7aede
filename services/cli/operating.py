"""The operator's tools, run beside the plane's database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from adapters.database import Unavailable, UnsuitableDatabase
from adapters.settings import Settings
from adapters.vault import MasterKeyError
from domain.rejection import NotFound, Rejection
from projections.catalogue import ALL
from services import operator
from services.console import Console, duration
from services.exits import CommandFailed, Exit, Unreachable, WrongUsage
from services.wiring import Core, core

T = TypeVar("T")


def rebuild(settings: Settings, models: Sequence[str], *, everything: bool, as_json: bool) -> int:
    """Grow read models again from the log, and tell how far it is."""
    if bool(models) == everything:
        raise WrongUsage(f"Name read models, or say --all. There are: {', '.join(ALL)}.")
    console = Console(as_json=as_json)
    names = list(ALL) if everything else list(models)

    def tell(growth: operator.Growth) -> None:
        console.document(growth)
        console.note(
            f"{growth.position} of {growth.head} facts, {growth.facts_per_second:.0f} a second, "
            f"{duration(growth.seconds_left)} left"
        )

    async def work(parts: Core) -> None:
        await operator.rebuild(parts.database, parts.log, names, tell)

    _run(settings, work)
    console.say(f"Rebuilt: {', '.join(names)}.", "green")
    return Exit.OK


def lag(settings: Settings, *, as_json: bool) -> int:
    """Tell how far each read model is behind; status 1 where one has stopped."""

    async def work(parts: Core) -> list[operator.Lag]:
        return await operator.lag(parts.database, parts.log)

    found = _run(settings, work)
    console = Console(as_json=as_json)
    console.document(found)
    console.table(
        ("READ MODEL", "POSITION", "BEHIND", "STOPPED"),
        [(one.model, str(one.position), str(one.behind), _stopped(one)) for one in found],
        empty="There is no read model.",
    )
    return Exit.FAILED if any(one.reason for one in found) else Exit.OK


def _stopped(one: operator.Lag) -> str:
    where = "" if one.stopped_at is None else f"at fact {one.stopped_at}: "
    return where + (one.reason or "")


def _run(settings: Settings, work: Callable[[Core], Awaitable[T]]) -> T:
    """``work`` with the database of ``settings``."""

    async def opened() -> T:
        async with core(settings, connections=2) as parts:
            return await work(parts)

    try:
        return asyncio.run(opened())
    except Unavailable as away:
        raise Unreachable(f"{away} Is the plane of {settings.data_dir} up?") from away
    except NotFound as unknown:
        raise WrongUsage(unknown.message) from unknown
    except (Rejection, UnsuitableDatabase, MasterKeyError) as refused:
        raise CommandFailed(str(refused)) from refused
