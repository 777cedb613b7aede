"""The handler: read, fold, already caused?, decide, append; once more if somebody was faster."""

import asyncio

import pytest

from commands import secret
from commands.account import RegisterAccount, StartSession
from commands.handling import ATTEMPTS, Handler
from commands.ports import Request, RequestReused, SecretValue
from commands.secret import RemoveSecret, RotateSecret, SetSecret
from domain.identifiers import AccountId, CausationId, SecretId, SessionId, TenantId, stream
from domain.rejection import Conflict, NameTaken, NotFound
from domain.secret import SecretRotated, SecretScope, SecretSet
from tests.commands.memory import Interruption, MemoryLog, MemoryVault, caused_by

ID = SecretId("secret")
SET = SetSecret(secret_id=ID, name="API_KEY", scope=SecretScope.WORKSPACE, fingerprint="f1")
WAS_SET = SecretSet(secret_id=ID, name="API_KEY", scope=SecretScope.WORKSPACE, fingerprint="f1")


def rotate(version: int) -> RotateSecret:
    return RotateSecret(secret_id=ID, version=version, fingerprint=f"f{version}")


def facts(log: MemoryLog) -> list[object]:
    return [recorded.fact for recorded in log.recorded]


def test_a_command_is_recorded_with_its_circumstances() -> None:
    log = MemoryLog()
    caused = asyncio.run(Handler(log).handle(SET, caused_by("c1")))
    [recorded] = log.recorded
    assert caused.facts == (recorded,)
    assert (caused.position, caused.version, caused.replayed) == (1, 1, False)
    assert (recorded.stream, recorded.fact) == (stream("secret", ID), WAS_SET)
    assert recorded.context == caused_by("c1")


def test_a_repeated_causation_answers_as_the_first_time_and_adds_nothing() -> None:
    async def story() -> None:
        log = MemoryLog()
        handler = Handler(log)
        await handler.handle(SET, caused_by("c1"))
        first = await handler.handle(rotate(2), caused_by("c2"))
        await handler.handle(rotate(3), caused_by("c3"))
        again = await handler.handle(rotate(2), caused_by("c2"))
        assert (again.facts, again.position, again.version) == (first.facts, first.position, first.version)
        assert (first.replayed, again.replayed) == (False, True)
        assert len(log.recorded) == 3

    asyncio.run(story())


def test_a_command_that_changes_nothing_says_where_the_stream_stands() -> None:
    async def story() -> None:
        handler = Handler(MemoryLog())
        await handler.handle(SET, caused_by("c1"))
        caused = await handler.handle(SET, caused_by("c2"))
        assert (caused.facts, caused.position, caused.version, caused.replayed) == ((), 1, 1, False)

    asyncio.run(story())


def test_when_somebody_was_faster_the_command_is_decided_again_on_what_they_did() -> None:
    async def story() -> None:
        log = MemoryLog()
        handler = Handler(log)
        await handler.handle(SET, caused_by("c1"))
        log.interruptions = [lambda: Handler(log).handle(rotate(2), caused_by("faster"))]
        with pytest.raises(Conflict, match="just rotated"):
            await handler.handle(rotate(2), caused_by("slower"))
        assert [type(fact) for fact in facts(log)] == [SecretSet, SecretRotated]

    asyncio.run(story())


def test_the_same_command_sent_twice_at_once_is_recorded_once() -> None:
    async def story() -> None:
        log = MemoryLog()
        log.interruptions = [lambda: Handler(log).handle(SET, caused_by("c1"))]
        caused = await Handler(log).handle(SET, caused_by("c1"))
        assert caused.replayed
        assert facts(log) == [WAS_SET]

    asyncio.run(story())


def test_after_too_many_faster_writers_the_command_is_refused_as_busy() -> None:
    async def story() -> None:
        log = MemoryLog()
        handler = Handler(log)
        insider = AccountId("insider")
        register = RegisterAccount(
            account_id=insider, email="insider@example.com", workspace_id=TenantId("acme"), workspace_name="Acme"
        )
        await handler.handle(register, caused_by("c1"))

        def sign_in(number: int) -> StartSession:
            return StartSession(
                account_id=insider, session_id=SessionId(f"s{number}"), digest="d", expires_at=caused_by("c").at
            )

        def faster(number: int) -> Interruption:
            return lambda: handler.handle(sign_in(number), caused_by(f"faster {number}"))

        log.interruptions = [faster(number) for number in range(ATTEMPTS)]
        with pytest.raises(Conflict) as caught:
            await handler.handle(sign_in(ATTEMPTS), caused_by("slow"))
        assert caught.value.code == "busy"
        assert len(log.recorded) == 1 + ATTEMPTS

    asyncio.run(story())


def test_a_foreign_tenants_thing_is_not_found_whatever_is_asked() -> None:
    async def story() -> None:
        handler = Handler(MemoryLog())
        await handler.handle(SET, caused_by("c1", "acme"))
        for command in (SET, rotate(2), RemoveSecret(secret_id=ID)):
            with pytest.raises(NotFound):
                await handler.handle(command, caused_by("c2", "globex"))
        with pytest.raises(NotFound):
            await handler.handle(SET, caused_by("c1", "globex"))
        with pytest.raises(NotFound):
            await handler.state(secret.DECIDER, ID, TenantId("globex"))

    asyncio.run(story())


def test_an_account_works_in_several_workspaces() -> None:
    async def story() -> None:
        handler = Handler(MemoryLog())
        insider = AccountId("insider")
        register = RegisterAccount(
            account_id=insider, email="insider@example.com", workspace_id=TenantId("acme"), workspace_name="Acme"
        )
        sign_in = StartSession(account_id=insider, session_id=SessionId("s1"), digest="d", expires_at=caused_by("c").at)
        await handler.handle(register, caused_by("c1", "acme"))
        assert (await handler.handle(sign_in, caused_by("c2", "globex"))).version == 2

    asyncio.run(story())


def test_a_taken_name_records_nothing_and_seals_nothing() -> None:
    async def story() -> None:
        log = MemoryLog()
        handler, vault = Handler(log), MemoryVault(log)
        await handler.handle(SET, caused_by("c1"))
        other = SetSecret(secret_id=SecretId("other"), name="API_KEY", scope=SecretScope.WORKSPACE, fingerprint="f")
        sealed = await vault.seal("acme", "other", 1, SecretValue("value"))
        with pytest.raises(NameTaken):
            await handler.handle(other, caused_by("c2"), sealed=[sealed])
        assert (facts(log), log.sealed) == ([WAS_SET], [])
        assert (await handler.handle(other, caused_by("c3", "globex"))).version == 1

    asyncio.run(story())


class TestAnIdempotencyKey:
    request_1 = Request(causation_id=CausationId("key"), fingerprint="body 1")
    request_2 = Request(causation_id=CausationId("key"), fingerprint="body 2")

    context = caused_by("key")

    def test_with_the_same_body_is_replayed(self) -> None:
        async def story() -> None:
            handler = Handler(MemoryLog())
            await handler.handle(SET, self.context, request=self.request_1)
            assert (await handler.handle(SET, self.context, request=self.request_1)).replayed

        asyncio.run(story())

    def test_with_another_body_is_refused_on_the_same_stream(self) -> None:
        async def story() -> None:
            handler = Handler(MemoryLog())
            await handler.handle(SET, self.context, request=self.request_1)
            with pytest.raises(RequestReused):
                await handler.handle(rotate(2), self.context, request=self.request_2)

        asyncio.run(story())

    def test_with_another_body_is_refused_on_another_stream(self) -> None:
        async def story() -> None:
            log = MemoryLog()
            other = SetSecret(secret_id=SecretId("other"), name="B", scope=SecretScope.WORKSPACE, fingerprint="f")
            await Handler(log).handle(SET, self.context, request=self.request_1)
            with pytest.raises(RequestReused):
                await Handler(log).handle(other, self.context, request=self.request_2)
            assert facts(log) == [WAS_SET]

        asyncio.run(story())
