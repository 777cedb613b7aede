"""Readers that tail the log: ``position > last``, woken by its bell. They are a process, so that they cost no caller.

``python -m bench.tails URL READERS`` says ``ready``, then waits for a line with the last position, reads up to it, and
says how many positions its readers did not see exactly once and in order.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from adapters.database import Database

_PAGE = 5000
_PAUSE_SECONDS = 0.02
"""Between two pages, so that many readers cost the database less than one for each commit would."""
_PATIENCE_SECONDS = 60


@contextmanager
def following(url: str, readers: int) -> Iterator[Callable[[int], int]]:
    """Readers beside the block. Call what it yields with the last position; it returns the number of wrong ones."""
    argv = [sys.executable, "-m", "bench.tails", url, str(readers)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as process:
        assert process.stdin
        assert process.stdout

        def wrong(head: int) -> int:
            print(head, file=process.stdin, flush=True)
            return int(process.stdout.readline())

        try:
            assert process.stdout.readline() == "ready\n"
            yield wrong
        finally:
            process.kill()


async def _main(url: str, readers: int) -> None:
    async with Database.open(url, connections=readers) as database:
        head: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        tails = [asyncio.create_task(_tail(database, head)) for _ in range(readers)]
        print("ready", flush=True)
        head.set_result(int(await asyncio.to_thread(sys.stdin.readline)))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            seen = await asyncio.gather(*tails)
        print(sum(_wrong(positions, head.result()) for positions in seen), flush=True)


async def _tail(database: Database, head: asyncio.Future[int]) -> list[int]:
    """The positions that one reader sees, in the order in which it sees them."""
    positions = [0]
    with database.bell() as bell:
        while not (head.done() and positions[-1] >= head.result()):
            bell.clear()
            rows = await database.fetch(
                "SELECT position FROM log.events WHERE position > %s ORDER BY position LIMIT %s", [positions[-1], _PAGE]
            )
            positions += [position for (position,) in rows]
            await asyncio.sleep(_PAUSE_SECONDS)
            if not rows:
                await bell.wait(1)
    return positions[1:]


def _wrong(positions: list[int], head: int) -> int:
    """How many positions are missing, doubled or before their turn."""
    times = Counter(positions)
    disordered = sum(later <= earlier for earlier, later in pairwise(positions))
    return sum(times[position] != 1 for position in range(1, head + 1)) + disordered


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
