"""Databases with very many deployments, and servers that list them, for ``bench.lists``.

``python -m bench.listed ADDRESS FILE`` serves the route without a database: it answers with the list in the file.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import psycopg
import uvloop
from litestar import Litestar, get
from psycopg import sql

from adapters import readmodels
from adapters.database import Database
from adapters.eventlog import EventLog
from adapters.http.entry import Entry
from adapters.http.native.wire.deployments import DeploymentOut
from adapters.http.paging import Listing
from adapters.observability import configure_logging
from adapters.settings import Address, Settings
from bench.histories import Workspace, write
from projections.catalogue import ALL
from projections.deployments import DEPLOYMENTS
from services import api
from services.operator import rebuild
from services.plane import own
from services.programs import Program, running

_FACTS_EACH = 110
"""Of each workspace in the log: about ten deployments."""

_GROWN = {
    "id": "left(id, 24) || to_char({turn}, 'FM000000') || right(id, 6)",
    "number": "number + {turn} * last",
    "ref": "'DEP-' || to_char(number + {turn} * last, 'FM0000')",
}


async def filled(url: str, tenants: int, each: int) -> list[Workspace]:
    """Lay out a database in which so many workspaces list ``each`` deployments.

    The log holds about ten of them and is projected; the other rows are those again, with numbers that go on.
    """
    history = await write(url, tenants * _FACTS_EACH, tenants)
    async with Database.open(url) as database, EventLog.open(database) as events:
        await rebuild(database, events, ALL)
    with psycopg.connect(url, autocommit=True) as connection:
        _grow(connection, each)
    return history.workspaces


def _grow(connection: psycopg.Connection, each: int) -> None:
    """Turn by turn, so that the rows of a workspace lie as far from one another as they do where all deploy at once."""
    table = sql.Identifier(readmodels.live("deployments"), DEPLOYMENTS.name)
    columns = DEPLOYMENTS.row.__struct_fields__
    connection.execute("SET synchronous_commit TO off")
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE found AS SELECT *, max(number) OVER (PARTITION BY tenant_id) AS last FROM {}"
        ).format(table)
    )
    turn = 0
    while True:
        turn += 1
        values = [
            sql.SQL(_GROWN[name].format(turn=turn)) if name in _GROWN else sql.Identifier(name) for name in columns
        ]
        done = connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM found WHERE number + {} * last <= {} ORDER BY number").format(
                table,
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(", ").join(values),
                sql.Literal(turn),
                sql.Literal(each),
            )
        )
        if not done.rowcount:
            break
    connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(table))


@contextmanager
def serving(url: str, address: Address, directory: Path) -> Iterator[str]:
    """``shipbook api`` over the database, in a process of its own; yields its address."""
    directory.mkdir(mode=0o700)
    settings = Settings(data_dir=directory, http=address, database_url=url)
    with running(own(settings, "api", ()), directory / "api.log"):
        yield str(address)


@contextmanager
def answering(listing: bytes, address: Address, directory: Path) -> Iterator[str]:
    """The route without a database, in a process of its own; yields its address."""
    file = directory / "listing.json"
    file.write_bytes(listing)

    async def ready() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://{address}/listing")).content == listing
        except httpx.TransportError:
            return False

    argv = (sys.executable, "-m", "bench.listed", str(address), str(file))
    with running(Program(name="listing", argv=argv, ready=ready), directory / "listing.log"):
        yield str(address)


def main(address: str, file: str) -> None:
    """Serve the list in the file, as the API's own server and outermost layer would."""
    kept = msgspec.json.decode(Path(file).read_bytes(), type=Listing[DeploymentOut])

    @get("/listing")
    async def listing() -> Listing[DeploymentOut]:
        return kept

    app = Litestar([listing], openapi_config=None, logging_config=None)
    app.asgi_handler = Entry(app.asgi_handler, lambda: 0)
    configure_logging("listing", style="text", level="info")

    async def serve() -> None:
        with api.listening(Address.parse(address)) as listener:
            await api.served(app, listener, lambda: None)

    uvloop.run(serve())


if __name__ == "__main__":
    main(*sys.argv[1:])
