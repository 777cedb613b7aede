"""Whenever this happened, then that is to be done."""

from msgspec.structs import replace

from commands.policies import ActivationWork, BuildWork, follow_up, work
from commands.secret import RemoveSecret
from domain.database import DatabaseDetached
from domain.identifiers import DatabaseId, EnvironmentId, SecretId
from tests.adapters.nats.facts import TENANT, cancelled, identifier, queued, rolled_back


def test_a_queued_deployment_is_to_be_built() -> None:
    assert work(queued(7)) == [BuildWork(tenant_id=TENANT, deployment_id=identifier(7))]


def test_a_rollback_is_to_be_activated_without_a_build() -> None:
    assert work(rolled_back(3)) == [ActivationWork(tenant_id=TENANT, environment_id=identifier(3), activation=3)]


def test_nothing_is_to_be_done_because_of_a_cancelled_deployment() -> None:
    assert work(cancelled(1)) == []


def test_a_secret_goes_with_what_it_was_made_for() -> None:
    database, secret = DatabaseId("database"), SecretId("secret")
    detached = DatabaseDetached(
        database_id=database,
        name="shop",
        environment_id=EnvironmentId("live"),
        secret_id=secret,
        variable="DATABASE_URL",
    )
    assert follow_up(replace(queued(7), fact=detached)) == [RemoveSecret(secret_id=secret)]
