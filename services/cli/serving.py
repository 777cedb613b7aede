"""The commands of the plane's own machine: its processes, and the operator's tools."""

# Each command imports what it runs, and nothing of the others.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from services.cli.declaring import DataDir, Json, app, new_app, server_command, settings

PANEL = "Run the plane (settings are also SHIPBOOK_* variables)"

Http = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where the API listens; else 127.0.0.1:8080.")]
Edge = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where the applications are served; else 127.0.0.1:8000.")
]
EdgeTls = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where they are served over HTTPS as well; else nowhere.")
]
AdminEmail = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The first administrator; matters at the first start only.")
]

Models = Annotated[list[str] | None, typer.Argument(metavar="MODEL…", help="Read models, as `ops lag` names them.")]
Everything = Annotated[bool, typer.Option("--all", help="Every read model.")]

ops = new_app("Look after the plane: rebuild read models, see how far they are.")
app.add_typer(ops, name="ops", rich_help_panel=PANEL)


@server_command(
    app,
    "up",
    PANEL,
    [
        ("shipbook up", "everything, in ./.shipbook; stop it with Ctrl-C"),
        ("shipbook up --http 0.0.0.0:8080 --edge 0.0.0.0:80", "reachable from other machines"),
        ("shipbook up --edge 0.0.0.0:80 --edge-tls 0.0.0.0:443", "with HTTPS for custom domains"),
    ],
)
def up(
    data_dir: DataDir = None,
    http: Http = None,
    edge: Edge = None,
    edge_tls: EdgeTls = None,
    admin_email: AdminEmail = None,
) -> int:
    """Run the whole plane on this machine: PostgreSQL, NATS, Caddy and Shipbook's own processes."""
    from services import up

    up.become(settings(data_dir=data_dir, http=http, edge=edge, edge_tls=edge_tls, admin_email=admin_email))


@server_command(
    app, "api", PANEL, [("SHIPBOOK_DATABASE_URL=… SHIPBOOK_NATS_URL=… shipbook api", "on a machine of its own")]
)
def api(data_dir: DataDir = None, http: Http = None) -> int:
    """Run the API and the dashboard alone. It holds nothing, so there may be many."""
    from services import api

    return api.main(settings(data_dir=data_dir, http=http))


@server_command(app, "worker", PANEL, [("shipbook worker", "one leads, the others wait to take over")])
def worker(data_dir: DataDir = None) -> int:
    """Run the projector, the relay and the reactor alone."""
    from services import worker

    return worker.main(settings(data_dir=data_dir))


@server_command(app, "executor", PANEL, [("SHIPBOOK_BUILDS_AT_ONCE=4 shipbook executor", "four builds side by side")])
def executor(data_dir: DataDir = None) -> int:
    """Run builds and applications alone. Executors share the queue."""
    from services import executor

    return executor.main(settings(data_dir=data_dir))


@server_command(app, "edge", PANEL, [("shipbook edge --edge 0.0.0.0:80", "serve the applications on port 80")])
def edge(data_dir: DataDir = None, edge: Edge = None) -> int:
    """Run what tells Caddy where each application is."""
    from services import edge as edge_process

    return edge_process.main(settings(data_dir=data_dir, edge=edge))


@server_command(
    ops,
    "rebuild",
    None,
    [
        ("shipbook ops rebuild deployments", "grow one again from the log; readers notice nothing"),
        ("shipbook ops rebuild --all", "all of them in one pass"),
        ("shipbook ops rebuild projects --accept-differences", "after a look at the rows that it told"),
    ],
)
def rebuild(
    models: Models = None,
    everything: Everything = False,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Replace live rows by what differs from them.")
    ] = False,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Begin anew instead of where a former rebuild came to.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """Rebuild read models from the log, beside the live ones. Stop it at any moment: the next goes on from there."""
    from services.cli.operating import rebuild

    return rebuild(
        settings(data_dir=data_dir),
        models or [],
        everything=everything,
        accept=accept_differences,
        afresh=afresh,
        as_json=as_json,
    )


@server_command(ops, "cancel", None, [("shipbook ops cancel --all", "stop rebuilds; the next one goes on from there")])
def cancel(models: Models = None, everything: Everything = False, data_dir: DataDir = None) -> int:
    """Cancel rebuilds, whoever does them: an operator's command or the plane itself."""
    from services.cli.operating import cancel

    return cancel(settings(data_dir=data_dir), models or [], everything=everything)


@server_command(ops, "lag", None, [("shipbook ops lag --json", "how many facts each read model is behind")])
def lag(data_dir: DataDir = None, as_json: Json = False) -> int:
    """Show how far each read model is behind the log. Status 1 where one has stopped."""
    from services.cli.operating import lag

    return lag(settings(data_dir=data_dir), as_json=as_json)
