"""Rolling back to what a release was: what changes, and what cannot come back."""

from typing import Any

import pytest
from msgspec.structs import replace

from commands import release
from commands.ports import SecretValue
from commands.release import CutRelease
from commands.rolling_back import preview, roll_back
from commands.sealing import set_secret
from domain.environment import EnvironmentRolledBack
from domain.identifiers import EnvironmentId, ReleaseId, SecretId
from domain.project import ResourceLimits, RuntimeConfig
from domain.rejection import Conflict
from domain.release import Changed, ReleaseCut, SecretPin, differences
from domain.secret import SecretScope
from tests.commands.plane import Plane, tell
from tests.commands.test_release import CUT

SHOP = EnvironmentId("shop")


def pin(name: str, version: int, secret_id: str = "") -> SecretPin:
    return SecretPin(secret_id=SecretId(secret_id or name), name=name, version=version)


class TestTheDifference:
    def test_is_none_between_releases_of_the_same(self) -> None:
        found = differences(CUT, replace(CUT, release_id=ReleaseId("other")))
        assert (found.runtime, found.secrets_added, found.secrets_removed, found.secrets_changed) == ((), (), (), ())

    def test_names_the_settings_that_change(self) -> None:
        runtime = RuntimeConfig(port=8080, limits=ResourceLimits(memory_mb=64))
        found = differences(CUT, replace(CUT, runtime=runtime, start_command="node ."))
        assert found.runtime == (
            Changed(name="start_command", before=CUT.start_command, after="node ."),
            Changed(name="port", before=CUT.runtime.port, after=8080),
            Changed(name="memory_mb", before=CUT.runtime.limits.memory_mb, after=64),
        )

    def test_tells_secrets_that_come_go_and_change(self) -> None:
        before = replace(CUT, secrets=(pin("KEPT", 1), pin("GONE", 3), pin("TURNED", 2), pin("MADE_ANEW", 1, "old")))
        after = replace(CUT, secrets=(pin("KEPT", 1), pin("CAME", 1), pin("TURNED", 1), pin("MADE_ANEW", 1, "new")))
        found = differences(before, after)
        assert found.secrets_added == (pin("CAME", 1),)
        assert found.secrets_removed == (pin("GONE", 3),)
        assert found.secrets_changed == (
            (pin("TURNED", 2), pin("TURNED", 1)),
            (pin("MADE_ANEW", 1, "old"), pin("MADE_ANEW", 1, "new")),
        )

    def test_from_nothing_is_everything(self) -> None:
        found = differences(None, replace(CUT, secrets=(pin("KEY", 1),)))
        assert found.before is None
        assert found.secrets_added == (pin("KEY", 1),)
        assert {one.before for one in found.runtime} == {None}


async def with_secret(plane: Plane, number: int, pinned: SecretPin) -> ReleaseId:
    """A release of the shop that runs with a version of a secret."""
    live = await plane.release(SHOP, number)
    cut: Any = (await plane.handler.state(release.DECIDER, live, plane.next().tenant_id)).cut
    assert isinstance(cut, ReleaseCut)
    pinned_id = ReleaseId(f"{live} with a secret")
    command = CutRelease(release_id=pinned_id, cut=replace(cut, release_id=pinned_id, secrets=(pinned,)))
    await plane.handler.handle(command, plane.next())
    return pinned_id


async def keep(plane: Plane, secret_id: SecretId) -> None:
    await set_secret(
        plane.handler,
        plane.vault,
        plane.next(),
        secret_id=secret_id,
        name="KEY",
        value=SecretValue("s3cret"),
        scope=SecretScope.WORKSPACE,
    )


def test_a_release_whose_secret_can_be_opened_comes_back_and_the_preview_changes_nothing() -> None:
    async def story() -> None:
        plane = Plane()
        await keep(plane, SecretId("key"))
        earlier = await with_secret(plane, 1, pin("KEY", 1, "key"))
        length = len(plane.facts())
        found = await preview(plane.handler, plane.vault, plane.next(), release_id=earlier)
        assert found.secrets_added == (pin("KEY", 1, "key"),)
        assert len(plane.facts()) == length
        caused = await roll_back(plane.handler, plane.vault, plane.next(), release_id=earlier)
        assert isinstance(caused.facts[0].fact, EnvironmentRolledBack)

    tell(story())


def test_a_release_whose_secret_was_forgotten_is_refused_and_named() -> None:
    async def story() -> None:
        plane = Plane()
        earlier = await with_secret(plane, 1, pin("KEY", 7, "key"))
        for asked in (preview, roll_back):
            with pytest.raises(Conflict, match=r"KEY \(version 7\)") as caught:
                await asked(plane.handler, plane.vault, plane.next(), release_id=earlier)
            assert caught.value.code == "secret_gone"

    tell(story())


def test_what_would_be_refused_is_refused_in_the_preview_too() -> None:
    async def story() -> None:
        plane = Plane()
        active = await plane.release(SHOP, 1)
        with pytest.raises(Conflict) as caught:
            await preview(plane.handler, plane.vault, plane.next(), release_id=active)
        assert caught.value.code == "already_active"

    tell(story())
