"""How long a workspace's things are kept: what may be asked."""

from collections.abc import Sequence

from commands.checks import between, check
from commands.command import Command
from commands.decider import Decider
from domain.identifiers import TenantId
from domain.retention import Event, Retention, RetentionPolicy, RetentionSet, evolve

MOST_RELEASES = 1000
"""How many releases of an environment may be kept because they are the newest."""


class SetRetention(Command):
    """Say how long the workspace's things are kept."""

    tenant_id: TenantId
    policy: RetentionPolicy


RetentionCommand = SetRetention


def decide(command: RetentionCommand, state: Retention) -> Sequence[Event]:
    """The events that ``command`` causes now, or a Rejection."""
    check([("releasesPerEnvironment", between(command.policy.releases, 1, MOST_RELEASES))])
    if command.policy == state.policy:
        return []
    return [RetentionSet(tenant_id=command.tenant_id, policy=command.policy, former=state.policy)]


DECIDER = Decider(category="retention", initial=Retention(), decide=decide, evolve=evolve)
