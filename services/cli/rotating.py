"""Exchanging the vault's keys, and showing which there are."""

import os
from collections.abc import Sequence
from getpass import getuser

from adapters.rotation import Rewrapped, Rotation, Standing
from adapters.settings import Settings
from domain.history import Actor
from projections.credentials import WORKSPACES
from projections.phrases import counted
from services.cli.operating import run
from services.console import Console, age
from services.exits import Exit, WrongUsage
from services.key_rotation import KeyRotation
from services.wiring import Core


def show(settings: Settings, *, as_json: bool) -> int:
    """Tell of every key: where it is used, never what it is."""

    async def work(parts: Core) -> tuple[list[int], list[Standing], dict[str, str]]:
        keys = Rotation(parts.database, parts.vault)
        found = await keys.standings()
        return await keys.masters(), found, await _names(parts, {one.scope for one in found})

    masters, found, names = run(settings, work)
    console = Console(as_json=as_json)
    console.document({"masterKeys": [{"wraps": count} for count in masters], "keys": found})
    for place, count in enumerate(masters, start=1):
        console.note(f"Master key {place} of {len(masters)} wraps {counted(count, 'key')}.")
    console.table(
        ("OF", "SCOPE", "GENERATION", "MADE", "VALUES", "STATE"),
        [
            (
                names.get(one.scope, ""),
                one.scope,
                str(one.generation) if one.generation else "fingerprints",
                age(one.made_at),
                str(one.values),
                _state(one),
            )
            for one in found
        ],
        empty="There is no key yet: none is needed before somebody registers.",
    )
    return Exit.OK


def rotate(settings: Settings, workspace: str | None, *, everything: bool, as_json: bool) -> int:
    """Exchange the master key, or those of a workspace, or of all."""
    if workspace and everything:
        raise WrongUsage("Say --workspace or --all, not both.")
    console = Console(as_json=as_json)
    actor = Actor(name=f"operator {_user()}")

    async def master(parts: Core) -> None:
        done = await KeyRotation(parts, actor).rotate_master()
        console.document(done)
        console.say(_told(done, settings), "green")

    async def scopes(parts: Core) -> None:
        rotation = KeyRotation(parts, actor)
        chosen = [await _scope(parts, workspace)] if workspace else await rotation.keys.scopes()
        for scope in chosen:
            generation, sealed = await rotation.rotate(scope)
            console.document({"scope": scope, "generation": generation.number, "values": sealed})
            console.note(f"{scope}: generation {generation.number}, {counted(sealed, 'value')} sealed again.")
        console.say(f"Rotated: {counted(len(chosen), 'scope')}. Older keys go an hour later.", "green")

    try:
        run(settings, scopes if workspace or everything else master)
    except KeyboardInterrupt:
        console.note("Stopped. Nothing is lost; the same command goes on from here.", "yellow")
        return Exit.INTERRUPTED
    return Exit.OK


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # who has no entry among the machine's users, as in some containers
        return str(os.getuid())


def _told(done: Rewrapped, settings: Settings) -> str:
    wrapped = f"{counted(done.wrapped, 'key')} wrapped under the "
    if done.made:
        kept = f"{counted(done.older, 'older one')} kept until the next rotation" if done.older else "no older one left"
        return f"{wrapped}new master key in {settings.master_key_file}; {kept}. Keep a copy of the file, apart."
    if done.older:
        return (
            f"{wrapped}first master key. The others wrap nothing any more: take them out of where the keys come from, "
            "once every process has the first one."
        )
    return (
        f"{wrapped}only master key. For another one: openssl rand -base64 32, put it first in the list that every "
        "process gets, restart them unless a command prints it, and do this again."
    )


async def _names(parts: Core, scopes: set[str]) -> dict[str, str]:
    found = [await parts.reader.one(WORKSPACES, {"id": scope}) for scope in sorted(scopes)]
    return {row.id: row.name for row in found if row}


async def _scope(parts: Core, wanted: str) -> str:
    scopes = await Rotation(parts.database, parts.vault).scopes()
    if wanted in scopes:
        return wanted
    named = [scope for scope, name in (await _names(parts, {*scopes})).items() if name.casefold() == wanted.casefold()]
    if len(named) != 1:
        raise WrongUsage(_which(wanted, named))
    return named[0]


def _which(wanted: str, named: Sequence[str]) -> str:
    if named:
        return f"Several workspaces are called '{wanted}': say which by its id, {' or '.join(named)}."
    return f"No workspace '{wanted}' has keys. `shipbook ops keys show` lists those that have."


def _state(one: Standing) -> str:
    if one.destroyed:
        return "destroyed"
    return "" if one.settled else "values are being sealed again"
