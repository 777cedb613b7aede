"""``shipbook notifications …`` against a running plane."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

import services.cli  # noqa: F401 - declares the commands
from services.cli.declaring import app
from tests.dialects.plane import Caller, Plane
from tests.notifications.receiving import Receiver
from tests.notifications.test_deliveries import deliveries

Types = Callable[..., str]


@pytest.fixture
def types(plane: Plane, insider: Caller) -> Types:
    """Runs ``shipbook notifications`` as the insider; all that it says."""

    def types(*arguments: str, given: str = "", status: int = 0) -> str:
        asking = ["--api-url", plane.url, "--token", insider.token]
        done = CliRunner().invoke(app, ["notifications", *arguments, *asking], input=given)
        assert done.exit_code == status, done.output
        return done.output

    return types


def read(said: str) -> Any:
    """The JSON in what was said, among what the plane of this process logs."""
    [document] = [line for line in said.splitlines() if line.startswith(("{", "["))]
    return json.loads(document)


def test_a_channel_is_added_tried_and_looked_after(
    plane: Plane, insider: Caller, receiver: Receiver, types: Types
) -> None:
    assert "There is no channel. Add one" in types("list")
    added = read(types("add-webhook", "ci", f"{receiver.url}/hook", "--event", "repository", "--json"))
    assert "ci" in types("list")

    assert "It got through: 204" in types("test", "ci")
    receiver.answers = [500]
    assert "It failed: 500 said 500" in types("test", "ci", status=1)
    assert "Last test" in types("show", "ci")

    insider.connection()
    plane.wait(lambda: bool(deliveries(insider, added, "delivered")))
    [row] = read(types("deliveries", "ci", "--json"))
    assert "204" in types("delivery", "ci", row["id"])
    types("redeliver", "ci", row["id"])
    plane.wait(lambda: len(receiver.received) == 4)

    rotated = read(types("rotate-secret", "ci", "--json"))
    types("replay", "ci", "--from", str(added["since"]))
    plane.wait(lambda: len(receiver.received) == 5)
    last = receiver.received[-1]
    assert Webhook(rotated["signingSecret"]).verify(last.body, last.headers)["id"] == row["id"]

    assert "is paused" in types("pause", "ci")
    assert "Stopped at position" in types("show", "ci")
    assert "is active again" in types("resume", "ci")
    types("change", "ci", "--rename", "hooks", "--event", "*")
    assert "is removed" in types("rm", "hooks")
    assert "There is no channel 'ci'" in types("test", "ci", status=2)


def test_what_opens_a_channel_comes_from_standard_input(insider: Caller, types: Types) -> None:
    types("add-slack", "deploys", given="https://hooks.slack.com/services/T/B/hidden\n")
    server = ["--from", "ship@x.test", "--host", "mail.x.test", "--user", "ship", "--tls", "implicit"]
    types("add-email", "ops", "--to", "ops@x.test", *server, given="hidden\n")

    shown = types("list", "--json")
    assert "hidden" not in shown
    assert {"*", "rollback", "deployment", "deployment.failed"} <= set(read(types("events", "--json")))
    assert {one["name"]: one["type"] for one in read(shown)} == {"deploys": "slack", "ops": "email"}
    assert insider.get("/notification-channels")["items"][1]["smtp"]["port"] == 465
