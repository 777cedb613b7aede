"""Channels by the API: what is added, shown, changed, tried and removed, and what nobody is ever shown."""

from typing import Any

import pytest
from standardwebhooks import Webhook

from commands import subscribing
from domain.identifiers import uuid7
from tests.dialects.plane import Caller, Plane
from tests.notifications.receiving import Receiver
from tests.notifications.test_deliveries import CHANNELS, audited, deliveries, webhook

SLACK_URL = "https://hooks.slack.com/services/T0/B0/hidden"


def test_a_slack_channel_gets_a_line_with_what_it_is_about(plane: Plane, insider: Caller, receiver: Receiver) -> None:
    project = insider.project("Tea & <Coffee>")
    insider.post(
        CHANNELS,
        {"name": "deploys", "type": "slack", "url": f"{receiver.url}/hidden", "events": ["deployment.queued"]},
    )

    queued = insider.deployment(project)

    plane.wait(lambda: bool(receiver.received))
    text = receiver.received[0].json["text"]
    assert text.startswith(f"*deployment.queued · {project['slug']} · production · {queued['ref']}*\n")
    assert "webhook-signature" not in receiver.received[0].headers
    assert "hidden" not in insider.http.get(insider.base + CHANNELS).text


def test_a_channel_of_one_project_hears_of_that_project_alone(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    mine, other = insider.project(), insider.project()
    place = mine["environments"][0]["id"]
    channel = webhook(insider, receiver.url, events=["deployment"], projectId=mine["id"], environmentId=place)

    for project in (other, mine):
        queued = insider.deployment(project)
        assert insider.http.post(f"{insider.base}/deployments/{queued['id']}/cancel").is_success

    plane.wait(lambda: len(receiver.received) == 2)
    assert {one.json["type"] for one in receiver.received} == {"deployment.queued", "deployment.cancelled"}
    assert {one.json["subject"] for one in receiver.received} == {f"deployment-{queued['id']}"}
    assert len(deliveries(insider, channel)) == 2


def test_messages_are_signed_by_both_secrets_after_a_rotation(
    plane: Plane, insider: Caller, receiver: Receiver
) -> None:
    channel = webhook(insider, receiver.url)
    rotated = insider.post(f"{CHANNELS}/{channel['id']}/rotate-secret", status=200)
    assert insider.get(f"{CHANNELS}/{channel['id']}")["formerSecretUntil"] == rotated["formerUntil"]

    insider.connection()

    plane.wait(lambda: bool(receiver.received))
    [message] = receiver.received
    assert channel["signingSecret"] != rotated["signingSecret"]
    for secret in (channel["signingSecret"], rotated["signingSecret"]):
        assert Webhook(secret).verify(message.body, message.headers)["id"] == message.id


def test_a_test_says_what_the_receiver_said(insider: Caller, receiver: Receiver) -> None:
    channel = webhook(insider, receiver.url)
    receiver.answers = [418]

    path = f"{CHANNELS}/{channel['id']}/test"
    refused, taken = insider.post(path, status=200), insider.post(path, status=200)

    assert (refused["delivered"], refused["answer"]) == (False, "418 said 418")
    assert (taken["delivered"], taken["answer"]) == (True, "204")
    said = Webhook(channel["signingSecret"]).verify(receiver.received[0].body, receiver.received[0].headers)
    assert said["type"] == "channel.test"
    assert "which failed: 418 said 418" in audited(insider, "channel.tested")[-1]["message"]


def test_a_test_that_is_repeated_under_its_name_sends_nothing_more(insider: Caller, receiver: Receiver) -> None:
    channel = webhook(insider, receiver.url)
    named = {"headers": {"Idempotency-Key": "once"}, "status": 200}

    first = insider.post(f"{CHANNELS}/{channel['id']}/test", **named)
    again = insider.post(f"{CHANNELS}/{channel['id']}/test", **named)

    assert first == again
    assert len(receiver.received) == 1


def test_a_secret_is_shown_once(insider: Caller) -> None:
    body = {"name": "ci", "type": "webhook", "url": "https://example.com/hooks?key=hidden"}
    named = {"headers": {"Idempotency-Key": "add-ci"}}

    first, again = insider.post(CHANNELS, body, **named), insider.post(CHANNELS, body, **named)

    assert first["signingSecret"].startswith("whsec_")
    assert again == {**first, "signingSecret": None}
    assert first["events"] == ["deployment.succeeded", "deployment.failed", "rollback"]
    assert first["url"] == "https://example.com/hooks"
    for path in (CHANNELS, f"{CHANNELS}/{first['id']}", "/audit"):
        text = insider.http.get(insider.base + path).text
        assert "hidden" not in text
        assert first["signingSecret"] not in text


def test_a_channel_is_changed_renamed_and_removed(insider: Caller) -> None:
    channel = insider.post(CHANNELS, {"name": "ci", "type": "slack", "url": SLACK_URL})
    path = f"{CHANNELS}/{channel['id']}"
    assert channel["url"] == "https://hooks.slack.com/…"

    changed = insider.patch(path, {"name": "cd", "events": ["secret", "secret"], "url": "https://example.com/x"})

    assert (changed["name"], changed["events"], changed["url"]) == ("cd", ["secret"], "https://example.com/…")
    insider.post(CHANNELS, {"name": "ci", "type": "slack", "url": SLACK_URL})
    assert insider.patch(path, {"name": "ci"}, status=409)["code"] == "name_taken"
    assert insider.http.delete(insider.base + path).status_code == 204
    assert [one["name"] for one in insider.get(CHANNELS)["items"]] == ["ci"]
    insider.post(CHANNELS, {"name": "cd", "type": "slack", "url": SLACK_URL})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "webhook"}, "url"),
    ({"type": "webhook", "url": "ftp://example.com"}, "url"),
    ({"type": "webhook", "url": "https://example.com", "recipients": ["a@b.c"]}, "url"),
    ({"type": "email"}, "smtp"),
    (
        {"type": "email", "smtp": {"host": "x", "sender": "a@b.c", "user": "u"}, "recipients": ["a@b.c"]},
        "smtp.password",
    ),
    ({"type": "email", "smtp": {"host": "x", "sender": "a@b.c"}}, "recipients"),
    ({"type": "slack", "url": SLACK_URL, "events": ["deployment.exploded"]}, "events"),
    ({"type": "slack", "url": SLACK_URL, "environmentId": uuid7()}, "environmentId"),
    ({"type": "slack", "url": SLACK_URL, "name": ""}, "name"),
]


def test_what_could_not_work_is_refused_by_its_field(insider: Caller) -> None:
    for body, field in REFUSED:
        refused = insider.post(CHANNELS, {"name": "ci", **body}, status=400)
        assert refused["details"][0]["field"] == field


def test_a_workspace_has_so_many_channels_at_the_most_and_a_removed_one_makes_room(
    insider: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST_CHANNELS", 3)
    made = [insider.post(CHANNELS, {"name": f"c{n}", "type": "slack", "url": SLACK_URL}) for n in range(3)]
    body = {"name": "one more", "type": "slack", "url": SLACK_URL}
    assert insider.post(CHANNELS, body, status=409)["code"] == "too_many_channels"
    insider.http.delete(f"{insider.base}{CHANNELS}/{made[1]['id']}")
    insider.post(CHANNELS, body)


def test_another_workspaces_channel_is_out_of_reach(
    plane: Plane, insider: Caller, outsider: Caller, receiver: Receiver
) -> None:
    project = insider.project()
    channel = webhook(insider, receiver.url)
    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, channel, "delivered")))
    [row] = deliveries(insider, channel)
    path = f"{CHANNELS}/{channel['id']}"

    assert outsider.get(CHANNELS)["items"] == []
    outsider.patch(path, {"paused": True}, status=404)
    outsider.get(f"{path}/deliveries", status=404)
    outsider.get(f"{path}/deliveries/{row['id']}", status=404)
    for action in ("test", "rotate-secret", f"deliveries/{row['id']}/redeliver"):
        outsider.post(f"{path}/{action}", status=404)
    outsider.post(f"{path}/replay", {"fromPosition": 0}, status=404)
    assert outsider.http.delete(outsider.base + path).status_code == 404
    outsider.connection()
    elsewhere = {"name": "x", "type": "slack", "url": SLACK_URL, "projectId": project["id"]}
    outsider.post(CHANNELS, elsewhere, status=404)
    assert len(receiver.received) == 1


def test_deliveries_are_listed_page_by_page_the_newest_first(plane: Plane, insider: Caller, receiver: Receiver) -> None:
    channel = webhook(insider, receiver.url)
    for _ in range(3):
        insider.connection()
    plane.wait(lambda: len(deliveries(insider, channel, "delivered")) == 3)

    path = f"{CHANNELS}/{channel['id']}/deliveries"
    first = insider.get(f"{path}?limit=2")
    rest = insider.get(f"{path}?limit=2&cursor={first['nextCursor']}")

    positions = [row["position"] for row in [*first["items"], *rest["items"]]]
    assert positions == sorted(positions, reverse=True)
    assert (len(positions), rest["nextCursor"]) == (3, None)
