"""Who folds the pages of a growth: a thread for a short log, processes of their own for a long one.

A process is told what it folds for by a line on its standard input, and then which pages; it answers each order on its
standard output. It only reads the database, so it may be killed at any moment; it ends when its input does, so that
none outlives whoever started it.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from typing import IO

import msgspec

from adapters.bulk import Folder, Order
from adapters.cancelling import ended
from adapters.database import Database, Unavailable
from adapters.eventlog import EventLog
from adapters.folding import UnprojectableFact
from adapters.readmodels import Portion
from domain.fact import Value
from domain.rejection import Conflict
from projections.catalogue import ALL
from projections.changes import ReadModel
from services import growing
from services.growing import Fold, Tell, silent

LONG = 100_000
"""From so many facts on; fewer are folded in this process before others have started."""
PROCESSES = 2
_NICE = 10
"""Requests go before rebuilds where they share the machine's cores."""
_LENGTH_BYTES = 8
_BUFFER_BYTES = 1 << 20


class GrowthFailed(Exception):
    """A growth failed in another process; the message says why."""


class _Task(Value):
    """What to fold for. Holds the password of the database, so it goes through a pipe."""

    conninfo: str
    models: list[str]


class _Folded(Value, tag="folded"):
    page: list[Portion]


class _Unprojectable(Value, tag="unprojectable"):
    model: str
    position: int
    message: str


class _Away(Value, tag="away"):
    message: str


class _Failed(Value, tag="failed"):
    message: str


_Answer = _Folded | _Unprojectable | _Away | _Failed
_answer: msgspec.msgpack.Decoder[_Answer] = msgspec.msgpack.Decoder(_Answer)
_order = msgspec.json.Decoder(Order)


async def grow(
    database: Database,
    events: EventLog,
    models: Sequence[ReadModel],
    *,
    accept: bool = False,
    afresh: bool = False,
    tell: Tell = silent,
) -> None:
    """As ``growing.grow``, with whoever folds for it.

    Raises ``GrowthFailed`` besides, and ``Conflict`` where a process was killed.
    """
    known = all(ALL.get(model.name) is model for model in models)
    elsewhere = known and await events.head() >= LONG
    async with AsyncExitStack() as stack:
        folding = _process if elsewhere else folding_here
        folds = [
            await stack.enter_async_context(folding(database.conninfo, models))
            for _ in range(PROCESSES if elsewhere else 1)
        ]
        await growing.grow(database, events, models, folds, accept=accept, afresh=afresh, tell=tell)


@asynccontextmanager
async def folding_here(conninfo: str, models: Sequence[ReadModel]) -> AsyncIterator[Fold]:
    """Fold in a thread of this process. Raises ``Unavailable``."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        thread = ThreadPoolExecutor(1, "fold")
        try:
            folder = await loop.run_in_executor(thread, stack.enter_context, Folder.open(conninfo, models))
            yield lambda order: loop.run_in_executor(thread, folder.fold, order)
        finally:
            await asyncio.to_thread(thread.shutdown)


@asynccontextmanager
async def _process(conninfo: str, models: Sequence[ReadModel]) -> AsyncIterator[Fold]:
    """Fold in a process, which has ended when the block is left."""
    # Not by the loop: under uvloop 0.23 starting several programs at once hangs.
    process = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond
        [sys.executable, "-P", "-m", "services.growers"], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin  # noqa: S101 - they are pipes
    assert process.stdout  # noqa: S101
    said = asyncio.StreamReader(_BUFFER_BYTES)
    try:
        process.stdin.write(
            msgspec.json.encode(_Task(conninfo=conninfo, models=[model.name for model in models])) + b"\n"
        )
        loop = asyncio.get_running_loop()
        reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), process.stdout)
        talk = _Talk(process.stdin, said)
        answering = asyncio.create_task(talk.answer())
        try:
            yield talk.fold
        finally:
            await ended(answering)
            reading.close()
    finally:
        process.kill()  # it only reads
        process.wait()
        process.stdin.close()


class _Talk:
    """Orders to one process, which answers them one after the other."""

    def __init__(self, orders: IO[bytes], said: asyncio.StreamReader) -> None:
        self._orders = orders
        self._said = said
        self._asked: asyncio.Queue[asyncio.Future[list[Portion]]] = asyncio.Queue()

    async def fold(self, order: Order) -> list[Portion]:
        """The process's answer."""
        answer: asyncio.Future[list[Portion]] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait(answer)
        with suppress(OSError):  # it has ended, which is noticed when its answer is read
            self._orders.write(msgspec.json.encode(order) + b"\n")
        return await answer

    async def answer(self) -> None:
        """Give each one who asked the answer, also to those who ask when the process has ended."""
        while True:
            answer = await self._asked.get()
            try:
                page = await self._page()
            except Exception as problem:  # noqa: BLE001 - it is for whoever asked
                if not answer.done():
                    answer.set_exception(problem)
            else:
                if not answer.done():
                    answer.set_result(page)

    async def _page(self) -> list[Portion]:
        try:
            length = int.from_bytes(await self._said.readexactly(_LENGTH_BYTES))
            said = await self._said.readexactly(length)
        except asyncio.IncompleteReadError:
            why = "A process of the rebuild was killed. The next rebuild goes on from there."
            raise Conflict(why, code="killed") from None
        match _answer.decode(said):
            case _Folded(page=page):
                return page
            case _Unprojectable(model=model, position=position, message=message):
                raise UnprojectableFact(model, position, message)
            case _Away(message=message):
                raise Unavailable(message)
            case _Failed(message=message):
                raise GrowthFailed(message)


def _answered(folder: Folder, order: Order) -> _Answer:
    try:
        return _Folded(page=folder.fold(order))
    except UnprojectableFact as problem:
        return _Unprojectable(model=problem.model, position=problem.position, message=str(problem))
    except Unavailable as away:
        return _Away(message=str(away))
    except Exception as problem:  # noqa: BLE001 - it is told to whoever asked
        return _Failed(message=growing.reason(problem))


def _serve(output: IO[bytes]) -> None:
    """Answer orders until there are none any more."""

    def say(answer: _Answer) -> None:
        content = msgspec.msgpack.encode(answer)
        output.write(len(content).to_bytes(_LENGTH_BYTES))
        output.write(content)
        output.flush()

    orders = sys.stdin.buffer
    task = msgspec.json.decode(orders.readline(), type=_Task)
    try:
        with Folder.open(task.conninfo, [ALL[name] for name in task.models]) as folder:
            for order in orders:
                say(_answered(folder, _order.decode(order)))
    except Unavailable as away:
        say(_Away(message=str(away)))


def main() -> None:
    """Read the task, and fold what is ordered."""
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # whatever else is printed goes where people look for it
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for whoever started us
        os.nice(_NICE)
        gc.disable()  # no fact is part of a cycle, and all would be looked through again and again
        with suppress(BrokenPipeError):  # nobody listens
            _serve(output)


if __name__ == "__main__":
    main()
