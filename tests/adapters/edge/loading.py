"""Clients that ask an edge all the time, and never try anything twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

from tests.adapters.edge.running import Answer, Connection, Edge


class Load:
    """``kept`` clients that keep their connection, and ``fresh`` ones that open another for each request."""

    def __init__(self, edge: Edge, host: str, methods: Sequence[str] = ("GET",), *, kept: int = 8, fresh: int = 0):
        self.latest = b""
        self.answered_at = monotonic()
        self.seen: Counter[tuple[int, bytes]] = Counter()
        self._counts = [0] * (kept + fresh)
        asking = [self._keep] * kept + [self._renew] * fresh
        self._clients = [
            asyncio.create_task(ask(edge, host, methods[n % len(methods)], n)) for n, ask in enumerate(asking)
        ]

    async def _keep(self, edge: Edge, host: str, method: str, number: int) -> None:
        async with edge.connection() as connection:
            while True:
                await self._ask(connection, host, method, number)

    async def _renew(self, edge: Edge, host: str, method: str, number: int) -> None:
        while True:
            async with edge.connection() as connection:
                await self._ask(connection, host, method, number, Connection="close")

    async def _ask(self, connection: Connection, host: str, method: str, number: int, **headers: str) -> None:
        answer: Answer = await connection.ask(host, method=method, **headers)
        self.seen[answer.status, answer.body] += 1
        self.latest, self.answered_at = answer.body, monotonic()
        self._counts[number] += 1

    async def until_seen(self, body: bytes) -> None:
        await self.until(lambda: self.latest == body)

    async def until_all_answered(self, seconds: float) -> None:
        """Each client gets at least one more answer within ``seconds``."""
        before = tuple(self._counts)
        await self.until(lambda: all(now > then for now, then in zip(self._counts, before, strict=True)), seconds)

    async def until(self, condition: Callable[[], bool], seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                assert not any(client.done() for client in self._clients), "a client lost its connection"
                await asyncio.sleep(0.002)

    async def end(self) -> None:
        """Let every client go, and raise what any of them met."""
        for client in self._clients:
            client.cancel()
        for met in await asyncio.gather(*self._clients, return_exceptions=True):
            if met and not isinstance(met, asyncio.CancelledError):
                raise met
