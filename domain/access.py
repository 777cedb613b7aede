"""Who may do what: one ladder, on which roles and tokens stand and to which each route says how high one must be."""

from enum import IntEnum

from domain.account import Scope
from domain.workspace import Role


class Access(IntEnum):
    """What a caller may do in a workspace; each rung includes those below."""

    READ = 1
    """See everything but the values of secrets."""
    DEPLOY = 2
    """Deploy, cancel, retry, roll back, start and stop what exists."""
    DEVELOP = 3
    """Make and configure projects, environments, repositories, secrets, domains and databases."""
    ADMIN = 4
    """Invite people, give roles, approve, set limits and policies, delete what others need."""
    OWN = 5
    """Name owners, destroy the workspace's keys, delete the workspace."""


OF_ROLE: dict[Role, Access] = {
    Role.VIEWER: Access.READ,
    Role.MEMBER: Access.DEVELOP,
    Role.DEVELOPER: Access.DEVELOP,
    Role.ADMIN: Access.ADMIN,
    Role.OWNER: Access.OWN,
}
"""How high a member stands."""

OF_SCOPE: dict[Scope, Access] = {Scope.READ: Access.READ, Scope.DEPLOY: Access.DEPLOY, Scope.ADMIN: Access.OWN}
"""How high a token lets its owner stand at the most: one of scope ``admin`` acts as they do (document 002)."""


def role_for(needed: Access) -> Role:
    """The lowest role that stands so high."""
    return next(role for role, access in OF_ROLE.items() if access >= needed and role is not Role.MEMBER)


def scope_for(needed: Access) -> Scope:
    """The smallest scope that lets one stand so high."""
    return next(scope for scope, access in OF_SCOPE.items() if access >= needed)
