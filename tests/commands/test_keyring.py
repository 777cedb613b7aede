"""Keys: each exchange is a fact, and shredding needs the workspace's name and a reason."""

import asyncio

import pytest
from msgspec.structs import replace

from commands.keyring import DECIDER, DestroyKeys, RotateDataKey, RotateMasterKey
from commands.ports import SecretValue
from commands.sealing import set_secret
from commands.shredding import shred
from commands.workspace import CreateWorkspace
from domain.identifiers import AccountId, KeyringId, SecretId, TenantId
from domain.keyring import DataKeyRotated, KeyOwner, KeysShredded, MasterKeyRotated
from domain.rejection import Invalid, NotFound
from domain.secret import SecretScope
from tests.commands.plane import Plane, tell
from tests.commands.specification import specification

given = specification(DECIDER)
RING = KeyringId("ring")


def test_each_rotation_is_a_fact() -> None:
    given().when(RotateMasterKey(keyring_id=RING, made=True, wrapped=3, dropped=1)).then(
        MasterKeyRotated(keyring_id=RING, made=True, wrapped=3, dropped=1)
    )
    given().when(RotateDataKey(keyring_id=RING, owner=KeyOwner.ACCOUNT, generation=2)).then(
        DataKeyRotated(keyring_id=RING, owner=KeyOwner.ACCOUNT, generation=2)
    )


def test_keys_may_be_destroyed_again() -> None:
    gone = KeysShredded(keyring_id=RING, workspace_name="Acme")
    given(gone).when(DestroyKeys(keyring_id=RING, workspace_name="Acme")).then(gone)


class TestShredding:
    async def workspace(self) -> Plane:
        plane = Plane()
        command = CreateWorkspace(tenant_id=TenantId("acme"), name="Acme", owner=AccountId("ada"))
        await plane.handler.handle(command, plane.next())
        await set_secret(
            plane.handler,
            plane.vault,
            plane.next(),
            secret_id=SecretId("s"),
            name="KEY",
            value=SecretValue("x"),
            scope=SecretScope.WORKSPACE,
        )
        return plane

    def test_destroys_what_the_vault_holds(self) -> None:
        async def story() -> None:
            plane = await self.workspace()
            context = replace(plane.next(), reason="The contract ended.")
            caused = await shred(plane.handler, plane.vault, context, confirm="Acme")
            assert caused.facts[0].fact == KeysShredded(keyring_id=KeyringId("acme"), workspace_name="Acme")
            with pytest.raises(NotFound):
                await plane.vault.open("acme", SecretId("s"), 1)

        tell(story())

    @pytest.mark.parametrize(("name", "reason"), [("acme", "because"), ("", "because"), ("Acme", None), ("Acme", " ")])
    def test_without_the_name_or_a_reason_is_refused(self, name: str, reason: str | None) -> None:
        async def story() -> None:
            plane = await self.workspace()
            with pytest.raises(Invalid):
                await shred(plane.handler, plane.vault, replace(plane.next(), reason=reason), confirm=name)
            assert (await plane.vault.open("acme", SecretId("s"), 1)).reveal == "x"

        asyncio.run(story())
