"""Postgres: its layout, the connection pool, and the bells that its notifications ring."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.answering import AnsweringConnection
from adapters.bell import Bell, Bells, News
from adapters.cancelling import heeded
from adapters.walls import READER

T = TypeVar("T")

OLDEST_POSTGRES = 15
EVENTS = "events"
"""The channel that is notified, with the last position, whenever facts were appended."""
PROJECTED = "projected"
"""The channel that is notified, with a position and the names of the read models whose rows have changed, whenever all
have passed the position; 0 says: look for yourself. Of a model that is ``watched`` the rows' keys are named as well."""
MANY = "*"
"""Named instead of rows' keys where there are too many."""
CHANNELS = (EVENTS, PROJECTED)

_LAYOUT = Path(__file__).parents[1] / "infra" / "postgres"
_LAYOUT_LOCK = 0x5348_4950_4C41_594F
_ROLE = "shipbook_app"
_RECONNECT_SECONDS = 0.2
_CONNECTION_SECONDS = 3.0
"""So long a caller waits for a connection of the pool."""
_IDLE_SECONDS = 10.0
"""After so long a connection that nobody needs is given back: each is a process of 2 MB in the server."""
_MAY_READ_WITHIN: LiteralString = (
    "SELECT count(*) = 1 FROM pg_roles WHERE rolname = %s AND pg_has_role(session_user, oid, 'MEMBER')"
)
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's bounds on waiting for a peer that is gone without a word: seconds, and milliseconds for the last."""


logging.getLogger("psycopg").setLevel(logging.ERROR)  # callers hear ``Unavailable``; each attempt is no news


class Unavailable(Exception):
    """The database does not answer for the moment. Ask again after ``retry_after`` seconds."""

    retry_after = 1


class UnsuitableDatabase(Exception):
    """The operator's database cannot be used; the message says why, and how to mend it."""


def ensure_schema(url: str) -> str:
    """Lay out the database, unless it is laid out already, and return how the application connects to it.

    Any number of processes may do this at once. Where the role ``shipbook_app`` can be made and taken, the application
    works under it and cannot change the past; elsewhere the triggers alone see to that. Raises ``Unavailable`` or
    ``UnsuitableDatabase``.
    """
    conninfo = make_conninfo(url, **(_PATIENCE | conninfo_to_dict(url)))
    with unavailable(), psycopg.connect(conninfo, autocommit=True) as connection:
        _require_version(connection)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LAYOUT_LOCK])
            _lay_out(connection)
        return _as_application(conninfo) if _may_take_role(connection) else conninfo


@dataclass
class Told:
    """What a channel's notifications have said: the last position, and how often that one has to look for oneself."""

    position: int = 0
    looks: int = 0

    def hear(self, payload: str) -> list[str]:
        """Take a notification's payload: a position, and names, which are returned."""
        position, *names = payload.split() or ["0"]
        self.position = int(position) if position.isdecimal() else 0
        self.looks += not self.position
        return names


class Database:
    """One process's way to Postgres. Belongs to one event loop."""

    def __init__(self, conninfo: str, connections: int) -> None:
        self.conninfo = conninfo
        self._pool = AsyncConnectionPool(
            conninfo,
            connection_class=AnsweringConnection,
            min_size=1,
            max_size=connections,
            timeout=_CONNECTION_SECONDS,
            max_idle=_IDLE_SECONDS,
            reconnect_timeout=_RECONNECT_SECONDS,
            reconnect_failed=AsyncConnectionPool.check,  # which tries anew, and waits no longer each time
            open=False,
            kwargs={"autocommit": True},
        )
        self._walled = False
        self._bells = Bells()
        self._news: defaultdict[str, set[News]] = defaultdict(set)
        self._listeners: dict[str, asyncio.Task[None]] = {}
        self._told = {channel: Told() for channel in CHANNELS}

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, connections: int = 8) -> AsyncIterator[Self]:
        """The database, laid out. ``connections`` bounds the pool. Raises as ``ensure_schema`` does."""
        database = cls(await asyncio.to_thread(ensure_schema, url), connections)
        await database._pool.open()
        try:
            [(database._walled,)] = await database.fetch(_MAY_READ_WITHIN, [READER])
            yield database
        finally:
            await database._close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit mode from the pool; ``Unavailable`` where it cannot be had or breaks."""
        with unavailable(), heeded():
            async with self._pool.connection() as connection:
                yield connection

    async def fetch(self, query: LiteralString, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement that does no harm when it is carried out twice, as after a restart of the server."""
        return await self._twice(lambda: self._fetch(query, parameters))

    async def answer(
        self, query: LiteralString, parameters: Sequence[object], tenant: str | None = None
    ) -> list[bytes | None]:
        """The values of such a statement's only row, as texts: ``fetch`` at two thirds of its cost.

        With ``tenant``, no row of another workspace's is seen, where the server has the role for it
        (``adapters.walls``).
        """
        within = tenant if self._walled else None
        return await self._twice(lambda: self._answer(query, parameters, within))

    async def _twice(self, asked: Callable[[], Awaitable[T]]) -> T:
        try:
            return await asked()
        except Unavailable as problem:
            if isinstance(problem.__cause__, PoolTimeout):
                raise
            await self._pool.check()  # what was in the pool is broken as well, most likely
            return await asked()

    async def _fetch(self, query: LiteralString, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        async with self.connection() as connection:
            cursor = await connection.execute(query, parameters, binary=True)
            return await cursor.fetchall()

    async def _answer(
        self, query: LiteralString, parameters: Sequence[object], tenant: str | None
    ) -> list[bytes | None]:
        with unavailable(), heeded():
            connection = await self._pool.getconn()
            try:
                return await connection.answer(query, parameters, tenant)
            finally:
                await self._pool.putconn(connection)

    @contextmanager
    def bell(self, channel: str = EVENTS, about: str = "") -> Iterator[Bell]:
        """A bell of the caller's own that rings with each notification of ``channel``.

        With ``about``, only with those that name it, and those that say to look for oneself.
        """
        self._attend(channel)
        with self._bells.listening(f"{channel} {about}") as bell:
            yield bell

    @contextmanager
    def news(self, channel: str) -> Iterator[News]:
        """What the notifications of ``channel`` name, while the context lasts; at first anything may be new."""
        self._attend(channel)
        news = News()
        self._news[channel].add(news)
        try:
            yield news
        finally:
            self._news[channel].discard(news)

    def _attend(self, channel: str) -> None:
        if channel not in CHANNELS:
            raise ValueError(f"nobody listens to the channel {channel!r}")
        if channel not in self._listeners:
            self._listeners[channel] = asyncio.create_task(self._listen(channel), name=f"listen {channel}")

    def told(self, channel: str) -> Told:
        """What the channel's notifications have said so far; it is changed in place while anybody has its bell."""
        return self._told[channel]

    async def _listen(self, channel: str) -> None:
        """Ring the channel's bells, on one connection for all of them; connect again for as long as it takes."""
        told = self._told[channel]
        while True:
            told.position = 0  # what a crash of the server undid was told in vain
            with suppress(psycopg.Error, OSError), heeded():
                async with await AsyncConnection.connect(self.conninfo, autocommit=True) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    told.looks += 1  # news may have come while nobody listened
                    self._ring(channel, [])
                    async for notification in connection.notifies():
                        self._ring(channel, told.hear(notification.payload))
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _ring(self, channel: str, names: Sequence[str]) -> None:
        known = bool(self._told[channel].position)
        for news in self._news[channel]:
            news.tell(names if known and MANY not in names else None)
        if known:
            for about in ("", *names):
                self._bells.ring(f"{channel} {about}")
        else:
            self._bells.ring_all(channel)

    async def _close(self) -> None:
        for listener in self._listeners.values():
            listener.cancel()
        if self._listeners:
            await asyncio.wait(self._listeners.values())
        await self._pool.close()


@contextmanager
def unavailable() -> Iterator[None]:
    """Say ``Unavailable`` for whatever passes by waiting: no connection, a broken one, a server going down."""
    try:
        yield
    except psycopg.OperationalError as problem:
        raise Unavailable(f"The database does not answer: {_first_line(problem)}") from problem


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def _require_version(connection: Connection) -> None:
    if connection.info.server_version < OLDEST_POSTGRES * 10_000:
        version = connection.info.parameter_status("server_version")
        raise UnsuitableDatabase(
            f"PostgreSQL {OLDEST_POSTGRES} or newer is needed; this is {version}. "
            "Upgrade it, or unset SHIPBOOK_DATABASE_URL to use the embedded one."
        )


def _lay_out(connection: Connection) -> None:
    """Run the files of ``infra/postgres``; the schema's comment tells which state of them it was made by."""
    *layout, roles = sorted(_LAYOUT.glob("*.sql"))
    state = "Shipbook's event log, layout " + sha256(b"".join(map(Path.read_bytes, [*layout, roles]))).hexdigest()[:16]
    found = connection.execute("SELECT obj_description(to_regnamespace('log'), 'pg_namespace')").fetchone()
    if found == (state,):
        return
    try:
        for file in layout:
            _run(connection, file)
    except errors.InsufficientPrivilege as problem:
        raise UnsuitableDatabase(
            f"The database user may not lay out the database ({_first_line(problem)}). "
            "Make it the database's owner: ALTER DATABASE … OWNER TO …"
        ) from problem
    if _make_role(connection):
        with suppress(errors.InsufficientPrivilege), connection.transaction():
            _run(connection, roles)
    connection.execute(sql.SQL("COMMENT ON SCHEMA log IS {}").format(state))


def _run(connection: Connection, file: Path) -> None:
    connection.execute(file.read_bytes())


def _make_role(connection: Connection) -> bool:
    """Whether the application's role is there for us to take."""
    role = sql.Identifier(_ROLE)
    # Roles belong to the whole server: another database's processes may be making this one at the same moment.
    made_meanwhile = (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError_)
    refused = (errors.InsufficientPrivilege, errors.UndefinedObject)
    for statement in (
        "CREATE ROLE {0} NOLOGIN",
        "GRANT {0} TO CURRENT_USER",
        "CREATE ROLE {1} NOLOGIN",
        "GRANT {1} TO {0}",
    ):
        with suppress(*made_meanwhile, *refused), connection.transaction():
            connection.execute(sql.SQL(statement).format(role, sql.Identifier(READER)))
    return _is_member(connection)


def _is_member(connection: Connection) -> bool:
    privilege = "SET" if connection.info.server_version >= 160_000 else "MEMBER"
    query = "SELECT pg_has_role(oid, %s) FROM pg_roles WHERE rolname = %s"
    return connection.execute(query, [privilege, _ROLE]).fetchone() == (True,)


def _may_take_role(connection: Connection) -> bool:
    query = (
        "SELECT has_table_privilege(%(role)s, 'log.events', 'INSERT')"
        " AND has_database_privilege(%(role)s, current_database(), 'CREATE')"
    )
    return _is_member(connection) and connection.execute(query, {"role": _ROLE}).fetchone() == (True,)


def _as_application(conninfo: str) -> str:
    options = conninfo_to_dict(conninfo).get("options") or ""
    return make_conninfo(conninfo, options=f"{options} -c role={_ROLE}".strip())
