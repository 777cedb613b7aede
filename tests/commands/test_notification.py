"""A channel: added, changed, paused and resumed, tried, disabled, removed."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from commands.notification import (
    DECIDER,
    LONGEST_ANSWER,
    AbandonDelivery,
    AddChannel,
    ChangeChannel,
    ChannelCommand,
    DisableChannel,
    MailChanges,
    RemoveChannel,
    ReportTest,
    RequestRedelivery,
    RequestReplay,
    RotateSigningSecret,
    selectable,
)
from domain.identifiers import ChannelId, DeliveryId, EnvironmentId, ProjectId
from domain.notification import (
    ChannelAdded,
    ChannelDisabled,
    ChannelPaused,
    ChannelRedirected,
    ChannelRemoved,
    ChannelRenamed,
    ChannelResumed,
    ChannelSubscribed,
    ChannelTested,
    DeliveryAbandoned,
    EmailTarget,
    RedeliveryRequested,
    ReplayRequested,
    SigningSecretRotated,
    SlackTarget,
    Subscription,
    Target,
    Tls,
    WebhookTarget,
)
from domain.rejection import Conflict, Invalid, NotFound
from tests.commands.specification import specification

given = specification(DECIDER)

ID, DELIVERY = ChannelId("channel"), DeliveryId("delivery")
HOOK, SLACK = WebhookTarget(shown="https://example.com/hooks"), SlackTarget(shown="https://hooks.slack.com/…")
MAIL = EmailTarget(
    host="mail.example.com", port=587, tls=Tls.STARTTLS, sender="a@example.com", recipients=("b@example.com",), user="u"
)
FAILURES = Subscription(events=("deployment.failed",))
UNTIL = datetime(2026, 1, 2, tzinfo=UTC)


def add(target: Target = HOOK, subscription: Subscription = FAILURES) -> AddChannel:
    return AddChannel(channel_id=ID, name="ops", target=target, subscription=subscription, slot=3)


def added(target: Target = HOOK, subscription: Subscription = FAILURES) -> ChannelAdded:
    signed = target == HOOK
    return ChannelAdded(channel_id=ID, name="ops", target=target, subscription=subscription, slot=3, signed=signed)


CHANGE = ChangeChannel(channel_id=ID)
PAUSED, RESUMED = ChannelPaused(channel_id=ID), ChannelResumed(channel_id=ID)
DISABLED = ChannelDisabled(channel_id=ID, name="ops", reason="because")
REMOVED = ChannelRemoved(channel_id=ID, name="ops")
ABANDON = AbandonDelivery(
    channel_id=ID, delivery_id=DELIVERY, position=7, type="secret.set", attempts=13, answer="503 Later"
)


class TestAdding:
    @pytest.mark.parametrize("target", [HOOK, SLACK, MAIL])
    def test_a_channel_is_added_and_only_webhooks_are_signed(self, target: Target) -> None:
        given().when(add(target)).then(added(target))

    def test_twice_adds_it_once(self) -> None:
        given(added()).when(add()).then_nothing()

    def test_each_event_group_and_first_word_can_be_named(self) -> None:
        for event in selectable():
            wanted = Subscription(events=(event,))
            given().when(add(subscription=wanted)).then(added(subscription=wanted))

    @pytest.mark.parametrize("events", [(), ("deployment.exploded",), ("",), ("secret",) * 51])
    def test_what_is_no_event_or_too_many_is_refused(self, events: tuple[str, ...]) -> None:
        given().when(add(subscription=Subscription(events=events))).then_refused(Invalid, field="events")

    def test_an_environment_needs_its_project(self) -> None:
        wanted = Subscription(events=("*",), environment_id=EnvironmentId("production"))
        given().when(add(subscription=wanted)).then_refused(Invalid, field="environmentId")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"host": ""}, "smtp.host"),
            ({"port": 0}, "smtp.port"),
            ({"port": 65_536}, "smtp.port"),
            ({"user": "a\r\nb"}, "smtp.user"),
            ({"tls": Tls.NONE}, "smtp.tls"),
            ({"sender": "nobody"}, "smtp.sender"),
            ({"sender": "a@example.com\r\nBcc: b@example.com"}, "smtp.sender"),
            ({"recipients": ()}, "recipients"),
            ({"recipients": ("a@b.c",) * 21}, "recipients"),
            ({"recipients": ("<a@b.c>",)}, "recipients"),
        ],
    )
    def test_mail_that_could_not_be_sent_is_refused(self, changes: dict[str, object], field: str) -> None:
        given().when(add(replace(MAIL, **changes))).then_refused(Invalid, field=field)


class TestChanging:
    def test_each_change_is_a_fact_and_what_stays_is_none(self) -> None:
        everything = Subscription(events=("*",), project_id=ProjectId("shop"))
        change = replace(CHANGE, name="all", events=("*",), project_id=ProjectId("shop"), paused=True)
        given(added()).when(change).then(
            ChannelRenamed(channel_id=ID, name="all", former="ops"),
            ChannelSubscribed(channel_id=ID, subscription=everything),
            PAUSED,
        )
        given(added()).when(replace(CHANGE, name="ops", events=FAILURES.events, paused=False)).then_nothing()

    def test_an_address_is_changed_with_the_version_that_was_sealed(self) -> None:
        change = replace(CHANGE, shown="https://example.com/new", credential_version=2)
        moved = WebhookTarget(shown="https://example.com/new")
        given(added()).when(change).then(ChannelRedirected(channel_id=ID, target=moved, credential_version=2))
        given(added()).when(replace(change, credential_version=3)).then_refused(Conflict, "busy")

    def test_the_path_of_slacks_address_is_a_secret(self) -> None:
        change = replace(CHANGE, shown="https://hooks.slack.com/services/T0/B0/x", credential_version=2)
        given(added(SLACK)).when(change).then(ChannelRedirected(channel_id=ID, target=SLACK, credential_version=2))

    def test_a_kept_password_goes_to_no_other_server(self) -> None:
        elsewhere = replace(CHANGE, mail=MailChanges(host="evil.example.com"))
        given(added(MAIL)).when(elsewhere).then_refused(Invalid, field="smtp.password")
        given(added(MAIL)).when(replace(CHANGE, mail=MailChanges(tls=Tls.NONE))).then_refused(Invalid)
        moved = replace(MAIL, host="evil.example.com")
        given(added(MAIL)).when(replace(elsewhere, credential_version=2)).then(
            ChannelRedirected(channel_id=ID, target=moved, credential_version=2)
        )

    def test_recipients_change_without_a_password(self) -> None:
        moved = replace(MAIL, recipients=("c@example.com",))
        given(added(MAIL)).when(replace(CHANGE, mail=MailChanges(recipients=("c@example.com",)))).then(
            ChannelRedirected(channel_id=ID, target=moved, credential_version=1)
        )

    def test_what_another_kind_of_channel_has_is_refused(self) -> None:
        given(added(MAIL)).when(replace(CHANGE, shown="https://example.com")).then_refused(Invalid, field="url")
        given(added()).when(replace(CHANGE, mail=MailChanges(port=25))).then_refused(Invalid, field="smtp")

    def test_paused_and_disabled_channels_are_resumed(self) -> None:
        given(added(), PAUSED).when(replace(CHANGE, paused=True)).then_nothing()
        given(added(), PAUSED).when(replace(CHANGE, paused=False)).then(RESUMED)
        given(added(), DISABLED).when(replace(CHANGE, paused=False)).then(RESUMED)


class TestSecrets:
    def test_the_next_one_takes_the_place_of_the_former(self) -> None:
        rotate = RotateSigningSecret(channel_id=ID, version=2, former_until=UNTIL)
        rotated = SigningSecretRotated(channel_id=ID, name="ops", version=2, former_until=UNTIL)
        given(added()).when(rotate).then(rotated)
        given(added(), rotated).when(rotate).then_refused(Conflict, "busy")
        given(added(SLACK)).when(rotate).then_refused(Conflict, "not_signed")


class TestTelling:
    def test_a_test_is_kept_with_the_beginning_of_the_answer(self) -> None:
        report = ReportTest(channel_id=ID, delivered=False, answer="x" * 1000)
        told = ChannelTested(channel_id=ID, name="ops", delivered=False, answer="x" * LONGEST_ANSWER)
        given(added(), PAUSED).when(report).then(told)

    @pytest.mark.parametrize(
        ("command", "fact"),
        [
            (
                RequestRedelivery(channel_id=ID, delivery_id=DELIVERY),
                RedeliveryRequested(channel_id=ID, name="ops", delivery_id=DELIVERY),
            ),
            (
                RequestReplay(channel_id=ID, from_position=3, to_position=9),
                ReplayRequested(channel_id=ID, name="ops", from_position=3, to_position=9),
            ),
        ],
    )
    def test_only_an_active_channel_is_told_again(self, command: ChannelCommand, fact: object) -> None:
        given(added()).when(command).then(fact)
        given(added(), PAUSED).when(command).then_refused(Conflict, "channel_paused")
        given(added(), DISABLED).when(command).then_refused(Conflict, "channel_disabled")

    @pytest.mark.parametrize(("first", "last"), [(-1, 9), (9, 9), (10, 9)])
    def test_a_replay_of_nothing_is_refused(self, first: int, last: int) -> None:
        asked = RequestReplay(channel_id=ID, from_position=first, to_position=last)
        given(added()).when(asked).then_refused(Invalid, field="fromPosition")

    def test_giving_up_is_a_fact_while_the_channel_is_there(self) -> None:
        abandoned = DeliveryAbandoned(
            channel_id=ID,
            name="ops",
            delivery_id=DELIVERY,
            position=7,
            type="secret.set",
            attempts=13,
            answer="503 Later",
        )
        given(added(), PAUSED).when(ABANDON).then(abandoned)
        given(added(), REMOVED).when(ABANDON).then_nothing()

    def test_a_channel_is_disabled_once(self) -> None:
        disable = DisableChannel(channel_id=ID, reason="because")
        given(added()).when(disable).then(DISABLED)
        for state in (PAUSED, DISABLED, REMOVED):
            given(added(), state).when(disable).then_nothing()


@pytest.mark.parametrize(
    "command",
    [CHANGE, RemoveChannel(channel_id=ID), ReportTest(channel_id=ID, delivered=True, answer="")],
    ids=["change", "remove", "test"],
)
def test_before_and_afterwards_there_is_nothing_to_change(command: ChannelCommand) -> None:
    given().when(command).then_refused(NotFound)
    given(added(), REMOVED).when(command).then_refused(NotFound)


def test_a_channel_is_removed() -> None:
    given(added()).when(RemoveChannel(channel_id=ID)).then(REMOVED)


@pytest.mark.parametrize(
    ("events", "tag", "told"),
    [
        (("*",), "secret.set", True),
        (("secret",), "secret.set", True),
        (("secret.set",), "secret.set", True),
        (("secret.set",), "secret.rotated", False),
        (("deployment",), "deployments.x", False),
        (("rollback",), "environment.rolled-back", True),
        (("rollback",), "environment.release-activated", False),
        (("domain",), "custom-domain.verified", True),
        (("*",), "channel.delivery-abandoned", False),
        (("channel.tested",), "channel.tested", False),
        (("*",), "channel.disabled", True),
    ],
)
def test_a_subscription_selects_events(events: tuple[str, ...], tag: str, told: bool) -> None:
    assert Subscription(events=events).selects(tag) is told
