"""``python -m bench.plain_route URL HOST:PORT``: what the product's commands are compared with.

A Litestar application under the product's own server, whose one route does one transaction by plain psycopg: INSERT of
an event as the log has them, and COMMIT.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from subprocess import PIPE, Popen
from typing import Any

import uvloop
from litestar import Litestar, Response, post
from psycopg_pool import AsyncConnectionPool

from adapters.settings import Address
from bench.rows import connected
from services.api import CONNECTIONS, listening, served

INSERT = "INSERT INTO bench.events (stream, version, tag, state) VALUES (%s, %s, %s, %s)"


async def serve(url: str, address: Address) -> None:
    """Serve until ended; says so by a line once it does."""
    versions, state = count(1), b"x" * 600
    async with (
        connected(url, 1),
        AsyncConnectionPool(url, min_size=CONNECTIONS, open=False, kwargs={"autocommit": True}) as pool,
    ):

        @post("/raw")
        async def raw() -> Response[Any]:
            async with pool.connection() as connection:
                await connection.execute(INSERT, ["bench", next(versions), "repository.connected", state])
            return Response(b"{}", media_type="application/json", status_code=201)

        with listening(address) as listener:
            app = Litestar(route_handlers=[raw], openapi_config=None, logging_config=None)
            await served(app, listener, lambda: print("ready", flush=True))


@contextmanager
def plain_route(url: str, address: str) -> Iterator[None]:
    """The application in a process of its own, at ``host:port``."""
    argv = [sys.executable, "-m", "bench.plain_route", url, address]
    with Popen(argv, stdout=PIPE, env=os.environ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Address.parse(sys.argv[2])))
