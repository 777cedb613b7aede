"""Releases: what may be asked."""

from collections.abc import Sequence

from msgspec.structs import replace

from commands.checks import shown
from commands.command import Command
from commands.decider import Decider
from domain.identifiers import ReleaseId
from domain.rejection import NotFound
from domain.release import Event, Release, ReleaseCut, evolve


class CutRelease(Command):
    """Keep what a build left, with the configuration and the secret versions that it runs with."""

    release_id: ReleaseId
    cut: ReleaseCut


ReleaseCommand = CutRelease


def decide(command: ReleaseCommand, state: Release) -> Sequence[Event]:
    """The events that ``command`` causes now. A release is cut once: a second build of it changes nothing."""
    return [] if state.cut else [replace(command.cut, commit_message=shown(command.cut.commit_message))]


def require_release(state: Release) -> ReleaseCut:
    """What was cut; refuse where nothing was."""
    if state.cut is None:
        raise NotFound("There is no such release.")
    return state.cut


DECIDER = Decider(category="release", initial=Release(), decide=decide, evolve=evolve)
