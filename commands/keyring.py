"""Keys that are exchanged or destroyed: what may be asked."""

from collections.abc import Sequence

from commands.command import Command
from commands.decider import Decider
from domain.identifiers import KeyringId
from domain.keyring import DataKeyRotated, Event, KeyOwner, Keyring, KeysShredded, MasterKeyRotated, evolve


class RotateMasterKey(Command):
    """Record that the newest master key wraps every other one."""

    keyring_id: KeyringId
    made: bool
    wrapped: int
    dropped: int


class RotateDataKey(Command):
    """Record that values are sealed under another key."""

    keyring_id: KeyringId
    owner: KeyOwner
    generation: int


class DestroyKeys(Command):
    """Destroy a workspace's keys; who may, and that they mean it, was looked at (``commands.shredding``)."""

    keyring_id: KeyringId
    workspace_name: str


KeyringCommand = RotateMasterKey | RotateDataKey | DestroyKeys


def decide(command: KeyringCommand, _: Keyring) -> Sequence[Event]:
    """The events that ``command`` causes now."""
    match command:
        case RotateMasterKey():
            return [
                MasterKeyRotated(
                    keyring_id=command.keyring_id,
                    made=command.made,
                    wrapped=command.wrapped,
                    dropped=command.dropped,
                )
            ]
        case RotateDataKey():
            return [DataKeyRotated(keyring_id=command.keyring_id, owner=command.owner, generation=command.generation)]
        case DestroyKeys():
            return [KeysShredded(keyring_id=command.keyring_id, workspace_name=command.workspace_name)]


DECIDER = Decider(category="keyring", initial=Keyring(), decide=decide, evolve=evolve)
