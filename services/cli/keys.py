"""The operator's commands about the vault's keys, run beside the plane's database."""

# Each command imports what it runs, and nothing of the others.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from services.cli.declaring import DataDir, Json, new_app, server_command, settings
from services.cli.serving import ops

keys = new_app("The keys that secrets are sealed under: see them, exchange them.")
ops.add_typer(keys, name="keys")


@server_command(
    keys, "show", None, [("shipbook ops keys show", "each workspace's keys, and what is sealed under them")]
)
def show(data_dir: DataDir = None, as_json: Json = False) -> int:
    """Show how many keys each master key wraps, and each scope's generations with how many values each seals."""
    from services.cli.rotating import show

    return show(settings(data_dir=data_dir), as_json=as_json)


@server_command(
    keys,
    "rotate",
    None,
    [
        ("shipbook ops keys rotate", "another master key; the older ones go with the next rotation"),
        ("shipbook ops keys rotate --workspace my-shop", "another key for one workspace, and its values sealed again"),
        ("shipbook ops keys rotate --all", "the same for every workspace and account"),
    ],
)
def rotate(
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="NAME", help="The key of this workspace, by its name or id.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The keys of every workspace and account.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """Exchange the master key, or the keys of workspaces, while everything runs.

    Stop it at any moment: the next one goes on from there.
    """
    from services.cli.rotating import rotate

    return rotate(settings(data_dir=data_dir), workspace, everything=everything, as_json=as_json)
