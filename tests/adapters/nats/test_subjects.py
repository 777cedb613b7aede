"""Subjects are made of ids and read back; nothing else gets into them."""

import pytest

from adapters.nats import subjects
from commands.policies import ActivationWork, BuildWork
from domain.identifiers import DeploymentId, EnvironmentId, LogId, TenantId
from tests.adapters.nats.facts import TENANT, cancelled, identifier

ITEMS = [
    BuildWork(tenant_id=TENANT, deployment_id=DeploymentId(identifier(1))),
    ActivationWork(tenant_id=TENANT, environment_id=EnvironmentId(identifier(2)), activation=3),
]


def test_a_facts_subject_tells_whose_fact_it_is_and_which() -> None:
    subject = subjects.fact(cancelled(1))
    assert subject == f"facts.{TENANT}.deployment.cancelled"
    assert subjects.tenant_and_tag(subject) == (TENANT, "deployment.cancelled")


def test_a_filter_takes_one_tenants_facts_or_everybodys() -> None:
    assert subjects.facts("deployment.cancelled") == "facts.*.deployment.cancelled"
    assert subjects.facts("deployment.cancelled", TENANT) == f"facts.{TENANT}.deployment.cancelled"


@pytest.mark.parametrize("item", ITEMS)
def test_the_subject_alone_tells_what_is_to_be_done(item: BuildWork | ActivationWork) -> None:
    assert subjects.item(subjects.work(item)) == item


def test_bells_are_named_by_their_subject() -> None:
    name = subjects.log_bell(LogId(f"deployment-{identifier(1)}"))
    assert subjects.bell(name) == f"bell.log.deployment-{identifier(1)}"


@pytest.mark.parametrize("bad", ["", "*", ">", "a.b", "a b", "a\r\nPUB x", "é", "a."])
def test_an_id_can_neither_widen_nor_lengthen_a_subject(bad: str) -> None:
    with pytest.raises(ValueError, match="Not a"):
        subjects.facts("deployment.cancelled", TenantId(bad))
    with pytest.raises(ValueError, match="Not a"):
        subjects.work(BuildWork(tenant_id=TENANT, deployment_id=DeploymentId(bad)))
    with pytest.raises(ValueError, match="Not a"):
        subjects.log_bell(LogId(bad))


@pytest.mark.parametrize(
    "bad", ["", "work", "work.build.t", "work.build.t.d.e", "work.activate.t.e.x", "work.other.t.e", "facts.t.tag"]
)
def test_a_foreign_subject_is_no_item_of_work(bad: str) -> None:
    with pytest.raises(ValueError, match="Not the subject"):
        subjects.item(bad)
