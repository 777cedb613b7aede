"""What an operator does to read models: grow them again from the log, and see how far each one is."""

from collections.abc import Iterable

from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.operations import Operations, Standing
from projections.catalogue import ALL
from services.growers import grow
from services.growing import Tell, silent


async def rebuild(
    database: Database,
    events: EventLog,
    names: Iterable[str],
    tell: Tell = silent,
    *,
    accept: bool = False,
    afresh: bool = False,
) -> None:
    """Grow the named read models again, beside the live ones, and put them in their place.

    Readers see the old rows until then. May be killed and repeated at any moment: it goes on from where it was, unless
    ``afresh``. Rows that differ from the live ones take their place only with ``accept``. Raises ``NotFound`` for an
    unknown name, ``Conflict`` where somebody else is at it or rows differ, and ``Stopped`` when it was cancelled.
    """
    names = list(names)
    Operations(database).require(names)
    await grow(database, events, [ALL[name] for name in names], accept=accept, afresh=afresh, tell=tell)


async def lag(database: Database) -> list[Standing]:
    """Every read model's standing."""
    return await Operations(database).standings()
