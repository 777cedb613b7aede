"""Which command goes to which decider and stream."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, get_args

from commands import (
    account,
    audit,
    backup,
    custom_domain,
    database,
    deployment,
    environment,
    freeze,
    keyring,
    lines,
    notification,
    project,
    release,
    repository,
    retention,
    schedule,
    secret,
    workspace,
)
from commands.command import Command
from commands.decider import AnyDecider
from domain.identifiers import StreamName, stream

Route = tuple[AnyDecider, Callable[[Any], str]]

_TABLE: list[tuple[Any, AnyDecider, str]] = [
    (account.AccountCommand, account.DECIDER, "account_id"),
    (workspace.WorkspaceCommand, workspace.DECIDER, "tenant_id"),
    (repository.RepositoryCommand, repository.DECIDER, "connection_id"),
    (project.ProjectCommand, project.DECIDER, "project_id"),
    (deployment.DeploymentCommand, deployment.DECIDER, "deployment_id"),
    (release.ReleaseCommand, release.DECIDER, "release_id"),
    (environment.EnvironmentCommand, environment.DECIDER, "environment_id"),
    (lines.LogCommand, lines.DECIDER, "log_id"),
    (secret.SecretCommand, secret.DECIDER, "secret_id"),
    (keyring.KeyringCommand, keyring.DECIDER, "keyring_id"),
    (custom_domain.CustomDomainCommand, custom_domain.DECIDER, "domain_id"),
    (notification.ChannelCommand, notification.DECIDER, "channel_id"),
    (database.DatabaseCommand, database.DECIDER, "database_id"),
    (backup.BackupCommand, backup.DECIDER, "backup_id"),
    (audit.AuditCommand, audit.DECIDER, "export_id"),
    (retention.RetentionCommand, retention.DECIDER, "tenant_id"),
    (schedule.ScheduleCommand, schedule.DECIDER, "schedule_id"),
    (freeze.FreezeCommand, freeze.DECIDER, "tenant_id"),
]

ROUTES: dict[type[Command], Route] = {
    command: (decider, attrgetter(identity))
    for commands, decider, identity in _TABLE
    for command in get_args(commands) or (commands,)
}
"""Every command with its decider and the field that names its stream."""


def route(command: Command) -> tuple[AnyDecider, StreamName]:
    """The decider of ``command`` and the stream of the thing that it speaks of."""
    decider, identity = ROUTES[type(command)]
    return decider, stream(decider.category, identity(command))
