"""Each request is in its environment's log once, whoever dies when; and what is left out is counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from adapters.database import Database
from adapters.edge import requests
from adapters.linestore import Line, LineStore
from adapters.linewriting import LineWriters
from domain.identifiers import EnvironmentId, access_log
from services import access_logging
from services.access_logging import AccessLogging

pytestmark = pytest.mark.anyio

SHOP, BLOG = EnvironmentId("shop"), EnvironmentId("blog")
SECONDS = 10


class Caddy:
    """Writes what Caddy writes, in as many files as are wanted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._numbers, self._rolled = count(1), count(1)

    def serve(self, environment: EnvironmentId, many: int = 1, method: str = "GET", status: int = 200) -> None:
        with (self.directory / "access.log").open("a") as file:
            for _ in range(many):
                asked = {
                    "client_ip": "192.0.2.1",
                    "method": method,
                    "host": "a.test",
                    "uri": f"/{next(self._numbers)}?",
                }
                entry = {"level": "info", "ts": 1.8e9 + next(self._numbers) / 1e3, "request": asked, "duration": 0.001}
                more = {"size": 5, "status": status, "environment": environment, "release": "r", "user_agent": "tests"}
                file.write(json.dumps(entry | more) + "\n")

    def roll(self) -> None:
        name = f"access-2026-01-01T00-00-{next(self._rolled):02}.000.log"
        (self.directory / "access.log").rename(self.directory / name)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[LineStore]:
    async with Database.open(database_url) as database:
        yield LineStore(database)


@pytest.fixture
def caddy(tmp_path: Path) -> Caddy:
    return Caddy(tmp_path)


@asynccontextmanager
async def logging(store: LineStore, caddy: Caddy) -> AsyncIterator[None]:
    """The access logging of a process that is killed at the end of the block."""
    async with LineWriters.start(store, lambda _: None) as writers:
        running = asyncio.create_task(AccessLogging(caddy.directory, writers).run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])


async def lines(store: LineStore, environment: EnvironmentId) -> list[Line]:
    found: list[Line] = []
    while page := await store.read(access_log(environment), found[-1].seq if found else 0):
        found += page
    return found


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - the store rings for nobody here
            await asyncio.sleep(0.02)


async def until_there_are(store: LineStore, environment: EnvironmentId, many: int) -> list[Line]:
    async def enough() -> bool:
        return len(await lines(store, environment)) >= many

    await until(enough)
    return await lines(store, environment)


async def test_requests_go_to_the_log_of_their_environment_in_their_order(store: LineStore, caddy: Caddy) -> None:
    async with logging(store, caddy):
        caddy.serve(SHOP, 2)
        caddy.serve(BLOG, 1, "POST")
        caddy.serve(SHOP, 1, status=500)
        found = await until_there_are(store, SHOP, 3)
        [blog] = await until_there_are(store, BLOG, 1)
    assert [(line.seq, line.stream) for line in found] == [
        (1, requests.USUAL),
        (2, requests.USUAL),
        (3, requests.NOTABLE),
    ]
    told = requests.decoded(blog.text)
    assert (told.method, told.bytes, told.duration_us, told.user_agent) == ("POST", 5, 1000, "tests")
    assert "?" not in told.path
    assert blog.stream == requests.NOTABLE


async def test_whoever_is_killed_again_and_again_stores_each_request_once(store: LineStore, caddy: Caddy) -> None:
    for turn in range(6):
        async with logging(store, caddy):
            caddy.serve(SHOP, 300)
            caddy.serve(BLOG, 50, status=404)
            await until_there_are(store, SHOP, 300 * turn + 1)
        if turn % 2:
            caddy.roll()
    async with logging(store, caddy):
        for environment, many in ((SHOP, 1800), (BLOG, 300)):
            found = await until_there_are(store, environment, many)
            paths = [requests.decoded(line.text).path for line in found]
            assert len(paths) == len(set(paths)) == many
            assert [line.seq for line in found] == [*range(1, many + 1)]


async def test_what_comes_faster_than_it_can_be_stored_is_counted_and_said(
    store: LineStore, caddy: Caddy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_logging, "MOST_BEHIND", 2)
    for _ in range(4):
        caddy.serve(SHOP, 10)
        caddy.roll()
    caddy.serve(SHOP, 1)
    async with logging(store, caddy):
        found = await until_there_are(store, SHOP, 12)
    assert [line.stream for line in found] == ["system", *[requests.USUAL] * 11]
    assert found[0].text == access_logging.LEFT_OUT.format(30)


async def test_requests_that_nobody_read_before_they_were_deleted_are_said_to_be_missing(
    store: LineStore, caddy: Caddy
) -> None:
    async with logging(store, caddy):
        caddy.serve(SHOP)
        await until_there_are(store, SHOP, 1)

        async def kept() -> bool:
            return (caddy.directory / "access.position").exists()

        await until(kept)
    caddy.roll()
    caddy.serve(SHOP)
    (caddy.directory / "access-2026-01-01T00-00-01.000.log").unlink()
    async with logging(store, caddy):
        found = await until_there_are(store, SHOP, 3)
    assert [line.stream for line in found] == [requests.USUAL, "system", requests.USUAL]
    assert found[1].text == access_logging.GAP
