"""The union of all facts: the only list of them."""

from typing import get_args

from domain import (
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
from domain.fact import Fact, tag_of

AnyFact = (
    account.Event
    | workspace.Event
    | repository.Event
    | project.Event
    | deployment.Event
    | release.Event
    | environment.Event
    | lines.Event
    | secret.Event
    | keyring.Event
    | custom_domain.Event
    | notification.Event
    | database.Event
    | backup.Event
    | audit.Event
    | retention.Event
    | schedule.Event
    | freeze.Event
)

FACTS: dict[str, type[Fact]] = {tag_of(fact): fact for fact in get_args(AnyFact)}
"""Every fact by its tag."""
