"""Logs of any length, as years of use would have left them: for what is measured as history grows.

The same numbers and the same seed make the same log. Positions go on behind what is there, without a gap; nobody else
may append meanwhile.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from psycopg import AsyncConnection

from adapters.database import EVENTS, ensure_schema
from adapters.http import tokens
from bench import chapters
from bench.chapters import Chapter
from commands.triggering import SERIES
from domain.identifiers import ApiTokenId, EnvironmentId, ProjectId, TenantId

_BEGINNING = datetime(2022, 1, 1)  # noqa: DTZ001 - its text is put where Z follows
"""When the first chapter began; each takes a minute."""
_KINDS = {"succeeded": 70, "broken": 12, "unhealthy": 3, "cancelled": 7, "rollback": 5, "visit": 3}
"""What happens, and how often in a hundred times."""
_ACTIVATING = frozenset({"succeeded", "unhealthy", "rollback"})
_BLOCK_BYTES = 1 << 20
_COPIES = 2
"""So many COPY commands run side by side: the server has more work with a row than we have."""


@dataclass
class _Environment:
    """Where releases go live; the names of releases are JSON values."""

    id: bytes
    version: int = 0
    activation: int = 0
    active: bytes = b"null"
    former: bytes = b""


@dataclass(frozen=True)
class Workspace:
    """A tenant with one project; ``token`` has the scope ``admin``."""

    tenant_id: TenantId
    project_id: ProjectId
    production: EnvironmentId
    staging: EnvironmentId
    token: str


class _Life:
    """What the next chapter of a workspace is told."""

    def __init__(self, identities: Sequence[str], secret: bytes) -> None:
        names = ("tenant", "account", "connection", "project", "token", "production", "staging")
        found = dict(zip(names, identities, strict=True))
        token = tokens.token_of(ApiTokenId(found["token"]), secret)
        self.slots: dict[bytes, object] = {name.encode(): identity.encode() for name, identity in found.items()}
        self.slots |= {b"digest": tokens.digest(token).encode(), b"label": found["tenant"][-12:].encode()}
        self.environments = [_Environment(found[name].encode()) for name in ("production", "staging")]
        self.account_version = 2
        self.deployments = 0
        self.workspace = Workspace(
            tenant_id=TenantId(found["tenant"]),
            project_id=ProjectId(found["project"]),
            production=EnvironmentId(found["production"]),
            staging=EnvironmentId(found["staging"]),
            token=token.reveal,
        )


class History:
    """The facts behind ``position``: the beginnings of so many workspaces, then what happens in them, at random."""

    def __init__(self, tenants: int, seed: int = 0, position: int = 0) -> None:
        self.position = position
        self._minutes = position // 8
        self._random = Random(f"{seed} behind {position}")  # noqa: S311 - a story, not a secret
        self._beginning = chapters.beginning()
        self._chapters: dict[str, Chapter] = {kind: getattr(chapters, kind)() for kind in _KINDS}
        self._lives = [_Life([self._id() for _ in range(7)], self._random.randbytes(32)) for _ in range(tenants)]
        self._told = False

    @property
    def beginnings(self) -> int:
        """How many facts the beginnings are."""
        return len(self._beginning) * len(self._lives)

    @property
    def workspaces(self) -> list[Workspace]:
        """All of them, in the order of their beginnings."""
        return [life.workspace for life in self._lives]

    def rows(self, facts: int) -> Iterator[bytes]:
        """The log's next rows, in blocks, as COPY takes them: ``facts`` at least, and what ends that is begun."""
        block: list[bytes] = []
        size = 0
        for rows in self._happening(self.position + facts):
            block.append(rows)
            size += len(rows)
            if size > _BLOCK_BYTES:
                yield b"".join(block)
                block, size = [], 0
        yield b"".join(block)

    def holders(self) -> Iterator[tuple[str, str, str]]:
        """The names that the workspaces took: scope, name, and the stream that holds it."""
        for life in self._lives:
            yield from self._beginning.holders(life.workspace.tenant_id, life.slots)

    def numbers(self) -> Iterator[tuple[str, str, int]]:
        """The counters: tenant, series, and the last number given."""
        return ((life.workspace.tenant_id, SERIES, life.deployments) for life in self._lives if life.deployments)

    def _happening(self, end: int) -> Iterator[bytes]:
        for life in () if self._told else self._lives:
            yield self._written(self._beginning, life.slots | self._circumstances())
        self._told = True
        kinds = [kind for kind, times in _KINDS.items() for _ in range(times)]
        while self.position < end:
            yield self._next(self._random.choice(self._lives), self._random.choice(kinds))

    def _written(self, chapter: Chapter, slots: chapters.Slots) -> bytes:
        rows = chapter.rows(self.position, slots)
        self.position += len(chapter)
        return rows

    def _next(self, life: _Life, kind: str) -> bytes:
        environment = life.environments[self._random.random() < 0.3]
        release = self._id()
        slots = life.slots | self._circumstances() | {b"environment": environment.id, b"release": release.encode()}
        if kind == "visit":
            return self._written(self._chapters[kind], slots | self._visited(life))
        if kind == "rollback" and not environment.former:
            kind = "succeeded"
        if kind in _ACTIVATING:
            slots |= self._activated(environment, kind, f'"{release}"'.encode())
        if kind == "rollback":
            slots[b"release"] = environment.active.strip(b'"')
        else:
            life.deployments += 1
            slots[b"number"] = b"%d" % life.deployments
        return self._written(self._chapters[kind], slots)

    def _visited(self, life: _Life) -> dict[bytes, object]:
        life.account_version += 2
        return {b"v1": life.account_version - 1, b"v2": life.account_version}

    def _activated(self, environment: _Environment, kind: str, release: bytes) -> dict[bytes, object]:
        """What an activation is told; afterwards the environment is as it leaves it."""
        environment.version += 2
        environment.activation += 1
        told: dict[bytes, object] = {
            b"v1": environment.version - 1,
            b"v2": environment.version,
            b"activation": b"%d" % environment.activation,
            b"former": environment.active,
        }
        if kind != "unhealthy":
            release = environment.former if kind == "rollback" else release
            environment.active, environment.former = release, environment.active.removeprefix(b"null")
        return told

    def _circumstances(self) -> dict[bytes, object]:
        """What differs from chapter to chapter, whatever happens."""
        self._minutes += 1
        minute = _BEGINNING + timedelta(minutes=self._minutes)
        return {
            b"minute": minute.isoformat(timespec="minutes").encode(),
            b"deployment": self._id().encode(),
            b"cause": self._id()[:-2].encode(),
            b"commit": b"%032x" % self._random.getrandbits(128),
            b"lines": b"%d" % self._random.randrange(2000),
        }

    def _id(self) -> str:
        """The text of a UUID of version 7, of this chapter's minute."""
        time = f"{1_640_995_200_000 + self._minutes * 60_000:012x}"
        tail = f"{self._random.getrandbits(72):018x}"
        return f"{time[:8]}-{time[8:]}-7{tail[:3]}-8{tail[3:6]}-{tail[6:]}"


async def write(database_url: str, facts: int, tenants: int, seed: int = 0) -> History:
    """Lay the database out and append at least ``facts`` facts of new workspaces, as ``EventLog.append`` would.

    Read models follow where a projector runs.
    """
    conninfo = await asyncio.to_thread(ensure_schema, database_url)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        [(head,)] = await (await connection.execute("SELECT coalesce(max(position), 0) FROM log.events")).fetchall()
        history = History(tenants, seed, head)
        async with connection.cursor() as cursor, cursor.copy("COPY log.reservations FROM STDIN") as copy:
            for holder in history.holders():
                await copy.write_row(holder)
    await go_on(conninfo, history, facts)
    return history


async def go_on(conninfo: str, history: History, facts: int) -> None:
    """Append at least so many facts more."""
    blocks = history.rows(facts)
    await asyncio.gather(*(_copied(conninfo, blocks) for _ in range(_COPIES)))
    async with (
        await AsyncConnection.connect(conninfo, autocommit=True) as connection,
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        await cursor.executemany(
            "INSERT INTO log.numbers VALUES (%s, %s, %s) ON CONFLICT (tenant_id, series) DO UPDATE"
            " SET last = excluded.last",
            list(history.numbers()),
        )
        await cursor.execute("SELECT pg_notify(%s, %s)", [EVENTS, str(history.position)])


async def _copied(conninfo: str, blocks: Iterator[bytes]) -> None:
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        for block in blocks:
            async with connection.cursor() as cursor, cursor.copy("COPY log.events FROM STDIN") as copy:
                await copy.write(block)
