"""Things that come and go in a workspace, each with all that it may live through, by the category of their streams.

What may end in several ways is told apart behind a slash.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from domain.fact import Fact
from domain.identifiers import (
    AccountId,
    BackupId,
    ChannelId,
    CustomDomainId,
    DatabaseId,
    EnvironmentId,
    ExportId,
    ProjectId,
    TenantId,
)
from tests.projections import (
    channel_lives,
    database_lives,
    domain_lives,
    export_lives,
    key_lives,
    member_lives,
    place_lives,
    running_lives,
)

LIVES: dict[str, Callable[[str, ProjectId], Iterator[Fact]]] = {
    "account": lambda name, _: member_lives.of_account(AccountId(name)),
    "workspace": lambda name, _: member_lives.of_workspace(TenantId(name)),
    "audit": lambda name, _: export_lives.life(ExportId(name)),
    "backup": lambda name, _: database_lives.life_of_backup(BackupId(name)),
    "channel": lambda name, project: channel_lives.life(ChannelId(name), project, 1),
    "database": lambda name, project: database_lives.life(DatabaseId(name), project),
    "project": lambda name, _: chain(running_lives.rollout(ProjectId(name)), place_lives.project(name)),
    "deployment": place_lives.deployment,
    "deployment/rejected": place_lives.rejected,
    "environment": lambda name, _: chain(running_lives.life(EnvironmentId(name)), place_lives.environment(name)),
    "schedule": place_lives.schedule,
    "freezes": lambda name, _: place_lives.freezes(name),
    "retention": lambda name, _: place_lives.retention(name),
    "keyring": lambda name, _: key_lives.keyring(name),
    "secret": lambda name, _: key_lives.secret(name),
    "custom-domain": lambda name, project: domain_lives.life(CustomDomainId(name), project),
}
