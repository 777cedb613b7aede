"""How long a workspace's things are kept."""

from commands.retention import DECIDER, SetRetention
from domain.identifiers import TenantId
from domain.rejection import Invalid
from domain.retention import RetentionPolicy, RetentionSet
from tests.commands.specification import specification

given = specification(DECIDER)

ACME = TenantId("acme")
FIVE, NINE, USUAL = RetentionPolicy(releases=5), RetentionPolicy(releases=9), RetentionPolicy()


def policy_set(policy: RetentionPolicy, former: RetentionPolicy = USUAL) -> RetentionSet:
    return RetentionSet(tenant_id=ACME, policy=policy, former=former)


def keep(policy: RetentionPolicy) -> SetRetention:
    return SetRetention(tenant_id=ACME, policy=policy)


def test_a_policy_is_set_changed_and_given_up() -> None:
    given().when(keep(FIVE)).then(policy_set(FIVE))
    given(policy_set(FIVE)).when(keep(NINE)).then(policy_set(NINE, FIVE))
    given(policy_set(FIVE)).when(keep(USUAL)).then(policy_set(USUAL, FIVE))


def test_what_holds_already_is_not_set_again() -> None:
    given().when(keep(USUAL)).then_nothing()
    given(policy_set(FIVE)).when(keep(FIVE)).then_nothing()


def test_at_least_one_release_is_kept_and_at_most_a_thousand() -> None:
    for number in (0, -1, 1001):
        given().when(keep(RetentionPolicy(releases=number))).then_refused(Invalid, field="releasesPerEnvironment")
