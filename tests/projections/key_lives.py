"""What keys may live through, and a secret whose values go."""

from collections.abc import Iterator

from domain.fact import Fact
from domain.identifiers import KeyringId, SecretId
from domain.keyring import DataKeyRotated, KeyOwner, KeysShredded, MasterKeyRotated
from domain.secret import SecretRemoved, SecretRotated, SecretScope, SecretSet, SecretValuesDeleted


def keyring(name: str) -> Iterator[Fact]:
    """Keys that are exchanged, and destroyed."""
    keyring = KeyringId(name)
    yield MasterKeyRotated(keyring_id=keyring, made=True, wrapped=12, dropped=1)
    yield DataKeyRotated(keyring_id=keyring, owner=KeyOwner.WORKSPACE, generation=2)
    yield KeysShredded(keyring_id=keyring, workspace_name="Acme")


def secret(name: str) -> Iterator[Fact]:
    """A secret that is removed, and of whose values one goes after the other."""
    secret = SecretId(name)
    yield SecretSet(secret_id=secret, name="LONE", scope=SecretScope.WORKSPACE, fingerprint="f1n6e2 1")
    yield SecretRotated(secret_id=secret, name="LONE", version=2, fingerprint="f1n6e2 2")
    yield SecretRemoved(secret_id=secret, name="LONE")
    yield SecretValuesDeleted(secret_id=secret, name="LONE", versions=(1,), kept=1)
    yield SecretValuesDeleted(secret_id=secret, name="LONE", versions=(2,), kept=0)
