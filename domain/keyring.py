"""The keys that secret values are sealed under: the installation's master key, and each workspace's and account's own.

Facts say that keys were exchanged or destroyed; the keys themselves are the vault's alone.
"""

from enum import StrEnum

from domain.fact import Fact, Value
from domain.identifiers import KeyringId, TenantId

INSTALLATION = TenantId("00000000-0000-0000-0000-000000000000")
"""Whose the facts are that belong to no workspace."""


class KeyOwner(StrEnum):
    """Whose values a key seals: a workspace's, or an account's, which are its password's verifiers."""

    WORKSPACE = "workspace"
    ACCOUNT = "account"


class MasterKeyRotated(Fact, tag="keyring.master-key-rotated"):
    """The newest master key wraps every other key. ``made``: it was made by us, not by a source of the operator's.

    ``wrapped`` keys were wrapped again, and ``dropped`` older master keys are kept no more.
    """

    keyring_id: KeyringId
    made: bool
    wrapped: int
    dropped: int


class DataKeyRotated(Fact, tag="keyring.data-key-rotated"):
    """A workspace or an account has another key: values are sealed under it, and those that are kept sealed again."""

    keyring_id: KeyringId
    owner: KeyOwner
    generation: int


class KeysShredded(Fact, tag="keyring.shredded"):
    """A workspace's keys are destroyed, and with them every value that was sealed under them until this."""

    keyring_id: KeyringId
    workspace_name: str


Event = MasterKeyRotated | DataKeyRotated | KeysShredded


class Keyring(Value):
    """What later decisions need of a keyring: nothing, as each exchange stands for itself."""


def evolve(state: Keyring, _: Event) -> Keyring:
    """The keyring after a fact."""
    return state
