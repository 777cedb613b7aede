"""What becomes of values by themselves or for good: shredded workspaces, removed secrets, keys that were replaced."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from commands.keeping import ExpireRelease
from domain.identifiers import EnvironmentId
from domain.rejection import NotFound
from services.key_keeping import ACTOR, KeyKeeping
from services.key_rotation import KeyRotation
from tests.dialects.plane import Caller
from tests.dialects.test_native_secret_uses import cut


def name_of(caller: Caller) -> str:
    return str(caller.browser.get("/auth/me").json()["memberships"][0]["name"])


def opened(caller: Caller, secret: Any, version: int = 1) -> str:
    return caller.plane.call(caller.plane.core.vault.open(caller.tenant, secret["id"], version)).reveal


class Later:
    """A clock that is some days ahead."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=8)


def keeping(caller: Caller) -> KeyKeeping:
    """The keeping of keys, a week later."""
    return KeyKeeping(replace(caller.plane.core, clock=Later()))


def shredded(caller: Caller) -> Any:
    return caller.post("/shred", {"confirm": name_of(caller), "reason": "The contract ended."}, status=200)


async def known(caller: Caller) -> bool:
    """Whether it is known which releases have which secrets."""
    return await KeyKeeping(caller.plane.core).knows(await caller.plane.core.log.head())


class TestShredding:
    def test_nobody_can_open_a_value_any_more_and_history_stays(self, insider: Caller, outsider: Caller) -> None:
        secret, other = (one.post("/secrets", {"name": "KEY", "value": "x"}) for one in (insider, outsider))

        shredded(insider)

        with pytest.raises(NotFound):
            opened(insider, secret)
        assert opened(outsider, other) == "x"
        assert insider.get(f"/secrets/{secret['id']}")["versions"][0]["gone"]
        told = insider.get(f"/audit?subject=keyring-{insider.tenant}")["items"][0]
        assert (told["reason"], told["actor"]) == ("The contract ended.", insider.email)
        assert "shredded the workspace" in told["message"]

    def test_a_value_that_is_set_afterwards_gets_a_key_of_its_own_and_stays(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "x"})
        shredded(insider)
        insider.patch(f"/secrets/{secret['id']}", {"value": "y"})
        history = insider.plane.call(insider.plane.core.log.following(0, 100_000))

        insider.plane.call(keeping(insider).destroy(history))  # as after a checkpoint that was lost

        assert opened(insider, secret, 2) == "y"
        assert [one["gone"] for one in insider.get(f"/secrets/{secret['id']}")["versions"]] == [False, True]

    def test_who_follows_the_log_does_what_a_killed_request_left(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "x"})
        shredded(insider)
        [fact] = insider.plane.call(insider.plane.core.log.read(f"keyring-{insider.tenant}"))
        insider.patch(f"/secrets/{secret['id']}", {"value": "y"})

        again = changed(fact, position=fact.position + 1_000_000)
        insider.plane.call(keeping(insider).destroy([again]))

        with pytest.raises(NotFound):
            opened(insider, secret, 2)

    @pytest.mark.parametrize(("field", "value"), [("confirm", "another name"), ("reason", " ")])
    def test_without_the_name_or_a_reason_nothing_is_destroyed(self, insider: Caller, field: str, value: str) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "x"})
        body = {"confirm": name_of(insider), "reason": "because", field: value}

        assert insider.post("/shred", body, status=400)["details"][0]["field"] == field
        assert opened(insider, secret) == "x"

    def test_a_repeated_request_shreds_once(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "x"})
        body, key = {"confirm": name_of(insider), "reason": "because"}, {"Idempotency-Key": "one-shredding"}
        insider.post("/shred", body, status=200, headers=key)
        insider.patch(f"/secrets/{secret['id']}", {"value": "y"})

        insider.post("/shred", body, status=200, headers=key)

        assert opened(insider, secret, 2) == "y"

    def test_only_owners_shred(self, insider: Caller) -> None:
        body = {"confirm": name_of(insider), "reason": "because"}
        assert insider.with_scope("deploy").post(f"{insider.base}/shred", json=body).status_code == 403


class TestRemovedSecrets:
    def test_values_that_no_release_has_are_deleted_after_a_week(self, insider: Caller) -> None:
        project = insider.project()
        secret = insider.post("/secrets", {"name": "KEY", "value": "1"})
        for value in ("2", "3"):
            insider.patch(f"/secrets/{secret['id']}", {"value": value})
        cut(insider, project, secret, 2, 1)
        insider.http.delete(f"{insider.base}/secrets/{secret['id']}")

        look(insider, KeyKeeping(insider.plane.core))
        assert [opened(insider, secret, version) for version in (1, 2, 3)] == ["1", "2", "3"]
        for _ in range(2):
            look(insider, keeping(insider))

        assert opened(insider, secret, 2) == "2"
        for version in (1, 3):
            with pytest.raises(NotFound):
                opened(insider, secret, version)
        told = [one["message"] for one in insider.get("/audit")["items"] if one["type"] == "secret.values-deleted"]
        assert told == ["key keeping deleted 2 values of the removed secret 'KEY', which no release has."]

    def test_nothing_is_deleted_while_it_is_not_known_which_releases_there_are(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "1"})
        insider.http.delete(f"{insider.base}/secrets/{secret['id']}")
        stop = "UPDATE read_models.checkpoints SET stopped_at = %s WHERE generation = 'read_secret_uses' RETURNING 1"

        insider.plane.call(insider.plane.core.database.fetch(stop, [1]))
        look(insider, keeping(insider))
        insider.plane.call(insider.plane.core.database.fetch(stop, [None]))
        insider.plane.wait(lambda: insider.plane.call(known(insider)))

        assert opened(insider, secret) == "1"

    def test_values_that_only_expired_releases_have_are_deleted(self, insider: Caller) -> None:
        project = insider.project()
        secret = insider.post("/secrets", {"name": "KEY", "value": "1"})
        release = cut(insider, project, secret, 1, 1)
        insider.http.delete(f"{insider.base}/secrets/{secret['id']}")
        place = EnvironmentId(project["environments"][0]["id"])
        expire = ExpireRelease(environment_id=place, release_id=release, deployment_number=1)
        insider.plane.do(insider.tenant, expire)

        look(insider, keeping(insider))

        with pytest.raises(NotFound):
            opened(insider, secret)

    def test_values_of_a_secret_that_is_in_use_are_kept(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "1"})

        look(insider, keeping(insider))

        assert opened(insider, secret) == "1"


class TestRotations:
    def test_a_workspaces_rotation_is_an_event_and_what_was_broken_off_is_completed(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "1"})
        rotation = KeyRotation(insider.plane.core, ACTOR)
        insider.plane.call(rotation.keys.begin(insider.tenant))

        look(insider, keeping(insider))

        assert insider.plane.call(rotation.keys.unsettled()) == []
        assert opened(insider, secret) == "1"
        told = insider.get(f"/audit?subject=keyring-{insider.tenant}")["items"]
        assert [one["message"] for one in told] == [
            "key keeping gave the workspace another data key, its generation 2."
        ]
        begun, sealed = insider.plane.call(rotation.rotate(insider.tenant))
        assert (begun.number, sealed) == (3, 1)

    def test_a_rotation_of_the_master_key_is_an_event_of_the_installation(self, insider: Caller) -> None:
        secret = insider.post("/secrets", {"name": "KEY", "value": "1"})

        done = insider.plane.call(KeyRotation(insider.plane.core, ACTOR).rotate_master())

        [*_, fact] = insider.plane.call(insider.plane.core.log.read("keyring-00000000-0000-0000-0000-000000000000"))
        assert (fact.fact.wrapped, fact.fact.made) == (done.wrapped, True)
        assert opened(insider, secret) == "1"


def look(caller: Caller, keeping: KeyKeeping) -> None:
    """One round, and what follows from it."""
    call, events = caller.plane.call, caller.plane.core.log
    before = call(events.head())
    call(keeping.look())
    head = call(events.head())
    caller.plane.wait(lambda: len(call(events.following(before, 1000))) == head - before)
    call(keeping.destroy(call(events.following(before, 1000))))
    assert call(caller.plane.progress.passed(head, 10))
