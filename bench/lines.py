"""Log lines a second, numbered, masked and durable, against COPY of one row a line by plain psycopg."""

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

from adapters.database import Database
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.masking import Masks
from bench.quantiles import median
from bench.results import Figure, Finding, at_least
from bench.rows import connected, copied
from commands.ports import SecretValue
from domain.identifiers import LogId, uuid7
from services.embedded import postgres_running

LOGS = 8
LINE_BYTES = 100
PIECE_BYTES = 1 << 16
"""What one read of a build's pipe gives at the most (pipe(7))."""


def run(*, quick: bool) -> Finding:
    """Rounds of eight logs side by side."""
    with TemporaryDirectory(prefix="shipbook-bench-") as directory, postgres_running(Path(directory) / "pg") as url:
        return asyncio.run(_run(url, rounds=1 if quick else 5, lines=2_000 if quick else 50_000))


async def _run(url: str, rounds: int, lines: int) -> Finding:
    text = printed(lines)
    ours, plain = [], []
    async with Database.open(url) as database, connected(url, 1) as (connection,):
        store = LineStore(database)
        for _ in range(rounds):
            plain.append(await copied(connection, text, LOGS))
            ours.append(await _ingested(store, "".join(f"{line}\n" for line in text).encode()))
    ratio = median([mine / theirs for mine, theirs in zip(ours, plain, strict=True)])
    how = (
        f"{LOGS} builds print {lines:,} lines of {LINE_BYTES} B each, in pieces of 64 KiB, with two secrets to mask; "
        "until all lines are durable, then counted in the store. Against one binary COPY from Python with a row a "
        f"line, no index and one COMMIT. {rounds} interleaved rounds; medians, and the median of the ratios of a round."
    )
    figures = [
        at_least("lines/s, durable", median(ours), 150_000),
        Figure("rows/s of COPY", f"{median(plain):,.0f}"),
        at_least("ratio", ratio, 1.0),
        Figure("lines lost", "0", "0", met=True),
    ]
    return Finding("log lines a second", how, figures)


def printed(count: int, size: int = LINE_BYTES) -> list[str]:
    """Lines of ``size`` bytes with their line feed, which compress about as well as a build's."""
    chance = Random(4711)  # noqa: S311 - the same lines each time
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz/.-", k=chance.randint(3, 12))) for _ in range(400)]
    return [f"{number:7} {' '.join(chance.choices(words, k=20))}"[: size - 1] for number in range(count)]


async def _ingested(store: LineStore, text: bytes) -> float:
    secrets = [SecretValue("correct horse battery staple"), SecretValue("shb_4f9c2d7e11aa")]
    wanted = text.count(b"\n")
    names = [LogId(f"build-{uuid7()}") for _ in range(LOGS)]
    began = perf_counter()
    async with LineWriters.start(store, lambda _: None) as writers:

        async def build(name: LogId) -> None:
            async with writers.open(name, Masks(secrets)) as writer:
                for place in range(0, len(text), PIECE_BYTES):
                    await writer.write(text[place : place + PIECE_BYTES])
                await writer.finish()

        await asyncio.gather(*map(build, names))
    took = perf_counter() - began
    for name in names:
        stored = (await store.cursor(name)).last_seq
        assert stored == wanted, f"{name} has {stored} lines of {wanted}"
    return wanted * LOGS / took
