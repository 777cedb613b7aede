"""Where closed logs end: the last cursor that a reader of lines can have."""

from collections.abc import Sequence
from datetime import datetime

from domain.history import Recorded
from domain.identifiers import LogId, TenantId
from domain.lines import LogClosed
from projections.changes import Change, Put, ReadModel, Row, Table
from projections.reading import Reader, Selection, Wanted, every


class LogRow(Row):
    """A closed log. ``sha256`` is over the lines' texts, each ended by a line feed."""

    log_id: LogId
    tenant_id: TenantId
    last_seq: int
    sha256: str
    closed_at: datetime


LOGS = Table("logs", LogRow, key=("log_id",))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of closed logs."""
    match recorded.fact:
        case LogClosed() as fact:
            return [Put(LOGS, _closed(fact, recorded))]
        case _:
            return []


def _closed(fact: LogClosed, recorded: Recorded) -> LogRow:
    return LogRow(
        log_id=fact.log_id,
        tenant_id=recorded.context.tenant_id,
        last_seq=fact.last_seq,
        sha256=fact.sha256,
        closed_at=recorded.context.at,
    )


MODEL = ReadModel("lines", [LOGS], project, LogClosed, watched=True)


async def closed(reader: Reader, tenant: TenantId, log_id: LogId) -> LogRow | None:
    """Where the log ends; None while it is open."""
    return await reader.one(LOGS, {"tenant_id": tenant, "log_id": log_id})


def ends(logs: Sequence[LogId]) -> Wanted:
    """Those of these logs, one page of them, that are closed, of whatever workspace; for those who watch them."""
    return Wanted(LOGS, Selection(equal={"log_id": tuple(logs)}, order_by="log_id"))


async def closed_among(reader: Reader, logs: Sequence[LogId]) -> dict[LogId, LogRow]:
    """Where those of these logs end that are closed, of whatever workspace."""
    if not logs:
        return {}
    rows = await every(reader, LOGS, ends(logs).selection)
    return {row.log_id: row for row in rows}
