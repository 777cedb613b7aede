"""Who callers are: rows of the read model ``credentials``, kept in memory until the log tells of their account.

Before a row is used, the log is asked for the accounts and workspaces with facts that the read models have passed since
it was asked last; their rows are forgotten. So whatever can be read in this process holds at once (a token whose
revocation was answered is refused), and in others as soon as the projector's notification is there.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, Protocol, TypeVar, cast

import msgspec

from adapters.database import Database
from domain.identifiers import StreamName, stream
from projections.changes import Row, Table
from projections.credentials import AccountRow, MembershipRow, SessionRow, TokenRow, WorkspaceRow
from projections.reading import Page, Paging, Reader, Selection, Wanted

R = TypeVar("R", bound=Row)

MOST_ROWS = 20_000
MOST_FACTS = 5_000
"""Where more were passed at once, or there are more rows, all rows are forgotten."""
LONGEST_SECONDS = 600.0
"""After this all rows are forgotten, whatever is known of the log. Each caller's next request waits for them again."""

CHANGED: LiteralString = (
    "SELECT json_agg(stream) FROM log.events WHERE position > %s AND position <= %s"
    " AND split_part(stream, '-', 1) IN ('account', 'workspace')"
)
"""By positions alone: ``starts_with`` and ``DISTINCT`` invite the index of streams, which is read from end to end."""

_streams = msgspec.json.Decoder(list[StreamName])


class Progress(Protocol):
    """How far the read models stand."""

    @property
    def known(self) -> int:
        """The position that all of them have passed, as far as it was heard here."""
        ...


class Callers(Reader):
    """A reader of credentials whose ``one`` remembers; what it did not find it looks up each time."""

    def __init__(self, reader: Reader, database: Database, progress: Progress) -> None:
        self._reader = reader
        self._database = database
        self._progress = progress
        self._asking = asyncio.Lock()
        self._asked = 0
        """The position up to which the log was asked."""
        self._since = 0.0
        self._rows: dict[object, Row] = {}
        self._keys: defaultdict[StreamName, set[object]] = defaultdict(set)

    async def one(self, table: Table[R], equal: Mapping[str, object]) -> R | None:
        """The row with these column values, or None. Raises ``Unavailable``."""
        if self._progress.known != self._asked or time.monotonic() - self._since > LONGEST_SECONDS:
            await self._forget_changed()
        key = (table, *equal.items())
        if known := self._rows.get(key):
            return cast("R", known)
        asked = self._asked
        row = await self._reader.one(table, equal)
        if row is not None and asked == self._asked:  # else it may be older than what was forgotten meanwhile
            self._keep(key, row)
        return row

    async def select(self, table: Table[R], selection: Selection, paging: Paging) -> Page[R]:
        """A page of rows, looked up."""
        return await self._reader.select(table, selection, paging)

    async def pages(self, *wanted: Wanted) -> list[Page[Any]]:
        """Several pages, looked up."""
        return await self._reader.pages(*wanted)

    async def count(self, table: Table[R], selection: Selection) -> int:
        """How many rows the selection has in all, looked up."""
        return await self._reader.count(table, selection)

    async def _forget_changed(self) -> None:
        async with self._asking:
            passed, asked, now = self._progress.known, self._asked, time.monotonic()
            if now - self._since > LONGEST_SECONDS or not asked <= passed <= asked + MOST_FACTS:
                self._forget_all()
            else:
                self._forget(await self._changed(asked, passed))
            self._asked = passed

    async def _changed(self, after: int, until: int) -> Sequence[StreamName]:
        [streams] = await self._database.answer(CHANGED, [after, until])
        return _streams.decode(streams) if streams else []

    def _keep(self, key: object, row: Row) -> None:
        if len(self._rows) >= MOST_ROWS:
            self._forget_all()
        self._rows[key] = row
        for name in _speaks_of(row):
            self._keys[name].add(key)

    def _forget(self, changed: Sequence[StreamName]) -> None:
        for name in changed:
            for key in self._keys.pop(name, ()):
                self._rows.pop(key, None)

    def _forget_all(self) -> None:
        self._rows.clear()
        self._keys.clear()
        self._since = time.monotonic()


def _speaks_of(row: Row) -> Sequence[StreamName]:
    """The streams whose facts change the row."""
    match row:
        case AccountRow():
            return [stream("account", row.id)]
        case MembershipRow():
            return [stream("account", row.account_id), stream("workspace", row.tenant_id)]
        case WorkspaceRow():
            return [stream("workspace", row.id)]
        case SessionRow() | TokenRow():
            return [stream("account", row.account_id)]
        case _:
            raise TypeError(f"nobody is known by a {type(row).__name__}")
