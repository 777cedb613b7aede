"""The commands about notifications."""

# The client is loaded by the commands that talk to a plane.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.declaring import app, client_command, new_app
from services.cli.deploying import Project

if TYPE_CHECKING:
    from services.cli.session import Session

notifications = new_app("Be told of what happens: by e-mail, in Slack, or by signed webhooks.")
app.add_typer(notifications, name="notifications", rich_help_panel="Look")

Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel: name or id.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="What the channel is called.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        metavar="EVENT",
        help="Such as deployment.failed, secret, rollback or '*'; may be repeated. Else deployments and rollbacks.",
    ),
]
Environment = Annotated[
    str | None, typer.Option("--env", "-e", metavar="NAME", help="Only this environment of the project.")
]
DeliveryArgument = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")]


@client_command(notifications, "list", None, [("shipbook notifications list", "which channels are told of what")])
def notifications_list(session: "Session") -> int:
    """List channels."""
    from services.cli.subscribing import listing

    return listing(session)


@client_command(notifications, "events", None, [("shipbook notifications events", "what --event may name")])
def notifications_events(session: "Session") -> int:
    """List what a channel can be told of."""
    from services.cli.subscribing import events

    return events(session)


@client_command(notifications, "show", None, [("shipbook notifications show ops", "everything but its secrets")])
def notifications_show(session: "Session", channel: Channel) -> int:
    """Show a channel."""
    from services.cli.subscribing import show

    return show(session, channel)


@client_command(
    notifications,
    "add-webhook",
    None,
    [
        ("shipbook notifications add-webhook ci https://example.com/hooks", "prints the signing secret, this once"),
        ("shipbook notifications add-webhook all https://example.com/hooks --event '*'", "everything"),
        ("shipbook notifications add-webhook shop - -p shop < url.txt", "a URL that nobody shall see"),
    ],
)
def notifications_add_webhook(
    session: "Session",
    name: NewName,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post; - reads it from standard input.")],
    event: Events = None,
    project: Project = None,
    environment: Environment = None,
) -> int:
    """Add a receiver of signed messages (Standard Webhooks)."""
    from services.cli.subscribing import add_receiver

    return add_receiver(session, "webhook", name, url, event, project, environment)


@client_command(
    notifications,
    "add-slack",
    None,
    [
        ("shipbook notifications add-slack deploys", "asks for the incoming webhook's URL"),
        ("shipbook notifications add-slack alarms --event deployment.failed < url.txt", "failures only"),
    ],
)
def notifications_add_slack(
    session: "Session",
    name: NewName,
    event: Events = None,
    project: Project = None,
    environment: Environment = None,
) -> int:
    """Add a channel of Slack, or of what takes the same messages, by its incoming webhook.

    Its URL is read from standard input or a prompt, as whoever knows it may write there.
    """
    from services.cli.subscribing import add_receiver

    return add_receiver(session, "slack", name, "-", event, project, environment)


@client_command(
    notifications,
    "add-email",
    None,
    [
        (
            "shipbook notifications add-email ops --to me@example.com --from ship@example.com --host smtp.example.com",
            "",
        ),
        ("… --user ship", "asks for the password"),
    ],
)
def notifications_add_email(
    session: "Session",
    name: NewName,
    to: Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="Whom mail goes to; may be repeated.")],
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Whom mail is from.")],
    host: Annotated[str, typer.Option(metavar="HOST", help="The mail server.")],
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Its port; else 587, 465 or 25, as --tls says.")
    ] = None,
    tls: Annotated[
        Literal["starttls", "implicit", "none"], typer.Option(help="How the connection is encrypted.")
    ] = "starttls",
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Log in; the password is read from standard input or a prompt.")
    ] = None,
    event: Events = None,
    project: Project = None,
    environment: Environment = None,
) -> int:
    """Add mail, by a mail server of your own."""
    from services.cli.subscribing import Server, add_mail

    server = Server(host=host, port=port, tls=tls, user=user, sender=sender)
    return add_mail(session, name, server, to, event, project, environment)


@client_command(
    notifications,
    "change",
    None,
    [
        ("shipbook notifications change ops --event deployment.failed --event backup.failed", "other events"),
        ("shipbook notifications change ci --url https://example.com/new", "another address"),
    ],
)
def notifications_change(
    session: "Session",
    channel: Channel,
    rename: Annotated[str | None, typer.Option("--rename", metavar="NAME", help="Call it otherwise.")] = None,
    event: Events = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Another address; - reads it from standard input.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Other recipients; may be repeated.")
    ] = None,
) -> int:
    """Change a channel."""
    from services.cli.subscribing import change

    return change(session, channel, rename, event, url, to)


@client_command(
    notifications, "test", None, [("shipbook notifications test ops", "exit status 1 if it does not get through")]
)
def notifications_test(session: "Session", channel: Channel) -> int:
    """Send a test message, and show what the receiver said."""
    from services.cli.subscribing import test

    return test(session, channel)


@client_command(notifications, "pause", None, [("shipbook notifications pause ops", "sends nothing until resumed")])
def notifications_pause(session: "Session", channel: Channel) -> int:
    """Pause a channel."""
    from services.cli.subscribing import pause

    return pause(session, channel, paused=True)


@client_command(notifications, "resume", None, [("shipbook notifications resume ops", "also one that was disabled")])
def notifications_resume(session: "Session", channel: Channel) -> int:
    """Resume a channel that was paused or disabled."""
    from services.cli.subscribing import pause

    return pause(session, channel, paused=False)


@client_command(notifications, "rm", None, [("shipbook notifications rm ops", "what waits for it is not sent")])
def notifications_remove(session: "Session", channel: Channel) -> int:
    """Remove a channel."""
    from services.cli.subscribing import remove

    return remove(session, channel)


@client_command(
    notifications,
    "rotate-secret",
    None,
    [("shipbook notifications rotate-secret ci", "prints another one; for a day messages are signed by both")],
)
def notifications_rotate(session: "Session", channel: Channel) -> int:
    """Give a webhook another signing secret."""
    from services.cli.subscribing import rotate

    return rotate(session, channel)


@client_command(
    notifications,
    "deliveries",
    None,
    [
        ("shipbook notifications deliveries ci", "the last ones, and what became of them"),
        ("shipbook notifications deliveries ci --status abandoned", "what never got through"),
    ],
)
def notifications_deliveries(
    session: "Session",
    channel: Channel,
    status: Annotated[
        Literal["pending", "delivered", "abandoned", "cancelled"] | None, typer.Option(help="Only these.")
    ] = None,
    number: Annotated[
        int, typer.Option("--number", "-n", metavar="N", min=1, max=1000, help="How many, the newest first.")
    ] = 20,
) -> int:
    """List what was sent to a channel, or is to be."""
    from services.cli.subscribing import deliveries

    return deliveries(session, channel, status, number)


@client_command(
    notifications, "delivery", None, [("shipbook notifications delivery ci 01a2…", "each attempt, and its answer")]
)
def notifications_delivery(session: "Session", channel: Channel, delivery: DeliveryArgument) -> int:
    """Show one delivery with its attempts."""
    from services.cli.subscribing import delivery as show_delivery

    return show_delivery(session, channel, delivery)


@client_command(
    notifications, "redeliver", None, [("shipbook notifications redeliver ci 01a2…", "the same message again")]
)
def notifications_redeliver(session: "Session", channel: Channel, delivery: DeliveryArgument) -> int:
    """Send a delivery again, under the same id."""
    from services.cli.subscribing import redeliver

    return redeliver(session, channel, delivery)


@client_command(
    notifications,
    "replay",
    None,
    [("shipbook notifications replay ci --from 4711", "what happened behind that position of the event log")],
)
def notifications_replay(
    session: "Session",
    channel: Channel,
    from_position: Annotated[
        int, typer.Option("--from", metavar="POSITION", min=0, help="Tell what happened behind it.")
    ],
    to_position: Annotated[
        int | None, typer.Option("--to", metavar="POSITION", help="Up to and including this; else up to now.")
    ] = None,
) -> int:
    """Tell a channel again of what happened."""
    from services.cli.subscribing import replay

    return replay(session, channel, from_position, to_position)
