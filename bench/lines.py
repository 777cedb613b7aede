"""Log lines a second, numbered, masked and durable, against COPY of one row a line and against Buildbot."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from struct import pack
from tempfile import TemporaryDirectory
from time import perf_counter

from psycopg import AsyncConnection

from adapters.database import Database
from adapters.linestore import LineStore
from adapters.linewriting import LineWriters
from adapters.masking import MASK, Masks
from bench.peers import buildbot
from bench.printing import growth
from bench.quantiles import median
from bench.results import Figure, Finding, at_least, at_most
from bench.rows import connected, copied
from commands.ports import SecretValue
from domain.identifiers import LogId, uuid7
from services.embedded import postgres_running

LOGS = 8
LINE_BYTES = 100
PIECE_BYTES = 1 << 16
"""What one read of a build's pipe gives at the most (pipe(7))."""
SECRETS = ("correct horse battery staple", "shb_4f9c2d7e11aa")
SECRET_EVERY = 100
"""So often a line holds a secret."""
BUILDBOT_LINES = 5_000
"""Of each build of Buildbot's, which takes some seconds for them."""
PRINTED_BYTES = 1 << 30

Peer = Callable[[], float]


def run(*, quick: bool) -> Finding:
    """Rounds of eight logs side by side."""
    lines = printed(2_000 if quick else 50_000)
    with (
        TemporaryDirectory(prefix="shipbook-bench-") as directory,
        postgres_running(Path(directory) / "pg") as url,
    ):
        if quick:
            return _finding(asyncio.run(_rounds(url, lines, 1, None)), len(lines), [])
        with _printing_buildbot(Path(directory), lines[:BUILDBOT_LINES]) as peer:
            rounds = asyncio.run(_rounds(url, lines, 5, peer))
    grown = growth(_text(lines), PRINTED_BYTES)
    return _finding(rounds, len(lines), [at_most("executor, more while a build prints 1 GiB", grown, 32, "MB")])


def printed(count: int, size: int = LINE_BYTES) -> list[str]:
    """Lines of ``size`` bytes with their line feed, which compress about as well as a build's."""
    chance = Random(4711)  # noqa: S311 - the same lines each time
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz/.-", k=chance.randint(3, 12))) for _ in range(400)]
    return [f"{number:7} {' '.join(chance.choices(words, k=20))}"[: size - 1] for number in range(count)]


def _with_secrets(lines: Sequence[str]) -> list[str]:
    """The same lines, some of which hold a secret."""
    told = list(lines)
    for number in range(0, len(told), SECRET_EVERY):
        secret = SECRETS[number // SECRET_EVERY % len(SECRETS)]
        told[number] = f"{told[number][: LINE_BYTES - 2 - len(secret)]} {secret}"
    return told


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def _printing_buildbot(directory: Path, lines: Sequence[str]) -> Iterator[Peer]:
    """A Buildbot that runs as many builds; what it gives does a round, and says how many lines a second it took."""
    file = directory / "printed.txt"
    file.write_text(_text(lines))
    place = directory / "buildbot"
    with buildbot.running("buildbot_printing.cfg", place, PRINTED=str(file), BUILDS=str(LOGS)) as peer:

        def once() -> float:
            found = peer.round()
            assert found["right"] == [len(lines)] * LOGS, found
            return len(lines) * LOGS / float(found["seconds"])

        once()
        yield once


@dataclass(frozen=True)
class _Round:
    """Lines a second of each."""

    ours: float
    copy: float
    encoded: float
    buildbot: float | None


async def _rounds(url: str, lines: Sequence[str], count: int, peer: Peer | None) -> list[_Round]:
    secret = _with_secrets(lines)
    async with Database.open(url) as database, connected(url, 1) as (connection,):
        store, encoded = LineStore(database), _encoded(secret)
        return [
            _Round(
                copy=await copied(connection, secret, LOGS),
                ours=await _ingested(store, secret),
                encoded=len(secret) * LOGS / await _copied_encoded(connection, encoded),
                buildbot=peer() if peer else None,
            )
            for _ in range(count)
        ]


def _encoded(lines: Sequence[str]) -> bytes:
    """The rows of ``bench.lines`` for one log, as binary COPY takes them."""
    log, stream = b"log-1", b"stdout"
    rows = (
        pack(f">hi{len(log)}siqiqi{len(stream)}si", 5, len(log), log, 8, seq, 8, 0, len(stream), stream, len(line))
        + line.encode()
        for seq, line in enumerate(lines, 1)
    )
    return b"".join(rows)


async def _copied_encoded(connection: AsyncConnection, rows: bytes) -> float:
    """Seconds of the same COPY where nothing is left to do but to send it."""
    await connection.execute("TRUNCATE bench.lines")
    began = perf_counter()
    async with (
        connection.cursor() as cursor,
        cursor.copy("COPY bench.lines (log_id, seq, at, stream, line) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        await copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for _ in range(LOGS):
            await copy.write(rows)
        await copy.write(b"\xff\xff")
    return perf_counter() - began


async def _ingested(store: LineStore, lines: Sequence[str]) -> float:
    """Lines a second, from the first that is printed until the last is durable; then each is looked at."""
    text = _text(lines).encode()
    names = [LogId(f"build-{uuid7()}") for _ in range(LOGS)]
    began = perf_counter()
    async with LineWriters.start(store, lambda _: None) as writers:

        async def build(name: LogId) -> None:
            async with writers.open(name, Masks(map(SecretValue, SECRETS))) as writer:
                for place in range(0, len(text), PIECE_BYTES):
                    await writer.write(text[place : place + PIECE_BYTES], step="build")
                await writer.finish()

        await asyncio.gather(*map(build, names))
    took = perf_counter() - began
    for name in names:
        await _compare(store, name, lines)
    return len(lines) * LOGS / took


async def _compare(store: LineStore, name: LogId, lines: Sequence[str]) -> None:
    """Every line is in the log, once, in its place and masked."""
    wanted = list(lines)
    for number in range(0, len(lines), SECRET_EVERY):
        for secret in SECRETS:
            wanted[number] = wanted[number].replace(secret, MASK.decode())
    seq = 0
    while found := await store.read(name, seq):
        told = [(line.seq, line.stream, line.step, line.source, line.text) for line in found]
        text = wanted[seq : seq + len(found)]
        assert told == [(at, "stdout", "build", None, one) for at, one in enumerate(text, seq + 1)]
        seq = found[-1].seq
    assert seq == len(wanted), f"{name} has {seq} lines of {len(wanted)}"


def _finding(rounds: Sequence[_Round], lines: int, more: Sequence[Figure]) -> Finding:
    figures = [
        at_least("lines/s, durable", median([one.ours for one in rounds]), 150_000),
        Figure("rows/s of COPY", f"{median([one.copy for one in rounds]):,.0f}"),
        at_least("ratio", median([one.ours / one.copy for one in rounds]), 1.0),
        Figure("rows/s of COPY, encoded beforehand", f"{median([one.encoded for one in rounds]):,.0f}"),
        Figure("ratio", f"{median([one.ours / one.encoded for one in rounds]):.2f}"),
    ]
    how = (
        f"{LOGS} builds print {lines:,} lines of {LINE_BYTES} B each, in pieces of 64 KiB, with two secrets to mask, "
        f"one of them in every {SECRET_EVERY}th line; until all lines are durable, then each field of each line is "
        "read back and compared. Against one binary COPY with a row a line, no index and one COMMIT: from Python, and "
        f"with rows that were encoded beforehand. {len(rounds)} interleaved rounds; medians, and the median of the "
        "ratios of a round."
    )
    built = [(one.ours, one.buildbot) for one in rounds if one.buildbot]
    if built:
        figures += [
            Figure("lines/s of Buildbot 4.3", f"{median([theirs for _, theirs in built]):,.0f}"),
            at_least("÷ Buildbot 4.3", median([mine / theirs for mine, theirs in built]), 20),
        ]
        how += (
            f" Buildbot with its SQLite database and a worker beside it: {LOGS} builds that `cat` {BUILDBOT_LINES:,} "
            "of the lines each, from forcing them until the last log is complete, then compared as well."
        )
    return Finding("log lines a second", how, [*figures, Figure("lines lost", "0", "0", met=True), *more])
