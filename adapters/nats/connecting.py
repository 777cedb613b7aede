"""One connection to NATS for the whole process: it comes by itself, and comes back by itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import structlog
from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.errors import APIError, ServiceUnavailableError

from adapters.cancelling import heeded
from adapters.nats import streams

CONNECT_TIMEOUT = 2
"""Seconds that one attempt to connect may take."""

ANSWER_TIMEOUT = 2
"""Seconds within which a server that is alive answers."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between attempts to connect: doubled after each, up to the longest, and spread by chance."""

PING_INTERVAL = 2
"""Seconds between pings; the connection is given up after two without an answer."""

MUTE_SECONDS = 4.0
"""So long a stream may answer to no message before it is made anew, where the server itself answers."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Unavailable(Exception):
    """NATS is away, or JetStream does not do what was asked. Nothing is lost by trying again later."""


class Unanswered(Unavailable):
    """An answer stays out."""


class Session:
    """One connection from its making to its end; it is never repaired, a new one takes its place.

    The client's own reconnecting is not used: pull subscriptions would stay dead after it, what was published
    meanwhile would be kept or lost without a word, and it gives up for good when the server refuses it once.
    """

    def __init__(self, client: Client, ended: asyncio.Future[None]) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=ANSWER_TIMEOUT)
        self.ended = ended
        self._preparing = asyncio.Lock()
        self._epoch: str | None = None
        self._mute_since: dict[str, float] = {}

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        return not (self.ended.done() or self.client.is_closed)

    async def prepare(self) -> str:
        """Make missing streams and consumers, once; the WORK stream's epoch, another one after each wipe.

        Raises Unavailable.
        """
        async with self._preparing:
            if self._epoch is None:
                with translated():
                    self._epoch = await streams.ensure(self.jetstream)
            return self._epoch

    def unprepare(self) -> None:
        """Have ``prepare`` look again, because a stream or consumer was found missing."""
        self._epoch = None

    async def answer(self, future: asyncio.Future[T]) -> T:
        """The future's result; Unavailable where the session ends first or ``ANSWER_TIMEOUT`` passes."""
        futures: set[asyncio.Future[Any]] = {future, self.ended}
        await asyncio.wait(futures, timeout=ANSWER_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            raise Unanswered("NATS did not answer.")
        return future.result()

    @asynccontextmanager
    async def storing(self, stream: str) -> AsyncIterator[None]:
        """Messages for ``stream`` are sent and answered in the block; a stream that stays mute is made anew.

        That is what mends a stream of nats-server 2.15 to which it once could not write, as on a full disk: it stores
        nothing more, and says nothing. What was in it comes again from the log, as after a wipe.
        """
        try:
            yield
        except Unanswered:
            now = asyncio.get_running_loop().time()
            since = self._mute_since.setdefault(stream, now - ANSWER_TIMEOUT)
            if self.alive and now - since >= MUTE_SECONDS:
                await self._drop(stream)
            raise
        self._mute_since.pop(stream, None)

    async def _drop(self, stream: str) -> None:
        """Delete the stream, so that ``prepare`` makes it; not where nothing answers, for then it is not the stream."""
        with translated():
            await self.client.flush(ANSWER_TIMEOUT)
            await self.jetstream.delete_stream(stream)
        self._mute_since.pop(stream, None)
        self.unprepare()
        _log.warning("nats.stream_dropped", stream=stream, hint="It stored nothing any more. It is made anew, empty.")


@contextmanager
def translated() -> Iterator[None]:
    """The client's errors come out as Unavailable, and a request to stop is not lost."""
    try:
        with heeded():
            yield
    except (Error, OSError, TimeoutError) as problem:
        raise Unavailable(_explained(problem)) from problem


def _explained(problem: Exception) -> str:
    """JetStream's own words where it said any; else the type only, because a text may hold an address."""
    said = problem.description if isinstance(problem, APIError) else None
    if isinstance(problem, ServiceUnavailableError) and not said:
        return "NATS is there, but without JetStream. If that stays so, start it with JetStream: nats-server -js"
    return f"NATS: {said or type(problem).__name__}"


class Connection:
    """Keeps one session open for as long as the context lasts, from before NATS is there until after it is gone.

    ``locate`` gives the URL, one server or several with commas between. It is asked before each attempt, because an
    embedded server may come back elsewhere. The URL's password is shown nowhere.
    """

    def __init__(self, locate: Callable[[], str], *, name: str) -> None:
        self._locate = locate
        self._servers: list[str] = []
        self._name = name
        self._session: Session | None = None
        self._arrived = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Connection({self.shown or 'not tried yet'})"

    @property
    def shown(self) -> str:
        """The servers' addresses without user and password."""
        return ",".join(urlsplit(server).netloc.rpartition("@")[2] or "nats" for server in self._servers)

    @property
    def connected(self) -> bool:
        """Whether NATS is there at this moment."""
        return self._current() is not None

    async def session(self, timeout: float | None = None) -> Session:
        """The session, as soon as there is one; Unavailable where there is none within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while (session := self._current()) is None:
                    await self._arrived.wait()
                return session
        except TimeoutError:
            raise Unavailable(f"NATS is not reachable at {self.shown}.") from None

    def _current(self) -> Session | None:
        """The session; one that has ended counts no more, even before the keeper sees it."""
        if self._session is not None and not self._session.alive:
            self._session = None
            self._arrived.clear()
        return self._session

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep(), name="nats-connection")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with heeded():
                async with self._opened() as session:
                    if session is not None:
                        pause = FIRST_PAUSE
                        await self._serve(session)
                    elif pause == FIRST_PAUSE:
                        hint = "Trying again; all goes on by polling."
                        _log.warning("nats.unreachable", server=self.shown, hint=hint)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads attempts, guards nothing
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _serve(self, session: Session) -> None:
        _log.info("nats.connected", server=self.shown)
        self._session = session
        self._arrived.set()
        try:
            # The client calls back when it has closed, but closing may hang on a server that hangs.
            while session.alive:
                await asyncio.wait({session.ended}, timeout=PING_INTERVAL)
        finally:
            self._session = None
            self._arrived.clear()
        _log.warning("nats.lost", server=self.shown, hint="Trying again; all goes on by polling.")

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Session | None]:
        client, ended = Client(), asyncio.get_running_loop().create_future()
        try:
            yield await self._connected(client, ended)
        finally:
            if not ended.done():
                ended.set_result(None)
            with suppress(Exception):  # what is left of a broken connection may break its closing in any way
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await client.close()

    async def _connected(self, client: Client, ended: asyncio.Future[None]) -> Session | None:
        async def closed() -> None:
            if not ended.done():
                ended.set_result(None)

        with translated():
            try:
                self._servers = self._locate().split(",")
                await client.connect(
                    list(self._servers),
                    name=self._name,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=FIRST_PAUSE,  # type: ignore[arg-type] # any number of seconds will do
                    connect_timeout=CONNECT_TIMEOUT,
                    ping_interval=PING_INTERVAL,
                    flush_timeout=ANSWER_TIMEOUT,
                    error_cb=_note,
                    closed_cb=closed,
                )
            except Exception as problem:  # noqa: BLE001 - whatever it is, the next attempt follows; giving up would be final
                await _note(problem)
                return None
        return Session(client, ended)


async def _note(problem: Exception) -> None:
    """The client's own errors; by type only, because their text may hold an address with its password."""
    _log.debug("nats.problem", problem=type(problem).__name__)
