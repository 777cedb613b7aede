"""How a command is declared: what all commands share is added here, and their failures become exit statuses here."""

# What a command needs is imported where it runs: neither --help nor a server loads the client.
# ruff: noqa: PLC0415

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.control_sequences import cleaned
from services.exits import CommandFailed, Exit

if TYPE_CHECKING:
    from adapters.settings import Settings

Examples = Sequence[tuple[str, str]]
"""Command lines, and what each of them does."""

DataDir = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The plane's directory; else $SHIPBOOK_DATA_DIR, else ./.shipbook.")
]

Json = Annotated[bool, typer.Option("--json", help="Only JSON on standard output.")]

_ASKING = "Which plane, and as whom"
_SHARED: dict[str, tuple[Any, object]] = {
    "as_json": (Json, False),
    "api_url": (
        Annotated[
            str | None,
            typer.Option(metavar="URL", help="The plane; else $SHIPBOOK_API_URL.", rich_help_panel=_ASKING),
        ],
        None,
    ),
    "token": (
        Annotated[
            str | None,
            typer.Option(
                metavar="TOKEN",
                help="Your token; better in $SHIPBOOK_TOKEN, which no process list shows. Without either the stored "
                "login is used, else the credentials in --data-dir.",
                rich_help_panel=_ASKING,
            ),
        ],
        None,
    ),
    "data_dir": (
        Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="The directory of a plane on this machine.", rich_help_panel=_ASKING),
        ],
        None,
    ),
}
"""The options of every command that talks to a plane: kind and default by name."""


def new_app(summary: str) -> typer.Typer:
    """A group of commands. Help is drawn for people at a terminal, and plain elsewhere."""
    return typer.Typer(
        help=summary,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # a drawn traceback shows values, and values may be secrets
    )


app = new_app(
    "Turn git repositories into running applications.\n\n"
    "First start a plane (shipbook up), then stand in a repository and run shipbook deploy. "
    "Exit status: 0 done, 1 failed or refused, 2 wrong usage, 3 no answer or not logged in."
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("shipbook"))
        raise typer.Exit


@app.callback()
def _shipbook(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


def client_command(
    app: typer.Typer, name: str, panel: str | None, examples: Examples
) -> Callable[[Callable[..., int]], None]:
    """Declare a function of a ``Session`` and options as a command that talks to a plane; it returns its status."""

    def declare(function: Callable[..., int]) -> None:
        def run(**given: Any) -> None:
            from services.cli.session import Session

            shared = {option: given.pop(option) for option in _SHARED}
            with Session(**shared) as session:
                raise typer.Exit(ended(lambda: function(session, **given)))

        _, *own = signature(function).parameters.values()
        added = [
            Parameter(option, Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for option, (kind, default) in _SHARED.items()
        ]
        declared: Any = run
        declared.__signature__ = signature(function).replace(parameters=[*own, *added])
        declared.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
        app.command(name, help=function.__doc__, epilog=_shown(examples), rich_help_panel=panel)(run)

    return declare


def server_command(
    app: typer.Typer, name: str, panel: str | None, examples: Examples
) -> Callable[[Callable[..., int]], None]:
    """Declare a function of options as a command that runs on the plane's own machine; it returns the exit status."""

    def declare(function: Callable[..., int]) -> None:
        @wraps(function)
        def run(**given: Any) -> None:
            raise typer.Exit(ended(lambda: _served(lambda: function(**given))))

        app.command(name, epilog=_shown(examples), rich_help_panel=panel)(run)

    return declare


def settings(**options: object) -> "Settings":
    """The operator's settings from ``options`` and the environment. Raises SettingsInvalid."""
    from adapters.settings import Settings
    from services.logins import CLIENT_VARIABLES

    return Settings.load(options, os.environ, others=CLIENT_VARIABLES)


def ended(work: Callable[[], int]) -> int:
    """The exit status of ``work``; a failure is said on standard error."""
    try:
        return work()
    except CommandFailed as problem:
        return _failed(str(problem), problem.exit)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _served(serve: Callable[[], int]) -> int:
    from adapters.settings import SettingsInvalid
    from services.programs import CannotStart

    try:
        return serve()
    except (SettingsInvalid, CannotStart) as problem:
        return _failed(str(problem), Exit.WRONG_USAGE)


def _failed(message: str, status: Exit) -> int:
    for line in f"shipbook: {message}".splitlines():
        print(cleaned(line), file=sys.stderr)
    return status


def _shown(examples: Examples) -> str:
    widest = max(len(line) for line, _ in examples)
    lines = "\n".join(f"$ {line.ljust(widest)}   {meaning}".rstrip() for line, meaning in examples)
    return f"Examples:\n\n\b\n{lines}"
