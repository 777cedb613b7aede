"""Whatever the interleaving of two writers, the log equals some serial order."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count

import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.admission import Submission
from adapters.committing import Committer
from adapters.database import ensure_schema
from adapters.mapping import Mapper
from commands.ports import Append, Request, RequestReused, VersionConflict
from domain.fact import Fact
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, RequestId, StreamName, TenantId, uuid7
from domain.rejection import NameTaken
from domain.reservations import GiveBack, GiveBackAll, Reservation, Take, reservations
from tests.adapters.appends import connected, disconnected, named, secret_removed, secret_set

STREAMS = ("a", "b", "c")
NAMES = ("x", "y")
FACTS = st.one_of(
    st.just(named()),
    st.builds(connected, st.sampled_from(NAMES)),
    st.builds(disconnected, st.sampled_from(NAMES)),
    st.builds(secret_set, st.sampled_from(NAMES)),
    st.builds(secret_removed, st.sampled_from(NAMES)),
)
TURN = st.tuples(
    st.sampled_from(STREAMS),
    st.sampled_from((0, 0, 0, -1, 1)),  # mostly what is thought to be the stream's length
    st.lists(FACTS, min_size=1, max_size=3),
    st.none() | st.tuples(st.sampled_from("kl"), st.sampled_from("fg")),
)
ROUNDS = st.lists(st.lists(TURN, min_size=1, max_size=6), min_size=1, max_size=8)
"""The appends of a round are submitted all at once, to one writer and the other in turn."""

A_KEY_USED_AGAIN_BY_WHOEVER_COMES_SECOND = [
    [("a", 0, [named()], ("k", "f"))],
    [("a", 0, [named()], None), ("b", 0, [named()], None), ("a", 0, [named()], ("k", "g"))],
]
"""It was told that the version had moved on, which is true, and not that its key had come with another request."""

Turn = tuple[str, int, list[Fact], tuple[str, str] | None]
Answer = range | BaseException


class SerialLog:
    """The model: one append after another, as the words of the port have it."""

    def __init__(self) -> None:
        self.lengths: dict[str, int] = {}
        self.holders: dict[tuple[str, str], str] = {}
        self.requests: dict[str, str] = {}

    def append(self, append: Append) -> None:
        if append.request:
            first = self.requests.get(append.request.causation_id, append.request.fingerprint)
            if first != append.request.fingerprint:
                raise RequestReused
        if append.version != self.lengths.get(append.stream, 0):
            raise VersionConflict
        self.holders = self._after(append)
        self.lengths[append.stream] = append.version + len(append.facts)
        if append.request:
            self.requests[append.request.causation_id] = append.request.fingerprint

    def refusal(self, append: Append) -> type[BaseException] | None:
        """How the append would be refused at this point of the order."""
        before = (dict(self.lengths), dict(self.holders), dict(self.requests))
        try:
            self.append(append)
        except (RequestReused, VersionConflict, NameTaken) as refusal:
            return type(refusal)
        else:
            return None
        finally:
            self.lengths, self.holders, self.requests = before

    def _after(self, append: Append) -> dict[tuple[str, str], str]:
        holders = dict(self.holders)
        for change in _reservations(append):
            match change:
                case Take(scope=scope, name=name):
                    if holders.setdefault((scope, name), append.stream) != append.stream:
                        raise NameTaken(scope, name)
                case GiveBack(scope=scope, name=name):
                    if holders.get((scope, name)) == append.stream:
                        del holders[scope, name]
                case GiveBackAll():
                    holders = {name: holder for name, holder in holders.items() if holder != append.stream}
        return holders


def _reservations(append: Append) -> Sequence[Reservation]:
    return [change for fact in append.facts for change in reservations(fact, append.context.tenant_id)]


class TwoWriters:
    """Two committers on one database, as two processes have them."""

    def __init__(self, url: str, portal: BlockingPortal, committers: Sequence[Committer]) -> None:
        self.url = url
        self.mapper = Mapper()
        self._portal = portal
        self._committers = committers

    def at_once(self, appends: Sequence[Append]) -> list[Answer]:
        return self._portal.call(self._recorded, appends)

    async def _recorded(self, appends: Sequence[Append]) -> list[Answer]:
        recording = [self._record(append, self._committers[number % 2]) for number, append in enumerate(appends)]
        return await asyncio.gather(*recording, return_exceptions=True)

    async def _record(self, append: Append, committer: Committer) -> range:
        submission = Submission(
            runs=[self.mapper.stored(append.stream, append.version, append.facts, append.context)],
            reservations=_reservations(append),
            request=append.request,
        )
        return await committer.record(submission, patience=30)

    def facts(self) -> list[Recorded]:
        query = "SELECT position, stream, version, tag, state FROM log.events ORDER BY position"
        with psycopg.connect(self.url) as connection:
            return [self.mapper.recorded(*row) for row in connection.execute(query)]

    def holders(self, scope: str) -> dict[tuple[str, str], str]:
        query = "SELECT scope, name, holder FROM log.reservations WHERE scope LIKE '%%/' || %s"
        with psycopg.connect(self.url) as connection:
            return {(scope, name): holder for scope, name, holder in connection.execute(query, [scope])}


@pytest.fixture
def writers(database_url: str) -> Iterator[TwoWriters]:
    conninfo = ensure_schema(database_url)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Committer.open(conninfo)) as one,
        portal.wrap_async_context_manager(Committer.open(conninfo)) as other,
    ):
        yield TwoWriters(database_url, portal, [one, other])


def test_whatever_two_writers_do_at_once_the_log_equals_some_serial_order(writers: TwoWriters) -> None:
    in_order: list[Append] = []  # of all examples
    examples = count(1)

    @settings(max_examples=60, deadline=None)
    @given(ROUNDS)
    @example(A_KEY_USED_AGAIN_BY_WHOEVER_COMES_SECOND)
    def the_order_is_serial(rounds: list[list[Turn]]) -> None:
        tenant = TenantId(f"tenant {next(examples)}")  # a workspace of its own: nothing of earlier examples is in it
        model = SerialLog()
        for turns in rounds:
            appends = [_append(turn, model, tenant) for turn in turns]
            answers = writers.at_once(appends)
            in_order.extend(_replayed(model, appends, answers))
        assert writers.holders(tenant) == model.holders

    the_order_is_serial()

    facts = writers.facts()
    assert [(fact.stream, fact.fact, fact.context) for fact in facts] == [
        (append.stream, fact, append.context) for append in in_order for fact in append.facts
    ]
    assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))


def _append(turn: Turn, model: SerialLog, tenant: TenantId) -> Append:
    name, off, facts, key = turn
    stream = StreamName(f"{name}-{tenant}")
    causation_id = CausationId(f"{key[0]} {tenant}" if key else uuid7())
    return Append(
        stream=stream,
        version=max(model.lengths.get(stream, 0) + off, 0),
        facts=tuple(facts),
        context=Context(
            tenant_id=tenant,
            actor=Actor(),
            correlation_id=RequestId("request"),
            causation_id=causation_id,
            at=datetime.now(UTC),
        ),
        request=Request(causation_id=causation_id, fingerprint=key[1]) if key else None,
    )


def _replayed(model: SerialLog, appends: Sequence[Append], answers: Sequence[Answer]) -> list[Append]:
    """The recorded appends in order. Each is possible in its place, and each refusal is at some place of the order."""
    recorded = {answer[0]: append for append, answer in zip(appends, answers, strict=True) if _positions(answer)}
    refused = [(append, answer) for append, answer in zip(appends, answers, strict=True) if not _positions(answer)]
    possible = [{model.refusal(append)} for append, _ in refused]
    for position in sorted(recorded):
        model.append(recorded[position])
        for (append, _), refusals in zip(refused, possible, strict=True):
            refusals.add(model.refusal(append))
    for (_, answer), refusals in zip(refused, possible, strict=True):
        assert type(answer) in refusals
    return [recorded[position] for position in sorted(recorded)]


def _positions(answer: Answer) -> bool:
    return not isinstance(answer, BaseException)
