"""Whenever this happened, then that is to be done."""

from commands.policies import ActivationWork, BuildWork, work
from tests.adapters.nats.facts import TENANT, cancelled, identifier, queued, rolled_back


def test_a_queued_deployment_is_to_be_built() -> None:
    assert work(queued(7)) == [BuildWork(tenant_id=TENANT, deployment_id=identifier(7))]


def test_a_rollback_is_to_be_activated_without_a_build() -> None:
    assert work(rolled_back(3)) == [ActivationWork(tenant_id=TENANT, environment_id=identifier(3), activation=3)]


def test_nothing_is_to_be_done_because_of_a_cancelled_deployment() -> None:
    assert work(cancelled(1)) == []
