"""Publishing to JetStream: many messages in flight, each acknowledged, none stored twice."""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
from nats.aio.msg import Msg
from nats.js.api import Header
from prometheus_client import Counter

from adapters.nats import subjects
from adapters.nats.connecting import Connection, Session, Unavailable, translated
from domain.fact import Value
from domain.history import Recorded

IN_FLIGHT = 256
"""Messages that wait for their acknowledgements at one time, and"""

IN_FLIGHT_BYTES = 2**20
"""the bytes of them, or a single larger message. Below the client's own buffer, which waits without a bound."""

LARGEST_BODY = 2**19
"""Bytes of a fact that is published whole (nats-server takes 1 MiB); of a larger one only its address is."""

_published = Counter("shipbook_facts_published_total", "Facts that JetStream has acknowledged.")
_repeated = Counter("shipbook_facts_repeated_total", "Facts that JetStream had already, and did not store again.")


class Message(Value):
    """A message for a stream, which keeps only the first of several with one ``id`` (``Nats-Msg-Id``)."""

    id: str
    subject: str
    body: bytes = b""


class Refusal(Value):
    """Why JetStream does not store a message."""

    code: int
    err_code: int = 0
    description: str = ""


class Answer(Value):
    """JetStream's answer to a message: ``duplicate`` where it had the id already."""

    duplicate: bool = False
    error: Refusal | None = None


class FactAddress(Value):
    """Where a fact stands in the log: enough to read it there."""

    position: int
    stream: str
    version: int


NO_STREAM = Answer(error=Refusal(code=503, description="no stream takes this subject"))

_answer = msgspec.json.Decoder(Answer)


async def deliver(session: Session, stream: str, messages: Sequence[Message]) -> list[Answer]:
    """Send all the messages, which are for one stream, in their order; JetStream's answers in the same order.

    Raises Unavailable where an answer stays out; some of the messages may then be stored.
    """
    await session.prepare()
    async with session.storing(stream):
        with translated():
            answers = [answer for window in _windows(messages) for answer in await _exchange(session, window)]
    if NO_STREAM in answers:
        session.unprepare()
        raise Unavailable("A stream is missing on NATS; it is made again.")
    return answers


async def _exchange(session: Session, messages: Sequence[Message]) -> list[Answer]:
    answers: dict[int, Answer] = {}
    complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    inbox = session.client.new_inbox()

    async def collect(message: Msg) -> None:
        answers[int(message.subject[len(inbox) + 1 :])] = _read(message)
        if len(answers) == len(messages) and not complete.done():
            complete.set_result(None)

    subscription = await session.client.subscribe(f"{inbox}.*", cb=collect)
    try:
        for number, message in enumerate(messages):
            await session.client.publish(
                message.subject, message.body, reply=f"{inbox}.{number}", headers={Header.MSG_ID: message.id}
            )
        await session.answer(complete)
    finally:
        if not session.client.is_closed:
            await subscription.unsubscribe()
    return [answers[number] for number in range(len(messages))]


def _read(message: Msg) -> Answer:
    """An empty message with a status is NATS's own: nobody listens to the subject."""
    return _answer.decode(message.data) if message.data else NO_STREAM


def _windows(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    window: list[Message] = []
    size = 0
    for message in messages:
        if window and (len(window) == IN_FLIGHT or size + len(message.body) > IN_FLIGHT_BYTES):
            yield window
            window, size = [], 0
        window.append(message)
        size += len(message.body)
    if window:
        yield window


class FactPublisher:
    """Carries facts to ``facts.<tenant>.<tag>``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, facts: Sequence[Recorded], timeout: float | None = None) -> None:
        """Publish the facts in order; all are stored when this returns.

        Raises Unavailable where one of them is not, or where NATS does not come within ``timeout`` seconds. Publish
        all of them again then: those that are stored are kept once.
        """
        session = await self._connection.session(timeout)
        answers = await deliver(session, "FACTS", [_message(fact) for fact in facts])
        for answer in answers:
            if answer.error is not None:
                raise Unavailable(f"JetStream refused a fact: {answer.error.description}")
        repeated = sum(answer.duplicate for answer in answers)
        _repeated.inc(repeated)
        _published.inc(len(answers) - repeated)


def _message(recorded: Recorded) -> Message:
    body = msgspec.json.encode(recorded)
    if len(body) > LARGEST_BODY:
        body = msgspec.json.encode(
            FactAddress(position=recorded.position, stream=recorded.stream, version=recorded.version)
        )
    return Message(id=recorded.id, subject=subjects.fact(recorded), body=body)
