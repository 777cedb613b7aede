"""Deliveries: each once an event and channel, whoever dies, and tried again until they get through or are given up."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.notifications.deliveries import Attempt, Deliveries, DeliveryRow, DeliveryStatus, delivery_of
from adapters.notifications.sending import Verdict
from domain.identifiers import ChannelId, DeliveryId, StreamName, TenantId
from services import courier
from services.courier import EACH, LONGEST_WAIT, TRIED_FOR, Courier, consequence
from services.notifier import OFFICE, Notifier
from tests.dialects.plane import Caller, Plane
from tests.notifications.receiving import Receiver

CHANNELS = "/notification-channels"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PENDING = DeliveryRow(
    id=DeliveryId("d"),
    tenant_id=TenantId("t"),
    channel_id=ChannelId("c"),
    position=1,
    type="secret.set",
    subject=StreamName("secret-1"),
    status=DeliveryStatus.PENDING,
    asked=0,
    attempts=0,
    tried=(),
    created_at=NOW,
    begun_at=NOW,
    due_at=NOW,
    ended_at=None,
)
FAILED = Verdict(delivered=False, answer="Later.", code=503)


def webhook(caller: Caller, url: str, name: str = "ci", **fields: Any) -> Any:
    """A channel."""
    body = {"name": name, "type": "webhook", "url": url, "events": ["repository"], **fields}
    return caller.post(CHANNELS, body)


def deliveries(caller: Caller, channel: Any, status: str | None = None) -> list[Any]:
    """What was sent to a channel, or is to be."""
    query = f"?status={status}" if status else ""
    return list(caller.get(f"{CHANNELS}/{channel['id']}/deliveries{query}")["items"])


def audited(caller: Caller, tag: str) -> list[Any]:
    """What the audit trail has of one kind."""
    return list(caller.get(f"/audit?action={tag}")["items"])


def test_a_receiver_that_fails_is_tried_again_with_the_same_id(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    receiver.answers = [500, 302]
    channel = webhook(insider, receiver.url)

    insider.connection()

    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    assert len({one.id for one in receiver.received}) == 1
    [row] = deliveries(insider, channel)
    assert (row["attempts"], row["eventType"], row["nextAttemptAt"]) == (3, "repository.connected", None)
    shown = insider.get(f"{CHANNELS}/{channel['id']}/deliveries/{row['id']}")
    assert [(one["code"], one["delivered"]) for one in shown["tried"]] == [(500, False), (302, False), (204, True)]
    assert shown["tried"][0]["answer"] == "said 500"
    assert (row["id"], row["lastAnswer"]) == (receiver.received[0].id, "204")


def test_a_receiver_that_is_gone_is_given_up_and_its_channel_disabled(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    receiver.answers = [410]
    channel = webhook(insider, receiver.url)
    watcher = webhook(insider, f"{receiver.url}/watcher", "watcher", events=["channel.disabled"])

    insider.connection()

    plane.wait(lambda: insider.get(f"{CHANNELS}/{channel['id']}")["status"] == "disabled")
    assert "410" in insider.get(f"{CHANNELS}/{channel['id']}")["disabledBecause"]
    [abandoned] = audited(insider, "channel.delivery-abandoned")
    assert "gave up telling of repository.connected after 1 attempt: 410" in abandoned["message"]
    assert [row["status"] for row in deliveries(insider, channel)] == ["abandoned"]
    plane.wait(lambda: bool(receiver.to("/watcher")))
    assert receiver.to("/watcher")[0].json["type"] == "channel.disabled"
    assert deliveries(insider, watcher, "abandoned") == []


def test_what_did_not_get_through_for_a_day_is_given_up(plane: Plane, insider: Caller, receiver: Receiver) -> None:
    receiver.open.clear()
    receiver.answers = [503, 503]
    channel = webhook(insider, f"{receiver.url}/slow")
    insider.connection()
    plane.wait(lambda: bool(receiver.received))
    plane.call(begun_yesterday(plane, channel["id"]))
    receiver.open.set()

    plane.wait(lambda: bool(deliveries(insider, channel, "abandoned")))
    [abandoned] = audited(insider, "channel.delivery-abandoned")
    assert "gave up telling of repository.connected after 2 attempts: 503 said 503" in abandoned["message"]
    assert insider.get(f"{CHANNELS}/{channel['id']}")["status"] == "active"


async def begun_yesterday(plane: Plane, channel: str) -> None:
    """Pretend that a channel's deliveries have been tried for a day."""
    async with plane.core.database.connection() as connection:
        await connection.execute(
            "UPDATE notifications.deliveries SET begun_at = begun_at - interval '1 day' WHERE channel_id = %s",
            [channel],
        )


def test_a_channel_through_which_nothing_got_for_days_is_disabled_and_works_when_resumed(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    receiver.answers = [500]
    channel = webhook(insider, receiver.url)
    plane.call(failing_since(plane, channel["id"], 4))

    insider.connection()

    plane.wait(lambda: insider.get(f"{CHANNELS}/{channel['id']}")["status"] == "disabled")
    stopped = insider.get(f"{CHANNELS}/{channel['id']}")
    assert "Nothing got through since" in stopped["disabledBecause"]
    plane.wait(lambda: bool(deliveries(insider, channel, "cancelled")))
    insider.connection()
    resumed = insider.patch(f"{CHANNELS}/{channel['id']}", {"paused": False})
    assert (resumed["status"], resumed["disabledBecause"], resumed["stoppedAt"]) == ("active", None, None)
    insider.connection()
    plane.wait(lambda: len(receiver.received) == 2)
    from_there = {"fromPosition": stopped["stoppedAt"]}
    insider.post(f"{CHANNELS}/{channel['id']}/replay", from_there, status=202)
    plane.wait(lambda: len({one.id for one in receiver.received}) == 3)


async def failing_since(plane: Plane, channel: str, days: int) -> None:
    """Pretend that nothing got through for so many days."""
    async with plane.core.database.connection() as connection:
        await connection.execute(
            "INSERT INTO notifications.failing VALUES (%s, now() - make_interval(days => %s))", [channel, days]
        )


def test_whoever_dies_between_sending_and_noting_it_sends_again_under_the_same_id(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    channel = webhook(insider, receiver.url)

    class Dying(Deliveries):
        async def record(self, *_: object) -> None:  # type: ignore[override]
            raise asyncio.CancelledError

    async def die() -> None:
        courier = Courier(plane.core, Dying(plane.core.database))
        row = await pending()
        with pytest.raises(asyncio.CancelledError):
            await courier._deliver(row)

    async def pending() -> DeliveryRow:
        [fact] = await plane.core.log.notifications(await plane.core.log.head() - 1, 1)
        store = Deliveries(plane.core.database)
        await store.enqueue([(fact, ChannelId(channel["id"]), TenantId(insider.tenant))])
        found = await store.find(
            TenantId(insider.tenant), ChannelId(channel["id"]), delivery_of(fact.id, ChannelId(channel["id"]))
        )
        assert found is not None
        return found

    plane.call(die())

    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    assert len(receiver.received) >= 2
    assert len({one.id for one in receiver.received}) == 1


def test_two_notifiers_that_take_the_same_facts_make_one_delivery(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    channel = webhook(insider, receiver.url)
    begun = plane.call(plane.core.log.head())
    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))

    async def twice() -> None:
        page = await plane.core.log.notifications(begun, 10)
        others = [Notifier(plane.core, Deliveries(plane.core.database)) for _ in range(2)]
        await asyncio.gather(*(one._take(page) for one in others))

    plane.call(twice())

    assert [row["attempts"] for row in deliveries(insider, channel)] == [1]
    assert len(receiver.received) == 1


def test_a_notifier_that_is_late_tells_what_happened_before_a_pause_and_after_it(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    begun = plane.call(plane.core.log.head())
    channel = webhook(insider, receiver.url)
    path = f"{CHANNELS}/{channel['id']}"
    before = insider.connection()
    insider.patch(path, {"paused": True})
    insider.connection()
    insider.patch(path, {"paused": False})
    after = insider.connection()

    for page_size in (100, 3, 1):
        assert plane.call(told_late(plane, begun, page_size)) == [before, after]


def test_a_notifier_that_is_late_does_without_a_channel_that_was_removed(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    channel = webhook(insider, receiver.url)
    begun = plane.call(plane.core.log.head())
    insider.connection()
    insider.patch(f"{CHANNELS}/{channel['id']}", {"name": "renamed"})
    insider.http.delete(f"{insider.base}{CHANNELS}/{channel['id']}")

    assert plane.call(told_late(plane, begun, 100)) == []


async def told_late(plane: Plane, position: int, page_size: int) -> list[str]:
    """The repositories that a notifier tells of which begins at a position of the past."""
    told: list[str] = []

    class Noting(Deliveries):
        async def enqueue(self, events: Any, asked: int = 0) -> None:
            told.extend(event.fact.connection_id for event, _, _ in events if not asked)

    notifier, head = Notifier(plane.core, Noting(plane.core.database)), await plane.core.log.head()
    while position < head:
        page = await plane.core.log.notifications(position, page_size)
        await notifier._take(page)
        position = page[-1].position
    return told


def test_a_slow_receiver_holds_up_nobody_else_and_is_asked_only_so_much_at_once(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    receiver.open.clear()
    slow, quick = webhook(insider, f"{receiver.url}/slow", "slow"), webhook(insider, f"{receiver.url}/quick", "quick")

    for _ in range(EACH + 2):
        insider.connection()

    plane.wait(lambda: len(deliveries(insider, quick, "delivered")) == EACH + 2)
    plane.wait(lambda: len(receiver.to("/slow")) == EACH)
    assert len(deliveries(insider, slow, "pending")) == EACH + 2
    receiver.open.set()
    plane.wait(lambda: len(deliveries(insider, slow, "delivered")) == EACH + 2)


def test_a_delivery_is_sent_again_under_the_same_id_when_somebody_asks(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    channel = webhook(insider, receiver.url)
    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    [row] = deliveries(insider, channel)

    insider.post(f"{CHANNELS}/{channel['id']}/deliveries/{row['id']}/redeliver", status=202)

    plane.wait(lambda: len(receiver.received) == 2)
    assert {one.id for one in receiver.received} == {row["id"]}
    assert row["id"] in audited(insider, "channel.redelivery-requested")[0]["message"]


def test_what_happened_while_it_was_paused_is_told_by_a_replay(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    channel = webhook(insider, receiver.url)
    path = f"{CHANNELS}/{channel['id']}"
    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    paused = insider.patch(path, {"paused": True})
    insider.connection()
    assert insider.post(f"{path}/replay", {"fromPosition": 1}, status=409)["code"] == "channel_paused"
    insider.patch(path, {"paused": False})
    assert len(receiver.received) == 1

    insider.post(f"{path}/replay", {"fromPosition": paused["stoppedAt"]}, status=202)
    plane.wait(lambda: len(receiver.received) == 2)
    insider.post(f"{path}/replay", {"fromPosition": 0}, status=202)
    plane.wait(lambda: len(receiver.received) == 4)
    plane.wait(lambda: len(deliveries(insider, channel, "delivered")) == 2)
    assert len({one.id for one in receiver.received}) == 2


def test_the_checkpoint_is_the_notifiers_own(plane: Plane, insider: Caller, receiver: Receiver) -> None:
    webhook(insider, receiver.url)
    insider.connection()
    head = plane.call(plane.core.log.head())

    def position() -> int:
        rows = plane.call(plane.core.database.fetch("SELECT position FROM log.tracking WHERE reader = %s", [OFFICE]))
        return int(rows[0][0]) if rows else 0

    plane.wait(lambda: position() >= head)


class TestConsequence:
    def test_what_got_through_is_delivered(self) -> None:
        assert consequence(PENDING, Verdict(delivered=True, answer=""), NOW, 5.0) == (DeliveryStatus.DELIVERED, 0.0)

    def test_waits_grow_up_to_hours_and_end_after_a_day(self) -> None:
        row, now, waits = PENDING, NOW, []
        while (outcome := consequence(row, FAILED, now, 5.0))[0] is DeliveryStatus.PENDING:
            waits.append(outcome[1])
            now += timedelta(seconds=outcome[1])
            row = replace(row, attempts=row.attempts + 1)
        assert waits[:4] == [5, 15, 45, 135]
        assert max(waits) == LONGEST_WAIT
        assert outcome[0] is DeliveryStatus.ABANDONED
        assert TRIED_FOR - timedelta(hours=4) < now - NOW <= TRIED_FOR
        assert len(waits) == 12

    def test_a_receivers_wish_to_wait_is_heeded_within_bounds(self) -> None:
        patient = Verdict(delivered=False, answer="", code=429, retry_after=600.0)
        assert consequence(PENDING, patient, NOW, 5.0)[1] == 600.0
        assert consequence(PENDING, replace(patient, retry_after=1e9), NOW, 5.0)[1] == LONGEST_WAIT

    @pytest.mark.parametrize("change", [{"hopeless": True}, {"unwanted": True}])
    def test_what_will_never_get_through_is_given_up_at_once(self, change: dict[str, bool]) -> None:
        assert consequence(PENDING, replace(FAILED, **change), NOW, 5.0)[0] is DeliveryStatus.ABANDONED


def test_only_the_last_attempts_are_kept(plane: Plane, insider: Caller, receiver: Receiver) -> None:
    channel = webhook(insider, receiver.url)
    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    [row] = deliveries(insider, channel)
    store = Deliveries(plane.core.database)

    async def tried_often() -> DeliveryRow | None:
        tenant, where = TenantId(insider.tenant), ChannelId(channel["id"])
        found = await store.find(tenant, where, row["id"])
        assert found is not None
        for number in range(25):
            attempt = Attempt(at=NOW, duration_ms=number, delivered=True, code=204, answer="")
            await store.record(found, attempt, DeliveryStatus.DELIVERED, 0.0)
        return await store.find(tenant, where, row["id"])

    last = plane.call(tried_often())
    assert last is not None
    assert [one.duration_ms for one in last.tried] == list(range(5, 25))


def test_a_channel_for_which_too_much_waits_is_disabled(
    plane: Plane, insider: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.open.clear()
    crowded, other = webhook(insider, f"{receiver.url}/slow"), webhook(insider, f"{receiver.url}/slow", "other")
    for _ in range(3):
        insider.connection()
    insider.patch(f"{CHANNELS}/{other['id']}", {"events": ["secret"]})
    insider.connection()
    plane.wait(lambda: len(deliveries(insider, crowded, "pending")) == 4)
    monkeypatch.setattr(courier, "MOST_WAITING", 3)

    plane.call(Courier(plane.core, Deliveries(plane.core.database)).tidy())

    plane.wait(lambda: insider.get(f"{CHANNELS}/{crowded['id']}")["status"] == "disabled")
    stopped = insider.get(f"{CHANNELS}/{crowded['id']}")
    assert stopped["disabledBecause"] == "More than 3 deliveries wait for it."
    assert insider.get(f"{CHANNELS}/{other['id']}")["status"] == "active"
    plane.wait(lambda: len(deliveries(insider, crowded, "cancelled")) == 4)


def test_old_deliveries_are_forgotten_but_not_those_that_wait(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    receiver.answers = [204, 500, 500, 500, 500, 500]
    channel = webhook(insider, receiver.url)
    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    insider.connection()
    plane.wait(lambda: len(receiver.received) == 2)
    store = Deliveries(plane.core.database)

    async def long_ago() -> int:
        async with plane.core.database.connection() as connection:
            await connection.execute(
                "UPDATE notifications.deliveries SET created_at = now() - interval '31 days' WHERE channel_id = %s",
                [channel["id"]],
            )
        return await store.forget(30, 100)

    assert plane.call(long_ago()) == 1
    assert [row["status"] for row in deliveries(insider, channel)] == ["pending"]
