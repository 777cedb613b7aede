"""Retention: the lines of logs are kept for some days, and are then forgotten, whole days at a time."""

from datetime import timedelta

import structlog

from adapters.database import Database
from adapters.linestore import LineStore
from domain.identifiers import LogId
from projections import lines
from projections.reading import Reader
from services.offices import rounds

PERIOD_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class Retention:
    """Forgets old lines, once an hour. Any number of processes may run one; one of them works.

    A line is kept for at least ``days`` days after it was stored, and for less than one more; 0 keeps it for ever. Both
    ends are told by the database's clock: ours may be wrong, and what is forgotten does not come back.
    Once no line of a closed log is left, the store forgets the log as well: where it ended stays in the event log.
    """

    def __init__(self, database: Database, reader: Reader, days: int) -> None:
        self._database = database
        self._reader = reader
        self._days = days

    async def run(self) -> None:
        """Forget until cancelled; a server that is away is waited for. Ends at once where nothing is forgotten."""
        if self._days:
            await rounds(self._database, "log retention", PERIOD_SECONDS, self.forget)

    async def forget(self) -> None:
        """Forget what is older than it need be."""
        store = LineStore(self._database)
        if dropped := await store.drop_before(await store.today() - timedelta(days=self._days)):
            log.info("old lines were forgotten", days=[day.isoformat() for day in dropped])
        last = LogId("")
        while emptied := await store.emptied(last):
            await store.forget(list(await lines.closed_among(self._reader, emptied)))
            last = emptied[-1]
