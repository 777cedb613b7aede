"""The work queue of the executors: a durable JetStream consumer a kind, whose acknowledgement clock is the lease."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingThere
from nats.js import JetStreamContext
from prometheus_client import Counter

from adapters.nats import subjects
from adapters.nats.connecting import ANSWER_TIMEOUT, Connection, Session, Unavailable, translated
from adapters.nats.publishing import Message, Refusal, deliver
from adapters.nats.streams import ACK_WAIT
from adapters.nats.subjects import Kind
from commands.policies import BuildWork, WorkItem
from domain.fact import Value

HEARTBEAT = ACK_WAIT / 4
"""Seconds between a job's signs of life; three may be lost."""

FETCH = 2.0
"""Seconds that one request for work waits at the server."""

PAUSE = 0.1
"""Seconds between attempts while JetStream is not ready."""

AGAIN = 1.0
"""Seconds before a job that raised an error is given to somebody again."""

_THERE_ALREADY = "maximum messages per subject exceeded"
_STREAM_INFO = "$JS.API.STREAM.INFO.WORK"

_published = Counter("shipbook_work_published_total", "Items of work that JetStream has stored.", ["kind"])
_redelivered = Counter(
    "shipbook_work_redelivered_total", "Jobs that were given out again, because their lease had ended.", ["kind"]
)

_log = structlog.get_logger(__name__)


class _Subjects(Value):
    subjects: dict[str, int] = {}


class _Page(Value):
    """A part of the subjects that have messages (``JSApiStreamInfoResponse`` of nats-server)."""

    state: _Subjects = _Subjects()
    total: int = 0
    error: Refusal | None = None


_decode_page = msgspec.json.Decoder(_Page).decode


class Job:
    """An item of work in this process's hands, until it is done, put off, or its lease ends.

    ``attempt`` counts from 1 how often the item was given out.
    """

    def __init__(self, connection: Connection, item: WorkItem, attempt: int, released: Callable[[], None]) -> None:
        self.item = item
        self.attempt = attempt
        self._connection = connection
        self._released = released
        self._settled = False
        self._reply = ""
        self._epoch = ""

    def __repr__(self) -> str:
        return f"Job({self.item}, attempt={self.attempt})"

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Holds the lease by a sign of life every ``HEARTBEAT`` seconds, for as long as the context lasts.

        Left by an error, the job is given out again after ``AGAIN`` seconds; left otherwise and not settled, at once.
        """
        beating = asyncio.create_task(self._beat(), name=f"alive {self.item}")
        delay = 0.0
        try:
            yield
        except Exception:
            delay = AGAIN
            raise
        finally:
            beating.cancel()
            if not self._settled:
                await self.later(delay)

    async def done(self) -> None:
        """Take the item out of the queue. Where NATS is away it is given out again, and the domain refuses it then."""
        await self._settle(b"+ACK")

    async def later(self, delay: float) -> None:
        """Have the item given to somebody again, after ``delay`` seconds."""
        await self._settle(b"-NAK " + msgspec.json.encode({"delay": int(delay * 1e9)}))

    def renew(self, reply: str, epoch: str) -> None:
        """From here on the lease is the one of this delivery."""
        self._reply, self._epoch = reply, epoch

    async def _settle(self, word: bytes) -> None:
        if not self._settled:
            self._settled = True
            self._released()
            await self._tell(word)

    async def _beat(self) -> None:
        while True:
            await self._tell(b"+WPI")
            await asyncio.sleep(HEARTBEAT)

    async def _tell(self, word: bytes) -> None:
        """Answer the delivery, unless the stream is another one by now: there, the same address is another item's."""
        with suppress(Unavailable), translated():
            session = await self._connection.session(timeout=0)
            if await session.prepare() == self._epoch:
                await session.client.publish(self._reply, word)


class WorkQueue:
    """Where items of work wait for an executor."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[WorkItem, Job] = {}

    async def publish(self, items: Mapping[str, WorkItem], timeout: float | None = None) -> None:
        """Queue items, each under an id of its own (``Nats-Msg-Id``); all are there when this returns.

        An item that waits or is worked on already is left as it is, as is one whose id came within the last minute.
        Raises Unavailable where one is not stored, or NATS does not come within ``timeout`` seconds; publish all
        of them again then.
        """
        session = await self._connection.session(timeout)
        messages = [Message(id=name, subject=subjects.work(item)) for name, item in items.items()]
        for item, answer in zip(items.values(), await deliver(session, "WORK", messages), strict=True):
            if answer.error is None:
                _published.labels(_kind(item)).inc(not answer.duplicate)
            elif answer.error.description != _THERE_ALREADY:
                raise Unavailable(f"JetStream refused an item of work: {answer.error.description}")

    async def pending(self, timeout: float | None = None) -> set[WorkItem]:
        """All items that wait or are worked on. Raises Unavailable.

        The server tells so many subjects at a time. One that others leave or come before while it is read page by page
        may be left out; queueing it again is refused or harmless.
        """
        session = await self._connection.session(timeout)
        await session.prepare()
        found: set[WorkItem] = set()
        offset = 0
        while True:
            page = await _page(session, offset)
            found.update(_items(page.state.subjects))
            offset += len(page.state.subjects)
            if not page.state.subjects or offset >= page.total:
                return found

    async def take(self, kind: Kind, limit: int) -> AsyncGenerator[Job, None]:
        """Jobs of a kind as they come, for ever; at most ``limit`` in hand at a time.

        Enter ``job.alive()`` for each: leaving it makes room for another. An item that is given out again while this
        very process holds it (NATS was away for longer than the lease, or lost everything) renews the lease of the
        job in hand instead of being a second one. Close the iterator when leaving it early (``contextlib.aclosing``).
        """
        room = asyncio.Semaphore(limit)
        source = _Source(self._connection, kind)
        try:
            while True:
                await room.acquire()
                epoch, message = await source.following()
                job = await self._received(message, epoch, room.release)
                if job is None:
                    room.release()
                else:
                    yield job
        finally:
            await source.close()

    async def _received(self, message: Msg, epoch: str, make_room: Callable[[], None]) -> Job | None:
        try:
            item = subjects.item(message.subject)
        except ValueError:
            _log.error("work.unknown", subject=message.subject, hint="Somebody else publishes to work.> on this NATS.")
            with suppress(Unavailable), translated():
                await message.term()
            return None
        attempt = message.metadata.num_delivered
        if attempt > 1 or item in self._held:
            _redelivered.labels(_kind(item)).inc()
        if item in self._held:
            self._held[item].renew(message.reply, epoch)
            return None

        def released() -> None:
            del self._held[item]
            make_room()

        job = self._held[item] = Job(self._connection, item, attempt, released)
        job.renew(message.reply, epoch)
        return job


class _Source:
    """A pull subscription that is made again whenever it broke."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        self._connection = connection
        self._kind = kind
        self._session: Session | None = None
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def following(self) -> tuple[str, Msg]:
        """The following message, and the epoch of the stream that it came from."""
        while True:
            session = await self._connection.session()
            try:
                with translated():
                    return await self._fetched(session)
            except Unavailable as problem:
                if isinstance(problem.__cause__, NothingThere):
                    continue
                _log.debug("work.waiting", kind=self._kind, problem=str(problem))
                session.unprepare()
                await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Tell the server that nobody waits any more, so that it gives the work to others."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self._session is not None and not self._session.ended.done():
            with suppress(Unavailable), translated():
                await subscription.unsubscribe()

    async def _fetched(self, session: Session) -> tuple[str, Msg]:
        epoch = await session.prepare()
        if self._subscription is None or self._session is not session:
            await self.close()
            self._session = session
            self._subscription = await session.jetstream.pull_subscribe_bind(self._kind, "WORK")
        (message,) = await self._subscription.fetch(1, timeout=FETCH)
        return epoch, message


def _kind(item: WorkItem) -> Kind:
    return "build" if isinstance(item, BuildWork) else "activate"


async def _page(session: Session, offset: int) -> _Page:
    asked = msgspec.json.encode({"subjects_filter": subjects.ALL_WORK, "offset": offset})
    with translated():
        page = _decode_page((await session.client.request(_STREAM_INFO, asked, timeout=ANSWER_TIMEOUT)).data)
    if page.error is not None:
        session.unprepare()
        raise Unavailable(f"The stream of work cannot be read: {page.error.description}")
    return page


def _items(found: Iterable[str]) -> Iterator[WorkItem]:
    for subject in found:
        with suppress(ValueError):
            yield subjects.item(subject)
