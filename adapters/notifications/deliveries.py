"""The state of deliveries: what is to be sent to which channel, what was tried, what became of it.

These rows can be lost without losing anything that is true (schema ``notifications``, and the ADR on deliveries).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString

import msgspec

from adapters.database import Database
from adapters.reading import PostgresReader
from domain.fact import Value, tag_of
from domain.history import Recorded
from domain.identifiers import CausationId, ChannelId, DeliveryId, StreamName, TenantId, derived
from projections.changes import Row, Table
from projections.reading import Page, Paging, Selection

MOST_ATTEMPTS = 20
"""So many of a delivery's attempts are kept, the last ones."""


class DeliveryStatus(StrEnum):
    """What becomes of a delivery: it is to be sent, got through, was given up, or its channel did not want it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


class Attempt(Value):
    """One try. ``code`` is the status of HTTP or the reply of SMTP, ``answer`` the beginning of what was said."""

    at: datetime
    duration_ms: int
    delivered: bool
    code: int | None
    answer: str

    @property
    def line(self) -> str:
        """Code and answer in a line."""
        return in_a_line(self.code, self.answer)


def in_a_line(code: int | None, answer: str) -> str:
    """What a receiver answered, such as ``503 Try again later``."""
    return " ".join(part for part in (str(code or ""), *answer.split()) if part) or "no answer"


class DeliveryRow(Row):
    """A delivery of one event to one channel. ``attempts`` count since it was last asked for, at position ``asked``."""

    id: DeliveryId
    tenant_id: TenantId
    channel_id: ChannelId
    position: int
    type: str
    subject: StreamName
    status: DeliveryStatus
    asked: int
    attempts: int
    tried: tuple[Attempt, ...]
    created_at: datetime
    begun_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


DELIVERIES = Table("deliveries", DeliveryRow, key=("id",))


class Replay(Value):
    """What stands behind ``position``, up to and including ``until``, is still to be told to a channel."""

    asked: int
    tenant_id: TenantId
    channel_id: ChannelId
    position: int
    until: int


_CHANNELS: LiteralString = (
    "WITH RECURSIVE waiting AS ((SELECT channel_id FROM notifications.deliveries WHERE status = 'pending'"
    " ORDER BY channel_id LIMIT 1) UNION ALL SELECT (SELECT next.channel_id FROM notifications.deliveries AS next"
    " WHERE next.status = 'pending' AND next.channel_id > waiting.channel_id ORDER BY next.channel_id LIMIT 1)"
    " FROM waiting WHERE waiting.channel_id IS NOT NULL) "
)
"""The channels for which something waits: one look into the index for each of them, however much waits."""

_DUE: LiteralString = (
    _CHANNELS  # noqa: S608 - made of our own names
    + "SELECT json_agg(json_build_array("
    + ", ".join(f"due.{name}" for name in DeliveryRow.__struct_fields__)
    + ")) FROM waiting CROSS JOIN LATERAL (SELECT * FROM notifications.deliveries AS one"
    " WHERE one.channel_id = waiting.channel_id AND one.status = 'pending' AND one.due_at <= now()"
    " AND one.id <> ALL(%s::text[]) ORDER BY one.due_at LIMIT %s) AS due"
)

_WAITING: LiteralString = (
    _CHANNELS + "SELECT channel_id, (SELECT count(*) FROM (SELECT FROM notifications.deliveries AS one"  # noqa: S608 - made of our own
    " WHERE one.channel_id = waiting.channel_id AND one.status = 'pending' LIMIT %s) AS found)"
    " FROM waiting WHERE channel_id IS NOT NULL"
)

_RECORD: LiteralString = (
    "WITH told AS (UPDATE notifications.deliveries SET attempts = attempts + 1,"
    " tried = (CASE WHEN jsonb_array_length(tried) >= %(most)s THEN tried - 0 ELSE tried END) || %(attempt)s::jsonb,"
    " status = CASE WHEN asked = %(asked)s THEN %(status)s ELSE status END,"
    " due_at = CASE WHEN asked <> %(asked)s THEN due_at WHEN %(status)s = 'pending'"
    " THEN now() + make_interval(secs => %(wait)s) END,"
    " ended_at = CASE WHEN asked = %(asked)s AND %(status)s <> 'pending' THEN now() END WHERE id = %(id)s),"
    " recovered AS (DELETE FROM notifications.failing WHERE channel_id = %(channel)s AND %(delivered)s),"
    " failing AS (INSERT INTO notifications.failing SELECT %(channel)s, now() WHERE NOT %(delivered)s"
    " ON CONFLICT (channel_id) DO UPDATE SET since = failing.since RETURNING since)"
    " SELECT since FROM failing"
)


def delivery_of(fact_id: str, channel: ChannelId) -> DeliveryId:
    """The id of the one delivery of an event to a channel."""
    return DeliveryId(derived(CausationId(fact_id), channel))


class Deliveries(PostgresReader):
    """The rows. Every method raises ``Unavailable`` while the database is away."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, {})
        self._schemas = {DELIVERIES: "notifications"}

    async def find(self, tenant: TenantId, channel: ChannelId, delivery: DeliveryId) -> DeliveryRow | None:
        """One delivery."""
        return await self.one(DELIVERIES, {"tenant_id": tenant, "channel_id": channel, "id": delivery})

    async def listing(
        self, tenant: TenantId, channel: ChannelId, paging: Paging, *, status: DeliveryStatus | None = None
    ) -> Page[DeliveryRow]:
        """A channel's deliveries, those of the newest events first."""
        equal: dict[str, object] = {"tenant_id": tenant, "channel_id": channel}
        if status:
            equal["status"] = status
        return await self.select(DELIVERIES, Selection(equal=equal, order_by="position", descending=True), paging)

    async def enqueue(self, events: Sequence[tuple[Recorded, ChannelId, TenantId]], asked: int = 0) -> None:
        """Make deliveries, each once; those that are there begin anew where they were not yet ``asked`` for so late."""
        await self._run(
            "INSERT INTO notifications.deliveries SELECT id, tenant, channel, place, type, subject, 'pending', %s, 0,"
            " '[]', now(), now(), now(), NULL"
            " FROM unnest(%s::text[], %s::text[], %s::text[], %s::int8[], %s::text[], %s::text[])"
            " AS made (id, tenant, channel, place, type, subject) ON CONFLICT (id) DO UPDATE SET status = 'pending',"
            " asked = excluded.asked, attempts = 0, begun_at = now(), due_at = now(), ended_at = NULL"
            " WHERE deliveries.asked < excluded.asked",
            [
                asked,
                [delivery_of(event.id, channel) for event, channel, _ in events],
                [tenant for _, _, tenant in events],
                [channel for _, channel, _ in events],
                [event.position for event, _, _ in events],
                [tag_of(event.fact) for event, _, _ in events],
                [event.stream for event, _, _ in events],
            ],
        )

    async def again(self, delivery: DeliveryId, channel: ChannelId, asked: int) -> None:
        """Begin a delivery anew, unless that was asked for as late before."""
        await self._run(
            "UPDATE notifications.deliveries SET status = 'pending', asked = %s, attempts = 0, begun_at = now(),"
            " due_at = now(), ended_at = NULL WHERE id = %s AND channel_id = %s AND asked < %s",
            [asked, delivery, channel, asked],
        )

    async def due(self, each: int, under_way: Collection[DeliveryId]) -> list[DeliveryRow]:
        """What is to be sent by now: the longest due ``each`` of every channel, but for those ``under_way``."""
        [rows] = await self._database.answer(_DUE, [list(under_way), each])
        return msgspec.json.decode(rows, type=list[DeliveryRow]) if rows else []

    async def record(
        self, delivery: DeliveryRow, attempt: Attempt, status: DeliveryStatus, wait: float
    ) -> datetime | None:
        """Keep an attempt, and when to try again, in seconds from now; since when the channel fails, None if it works.

        Where the delivery was asked for again meanwhile, it stays pending.
        """
        rows = await self._returned(
            _RECORD,
            {
                "id": delivery.id,
                "asked": delivery.asked,
                "status": status,
                "wait": wait,
                "attempt": msgspec.json.encode([attempt]).decode(),
                "most": MOST_ATTEMPTS,
                "channel": delivery.channel_id,
                "delivered": attempt.delivered,
            },
        )
        since: datetime | None = rows[0][0] if rows else None
        return since

    async def postpone(self, channel: ChannelId, seconds: float) -> None:
        """Look at a channel's deliveries again after so many seconds."""
        await self._run(
            "UPDATE notifications.deliveries SET due_at = now() + make_interval(secs => %s)"
            " WHERE channel_id = %s AND status = 'pending' AND due_at < now()",
            [seconds, channel],
        )

    async def cancel(self, channel: ChannelId, before: int) -> None:
        """Send nothing of what waited for a channel when it was stopped, at position ``before``."""
        await self._run(
            "UPDATE notifications.deliveries SET status = 'cancelled', due_at = NULL, ended_at = now()"
            " WHERE channel_id = %s AND status = 'pending' AND greatest(position, asked) < %s",
            [channel, before],
        )
        await self._run("DELETE FROM notifications.replays WHERE channel_id = %s AND asked < %s", [channel, before])
        await self.recovered(channel)

    async def recovered(self, channel: ChannelId) -> None:
        """The channel gets another chance: it fails no more."""
        await self._run("DELETE FROM notifications.failing WHERE channel_id = %s", [channel])

    async def waiting(self, most: int) -> dict[ChannelId, int]:
        """How many deliveries wait, by channel, counted up to ``most``."""
        return {ChannelId(channel): count for channel, count in await self._database.fetch(_WAITING, [most])}

    async def crowded(self, most: int) -> list[DeliveryRow]:
        """One delivery of each channel for which more than ``most`` wait."""
        waiting = await self.waiting(most + 1)
        rows = [
            await self.select(DELIVERIES, Selection(equal={"channel_id": channel}, order_by="position"), Paging(size=1))
            for channel, count in waiting.items()
            if count > most
        ]
        return [row for page in rows for row in page.rows]

    async def begin_replay(self, replay: Replay) -> None:
        """Note what is to be told again."""
        await self._run(
            "INSERT INTO notifications.replays VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [replay.asked, replay.tenant_id, replay.channel_id, replay.position, replay.until],
        )

    async def replays(self) -> list[Replay]:
        """The replays under way, the oldest of each channel."""
        query: LiteralString = (
            "SELECT DISTINCT ON (channel_id) asked, tenant_id, channel_id, position, until"
            " FROM notifications.replays ORDER BY channel_id, asked"
        )
        fields = Replay.__struct_fields__
        return [
            msgspec.convert(dict(zip(fields, row, strict=True)), Replay) for row in await self._database.fetch(query)
        ]

    async def move_replay(self, asked: int, position: int) -> None:
        """A replay has come so far; one that has come to its end is forgotten."""
        await self._run("UPDATE notifications.replays SET position = %s WHERE asked = %s", [position, asked])
        await self._run("DELETE FROM notifications.replays WHERE asked = %s AND position >= until", [asked])

    async def forget(self, days: int, most: int) -> int:
        """Forget up to ``most`` ended deliveries that were made so many days ago; how many there were."""
        rows = await self._returned(
            "WITH gone AS (DELETE FROM notifications.deliveries WHERE id IN (SELECT id FROM notifications.deliveries"
            " WHERE created_at < now() - make_interval(days => %(days)s) AND status <> 'pending'"
            " ORDER BY created_at LIMIT %(most)s) RETURNING id) SELECT count(*) FROM gone",
            {"days": days, "most": most},
        )
        return int(rows[0][0])

    async def _run(self, statement: LiteralString, values: Sequence[object]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement, values)

    async def _returned(self, statement: LiteralString, values: dict[str, object]) -> list[tuple[Any, ...]]:
        async with self._database.connection() as connection:
            return await (await connection.execute(statement, values)).fetchall()
