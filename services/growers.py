"""Growing the read models of a long log in processes of their own: two fold at once, and neither holds up this one.

A process is told what to grow by a line on its standard input, and tells how far it is by lines on its standard output.
It ends when its input does, so that none outlives whoever started it; what it has grown is kept, as of every growth.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from adapters.database import Database, Unavailable
from adapters.eventlog import EventLog
from adapters.growths import Growth
from domain.fact import Fact, Value
from domain.rejection import Conflict
from projections.catalogue import ALL
from projections.changes import ReadModel
from services import growing
from services.growing import Stopped, Tell, silent

LONG = 100_000
"""From so many facts on; fewer are grown in this process before others have started."""
_CONNECTIONS = 4
_GRACE_SECONDS = 10.0
_NICE = 5
"""Requests go before rebuilds where they share the machine's cores."""


class GrowthFailed(Exception):
    """A growth in another process failed; the message says why."""


class _Order(Value):
    """What to grow. Holds the password of the database, so it goes through a pipe."""

    conninfo: str
    models: list[str]
    accept: bool
    afresh: bool


class _Told(Value, tag="told"):
    growth: Growth


class _Refused(Value, tag="refused"):
    message: str
    code: str


class _Stopped(Value, tag="stopped"):
    models: list[str]


class _Away(Value, tag="away"):
    message: str


class _Failed(Value, tag="failed"):
    message: str


class _Done(Value, tag="done"):
    pass


_Word = _Told | _Refused | _Stopped | _Away | _Failed | _Done
_word: msgspec.json.Decoder[_Word] = msgspec.json.Decoder(_Word)


async def grow(
    database: Database,
    events: EventLog,
    models: Sequence[ReadModel],
    *,
    accept: bool = False,
    afresh: bool = False,
    tell: Tell = silent,
) -> None:
    """As ``growing.grow``, in processes of their own where the log is long.

    What one of them cannot do does not keep the other from its part; it is raised at the end. Raises ``GrowthFailed``
    besides, and ``Conflict`` where a process was killed.
    """
    shares = _shares(models)
    if len(shares) == 1 or await events.head() < LONG:
        await growing.grow(database, events, models, accept=accept, afresh=afresh, tell=tell)
        return
    orders = [_Order(conninfo=database.conninfo, models=share, accept=accept, afresh=afresh) for share in shares]
    ends = await asyncio.gather(*(_carried_out(order, tell) for order in orders), return_exceptions=True)
    for problem in ends:
        if problem is not None:
            raise problem


def _shares(models: Sequence[ReadModel]) -> list[list[str]]:
    """Two shares of about the same weight: whoever takes every fact, and all that choose. One for others' models."""
    shares = [[model.name for model in models if model.is_about(Fact) is whole] for whole in (True, False)]
    known = all(ALL.get(model.name) is model for model in models)
    return [share for share in shares if share] if known else [[model.name for model in models]]


async def _carried_out(order: _Order, tell: Tell) -> None:
    """Let a process of its own do it."""
    async with _process(order) as said:
        async for line in said:
            match _word.decode(line):
                case _Told(growth=growth):
                    growing.show(growth)
                    tell(growth)
                case _Refused(message=message, code=code):
                    raise Conflict(message, code=code)
                case _Stopped(models=stopped):
                    raise Stopped(stopped)
                case _Away(message=message):
                    raise Unavailable(message)
                case _Failed(message=message):
                    raise GrowthFailed(message)
                case _Done():
                    return
    names = ", ".join(order.models)
    raise Conflict(f"The process that grew {names} was killed. The next rebuild goes on from there.", code="killed")


@asynccontextmanager
async def _process(order: _Order) -> AsyncIterator[asyncio.StreamReader]:
    """What the process says. It has ended when the block is left."""
    # Not by the loop: under uvloop 0.23 starting several programs at once hangs.
    process = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond
        [sys.executable, "-P", "-m", "services.growers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin  # noqa: S101 - they are pipes
    assert process.stdout  # noqa: S101
    said = asyncio.StreamReader()
    try:
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        process.stdin.flush()
        loop = asyncio.get_running_loop()
        reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), process.stdout)
        try:
            yield said
        finally:
            await asyncio.shield(asyncio.to_thread(_end, process))
            reading.close()
    finally:
        process.kill()
        process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it stop by itself for a while."""
    assert process.stdin  # noqa: S101 - it is a pipe
    with suppress(subprocess.TimeoutExpired):
        process.stdin.close()
        process.wait(_GRACE_SECONDS)


async def _obey(order: _Order, say: Callable[[_Word], None]) -> None:
    """Do what the order says, until there is no input any more."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task  # noqa: S101 - it runs

    def end() -> None:
        loop.remove_reader(sys.stdin.fileno())
        task.cancel()

    loop.add_reader(sys.stdin.fileno(), end)
    async with (
        Database.open(order.conninfo, connections=_CONNECTIONS) as database,
        EventLog.open(database) as events,
    ):
        await growing.grow(
            database,
            events,
            [ALL[name] for name in order.models],
            accept=order.accept,
            afresh=order.afresh,
            tell=lambda growth: say(_Told(growth=growth)),
        )


def main() -> None:
    """Read the order, carry it out, and tell how it goes."""
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # whatever else is printed goes where people look for it
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for whoever started us
        os.nice(_NICE)

        def say(word: _Word) -> None:
            output.write(msgspec.json.encode(word) + b"\n")
            output.flush()

        order = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Order)
        try:
            asyncio.run(_obey(order, say))
            say(_Done())
        except asyncio.CancelledError:
            pass  # nobody listens
        except Conflict as refused:
            say(_Refused(message=refused.message, code=refused.code))
        except Stopped as stopped:
            say(_Stopped(models=list(stopped.models)))
        except Unavailable as away:
            say(_Away(message=str(away)))
        except Exception as problem:  # noqa: BLE001 - it is told to whoever started us
            say(_Failed(message=growing.reason(problem)))


if __name__ == "__main__":
    main()
