"""The ladder of access: every role and scope stands on it, and every rung can be reached."""

import pytest

from domain.access import OF_ROLE, OF_SCOPE, Access, role_for, scope_for
from domain.account import Scope
from domain.workspace import Role


def test_every_role_and_every_scope_stands_on_the_ladder() -> None:
    assert set(OF_ROLE) == set(Role)
    assert set(OF_SCOPE) == set(Scope)


def test_each_role_may_more_than_the_one_before() -> None:
    standing = [OF_ROLE[role] for role in (Role.VIEWER, Role.DEVELOPER, Role.ADMIN, Role.OWNER)]

    assert standing == sorted(set(standing))


def test_a_token_of_the_widest_scope_acts_as_its_owner() -> None:
    assert OF_SCOPE[Scope.ADMIN] is max(Access)


@pytest.mark.parametrize("needed", Access)
def test_a_refusal_can_name_a_role_and_a_scope_that_suffice(needed: Access) -> None:
    assert OF_ROLE[role_for(needed)] >= needed
    assert OF_SCOPE[scope_for(needed)] >= needed
    assert role_for(needed) is not Role.MEMBER
