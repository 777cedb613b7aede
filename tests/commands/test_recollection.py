"""A stream is read once, then continued; what is remembered is bounded and never trusted over the log."""

import asyncio
from collections.abc import Sequence

import pytest

from commands import recollection, secret
from commands.handling import Handler
from commands.secret import RotateSecret, SetSecret
from domain.history import Recorded
from domain.identifiers import SecretId, StreamName, TenantId
from domain.rejection import NotFound
from domain.secret import SecretScope
from tests.commands.memory import MemoryLog, caused_by


class Counting(MemoryLog):
    """Counts the facts that were read, and how often a handler asked for any."""

    def __init__(self) -> None:
        super().__init__()
        self.facts_read = 0
        self.times_asked = 0

    async def read(self, stream: StreamName, after: int = 0) -> Sequence[Recorded]:
        found = await super().read(stream, after)
        self.times_asked += 1
        self.facts_read += len(found)
        return found


async def rotated(handler: Handler, times: int, name: str = "one") -> None:
    """A secret that was set, then rotated so many times."""
    identity = SecretId(name)
    await handler.handle(
        SetSecret(secret_id=identity, name="KEY", scope=SecretScope.WORKSPACE, fingerprint="f1"),
        caused_by(f"{name} was set", f"tenant of {name}"),
    )
    for version in range(2, times + 2):
        command = RotateSecret(secret_id=identity, version=version, fingerprint=f"f{version}")
        await handler.handle(command, caused_by(f"{name} {version}", f"tenant of {name}"))


def test_a_command_reads_no_more_of_a_long_stream_than_what_follows() -> None:
    log = Counting()
    asyncio.run(rotated(Handler(log), 200))
    facts = 201
    assert log.facts_read <= 2 * facts


def test_another_writers_facts_are_seen() -> None:
    async def story() -> None:
        log = MemoryLog()
        one, other = Handler(log), Handler(log)
        await rotated(one, 3)
        await other.handle(
            RotateSecret(secret_id=SecretId("one"), version=5, fingerprint="f5"), caused_by("other", "tenant of one")
        )
        state = await one.state(secret.DECIDER, "one", TenantId("tenant of one"))
        assert state.version == 5

    asyncio.run(story())


def test_what_is_remembered_is_no_other_tenants() -> None:
    async def story() -> None:
        handler = Handler(MemoryLog())
        await rotated(handler, 3)
        with pytest.raises(NotFound):
            await handler.state(secret.DECIDER, "one", TenantId("another"))

    asyncio.run(story())


def test_the_streams_used_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recollection, "MOST_FACTS", 10)

    async def story() -> None:
        log = Counting()
        handler = Handler(log)
        for name in ("one", "two", "three"):
            await rotated(handler, 4, name)
        log.facts_read = 0
        await handler.state(secret.DECIDER, "three", TenantId("tenant of three"))
        assert log.facts_read <= 2
        await handler.state(secret.DECIDER, "one", TenantId("tenant of one"))
        assert log.facts_read >= 5

    asyncio.run(story())


def test_a_log_that_lost_its_end_is_believed_over_what_is_remembered() -> None:
    async def story() -> None:
        log = MemoryLog()
        handler = Handler(log)
        await rotated(handler, 4)
        await handler.state(secret.DECIDER, "one", TenantId("tenant of one"))
        del log.recorded[3:]  # as after the restore of a backup
        command = RotateSecret(secret_id=SecretId("one"), version=4, fingerprint="f4")
        caused = await handler.handle(command, caused_by("after the restore", "tenant of one"))
        assert caused.version == 4

    asyncio.run(story())


def test_what_is_made_anew_is_recorded_without_being_looked_for() -> None:
    log = Counting()
    command = SetSecret(secret_id=SecretId("new"), name="KEY", scope=SecretScope.WORKSPACE, fingerprint="f1")
    caused = asyncio.run(Handler(log).handle(command, caused_by("new")))
    assert (caused.version, log.times_asked) == (1, 0)


def test_what_another_tenant_has_is_not_found_by_one_who_makes_it_anew() -> None:
    async def story() -> None:
        log = MemoryLog()
        await rotated(Handler(log), 1)
        command = SetSecret(secret_id=SecretId("one"), name="KEY", scope=SecretScope.WORKSPACE, fingerprint="f1")
        with pytest.raises(NotFound):
            await Handler(log).handle(command, caused_by("again", "another tenant"))
        assert len(log.recorded) == 2

    asyncio.run(story())
