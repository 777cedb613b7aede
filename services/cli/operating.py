"""The operator's tools, run beside the plane's database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from adapters.database import Unavailable, UnsuitableDatabase
from adapters.growths import Difference, Growth, Phase
from adapters.master_keys import MasterKeyError
from adapters.operations import Operations, Standing
from adapters.settings import Settings
from domain.rejection import Conflict, NotFound, Rejection
from projections.catalogue import ALL
from projections.phrases import counted
from services import operator
from services.console import Console, duration
from services.exits import CommandFailed, Exit, Unreachable, WrongUsage
from services.growing import Stopped
from services.wiring import Core, core

T = TypeVar("T")


def rebuild(
    settings: Settings, models: Sequence[str], *, everything: bool, accept: bool, afresh: bool, as_json: bool
) -> int:
    """Grow read models again from the log, and tell how far it is."""
    console = Console(as_json=as_json)
    names = _named(models, everything=everything)

    async def work(parts: Core) -> None:
        def tell(growth: Growth) -> None:
            console.document(growth)
            console.note(told(growth))

        try:
            await operator.rebuild(parts.database, parts.log, names, tell, accept=accept, afresh=afresh)
        except Conflict:
            await _show_differences(console, parts, names)
            raise
        await _show_differences(console, parts, names)

    try:
        run(settings, work)
    except KeyboardInterrupt:
        console.note("Stopped. The live rows are as they were; the same command goes on from here.", "yellow")
        return Exit.INTERRUPTED
    except Stopped as stopped:
        raise CommandFailed(str(stopped)) from stopped
    console.say(f"Rebuilt: {', '.join(names)}.", "green")
    return Exit.OK


def cancel(settings: Settings, models: Sequence[str], *, everything: bool) -> int:
    """Stop rebuilds, whoever does them."""
    names = _named(models, everything=everything)

    async def work(parts: Core) -> list[str]:
        return await Operations(parts.database).cancel(names)

    stopped = run(settings, work)
    Console().say(f"Cancelled: {', '.join(stopped)}." if stopped else "There is no rebuild to cancel.")
    return Exit.OK


def lag(settings: Settings, *, as_json: bool) -> int:
    """Tell how far each read model is behind, and how its rebuild is; status 1 where one has stopped."""

    async def work(parts: Core) -> list[Standing]:
        return await operator.lag(parts.database)

    found = run(settings, work)
    console = Console(as_json=as_json)
    console.document(found)
    console.table(
        ("READ MODEL", "POSITION", "BEHIND", "REBUILD", "STOPPED"),
        [(one.model, str(one.position), str(one.behind), _rebuild(one), _stopped(one)) for one in found],
        empty="There is no read model.",
    )
    return Exit.FAILED if any(one.reason for one in found) else Exit.OK


def told(growth: Growth) -> str:
    """A line of progress."""
    if growth.phase is not Phase.LOADING:
        return f"{growth.phase} {growth.model}"
    left = "" if growth.seconds_left is None else f", {duration(growth.seconds_left)} left"
    return f"{growth.position} of {growth.head} facts, {growth.facts_per_second:.0f} a second{left}"


def _rebuild(one: Standing) -> str:
    growth = one.growth
    if growth is None:
        return ""
    if growth.phase is Phase.DIFFERENT:
        return f"{counted(growth.differing, 'row')} unlike the live ones"
    if growth.phase is Phase.LOADING:
        return told(growth) if one.under_way else f"interrupted at {growth.position}"
    return str(growth.phase)


def _stopped(one: Standing) -> str:
    which = "" if one.tag is None else f" ({one.tag}, {one.fact_id})"
    where = "" if one.stopped_at is None else f"at fact {one.stopped_at}{which}: "
    return where + (one.reason or "")


async def _show_differences(console: Console, parts: Core, names: Sequence[str]) -> None:
    for standing in await Operations(parts.database).standings():
        growth = standing.growth
        if standing.model in names and growth and growth.differing:
            console.document(growth)
            console.note(f"{growth.model}: {counted(growth.differing, 'row')} unlike the live ones. The first of them:")
            rows = [(one.table, ", ".join(one.row.values()), _differs_in(one)) for one in growth.differences]
            console.table(("TABLE", "ROW", "DIFFERS IN"), rows, empty="")


def _differs_in(one: Difference) -> str:
    return f"it is only among the {one.only} rows" if one.only else ", ".join(one.columns)


def _named(models: Sequence[str], *, everything: bool) -> list[str]:
    if bool(models) == everything:
        raise WrongUsage(f"Name read models, or say --all. There are: {', '.join(ALL)}.")
    return list(ALL) if everything else list(models)


def run(settings: Settings, work: Callable[[Core], Awaitable[T]]) -> T:
    """``work`` with the database of ``settings``."""

    async def opened() -> T:
        async with core(settings, connections=4) as parts:
            return await work(parts)

    try:
        return asyncio.run(opened())
    except Unavailable as away:
        raise Unreachable(f"{away} Is the plane of {settings.data_dir} up?") from away
    except NotFound as unknown:
        raise WrongUsage(unknown.message) from unknown
    except (Rejection, UnsuitableDatabase, MasterKeyError) as refused:
        raise CommandFailed(str(refused)) from refused
