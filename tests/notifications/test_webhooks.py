"""Signed webhooks: what a receiver gets, how often, and with which signature."""

from standardwebhooks import Webhook

from tests.dialects.plane import Caller, Plane
from tests.notifications.receiving import Receiver

CHANNELS = "/notification-channels"


def test_an_event_arrives_once_and_its_signature_holds(plane: Plane, insider: Caller, receiver: Receiver) -> None:
    channel = insider.post(
        CHANNELS, {"name": "ci", "type": "webhook", "url": f"{receiver.url}/hook?key=hidden", "events": ["project"]}
    )

    project = insider.project("Shop of webhooks")

    plane.wait(lambda: len(receiver.received) >= 2)
    told = {one.json["type"]: one for one in receiver.received}
    assert set(told) == {"project.created", "project.environment-added"}
    created = told["project.created"]
    said = Webhook(channel["signingSecret"]).verify(created.body, created.headers)
    assert said["id"] == created.id
    assert (said["subject"], said["tenantId"]) == (f"project-{project['id']}", insider.tenant)
    assert (said["actor"]["kind"], said["actor"]["name"]) == ("token", insider.email)
    assert "Shop of webhooks" in said["message"]
    assert said["data"]["slug"] == project["slug"]
    assert "hidden" not in insider.http.get(insider.base + CHANNELS).text
