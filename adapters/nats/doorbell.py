"""Doorbells: "there may be news". A ring may be lost, late or doubled, so whoever waits also looks by itself.

One subscription to ``bell.>`` serves a whole process, however many wait in it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Self

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from prometheus_client import Counter, Gauge

from adapters.bell import Bell, Bells
from adapters.nats import subjects
from adapters.nats.connecting import ANSWER_TIMEOUT, Connection, Session, Unavailable, translated
from adapters.nats.publishing import FactAddress
from domain.identifiers import StreamName, TenantId

COALESCING = 0.002
"""Seconds within which the rings of one name become one; the first after a silence goes out at once."""

MOST_RINGS = 10_000
"""Names that wait to be rung; further ones are dropped, as if the ring was lost."""

MOST_ARRIVALS = 1_000
"""Facts kept for one that listens; older ones are dropped, as if the ring was lost."""

PAUSE = 0.1
"""Seconds before a subscription that NATS did not take is tried again."""

_rung = Counter("shipbook_rings_sent_total", "Doorbells rung by this process.")
_heard = Counter("shipbook_rings_heard_total", "Doorbells that this process heard, whether or not anybody waited.")
_waiting = Gauge("shipbook_rings_awaited", "Readers of this process that listen for doorbells.")

_log = structlog.get_logger(__name__)

_address = msgspec.json.Decoder(FactAddress)


class Arrival(msgspec.Struct, frozen=True):
    """A fact that was published: whose, what, and where it stands in the log."""

    tenant_id: TenantId
    tag: str
    stream: StreamName
    version: int
    position: int


class FactBell:
    """One reader's bell for the facts of one filter."""

    def __init__(self) -> None:
        self._bell = Bell()
        self._arrivals: deque[Arrival] = deque(maxlen=MOST_ARRIVALS)

    async def wait(self, timeout: float) -> list[Arrival]:
        """The facts that came since the last call, waiting for the first at most ``timeout`` seconds.

        It may be empty early: NATS came back, and what was published meanwhile is found in the log only.
        """
        await self._bell.wait(timeout)
        arrivals = list(self._arrivals)
        self._arrivals.clear()
        return arrivals

    def ring(self, arrival: Arrival | None = None) -> None:
        """Wake the reader."""
        if arrival is not None:
            self._arrivals.append(arrival)
        self._bell.ring()


class Doorbells:
    """All bells of a process, over its one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bells = Bells()
        self._fact_bells: defaultdict[str, set[FactBell]] = defaultdict(set)
        self._changed = asyncio.Event()
        self._to_ring: set[str] = set()
        self._ringing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._listen(), name="doorbells-listen"),
            asyncio.create_task(self._ring(), name="doorbells-ring"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    def ring(self, name: str) -> None:
        """Say that there may be news for whoever waits for ``name``, here or elsewhere. Never waits."""
        if len(self._to_ring) < MOST_RINGS:
            self._to_ring.add(subjects.bell(name))
            self._ringing.set()

    @contextmanager
    def bell(self, name: str) -> Iterator[Bell]:
        """A bell that ``ring(name)`` of any process rings, and so does each new connection to NATS."""
        with self._bells.listening(subjects.bell(name)) as bell, _waiting.track_inprogress():
            yield bell

    @contextmanager
    def facts(self, tag: str, tenant_id: TenantId | None = None) -> Iterator[FactBell]:
        """A bell that each fact with this tag rings, of one tenant or of all, and so does each new connection."""
        bell, subject = FactBell(), subjects.facts(tag, tenant_id)
        try:
            self._fact_bells[subject].add(bell)
            self._changed.set()
            with _waiting.track_inprogress():
                yield bell
        finally:
            self._fact_bells[subject].discard(bell)
            if not self._fact_bells[subject]:
                del self._fact_bells[subject]
            self._changed.set()

    async def _ring(self) -> None:
        while True:
            await self._ringing.wait()
            self._ringing.clear()
            names, self._to_ring = self._to_ring, set()
            try:
                session = await self._connection.session(timeout=0)
                with translated():
                    for name in names:
                        await session.client.publish(name)
                _rung.inc(len(names))
            except Unavailable:
                pass  # lost, as a ring may be
            await asyncio.sleep(COALESCING)

    async def _listen(self) -> None:
        while True:
            session = await self._connection.session()
            session.ended.add_done_callback(lambda _: self._changed.set())
            subscriptions: dict[str, Subscription] = {}
            while session.alive:
                self._changed.clear()
                try:
                    with translated():
                        await self._subscribe(session, subscriptions)
                except Unavailable as problem:
                    _log.debug("doorbells.waiting", problem=str(problem))
                    await asyncio.sleep(PAUSE)
                else:
                    await self._changed.wait()

    async def _subscribe(self, session: Session, subscriptions: dict[str, Subscription]) -> None:
        """Subscribe to what is listened for and to nothing else; wake those who could not hear until then."""
        wanted = {subjects.ALL_BELLS, *self._fact_bells}
        for subject in subscriptions.keys() - wanted:
            await subscriptions.pop(subject).unsubscribe()
        fresh = wanted - subscriptions.keys()
        for subject in fresh:
            heard = self._on_ring if subject == subjects.ALL_BELLS else partial(self._on_fact, subject)
            subscriptions[subject] = await session.client.subscribe(subject, cb=heard)
        await session.client.flush(ANSWER_TIMEOUT)
        if subjects.ALL_BELLS in fresh:
            self._bells.ring_all()
        for bell in chain.from_iterable(self._fact_bells.get(subject, ()) for subject in fresh):
            bell.ring()

    async def _on_ring(self, message: Msg) -> None:
        _heard.inc()
        self._bells.ring(message.subject)

    async def _on_fact(self, subject: str, message: Msg) -> None:
        try:
            tenant_id, tag = subjects.tenant_and_tag(message.subject)
            at = _address.decode(message.data)
        except (ValueError, msgspec.MsgspecError):
            _log.error("doorbells.unknown", subject=message.subject, hint="Somebody else publishes to facts.>.")
            return
        arrival = Arrival(tenant_id, tag, StreamName(at.stream), at.version, at.position)
        for bell in self._fact_bells.get(subject, ()):
            bell.ring(arrival)
