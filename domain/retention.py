"""How long a workspace's things are kept."""

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import TenantId


class RetentionPolicy(Value):
    """What a workspace says of it. ``releases``: of each environment so many of the newest; None: the usual number."""

    releases: int | None = None


class RetentionSet(Fact, tag="retention.set"):
    """Somebody said how long the workspace's things are kept."""

    tenant_id: TenantId
    policy: RetentionPolicy
    former: RetentionPolicy = RetentionPolicy()


Event = RetentionSet


class Retention(Value):
    """What later decisions need of it."""

    policy: RetentionPolicy = RetentionPolicy()


def evolve(state: Retention, fact: Event) -> Retention:
    """The policy after ``fact``."""
    return replace(state, policy=fact.policy)
