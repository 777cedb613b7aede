"""All read models by name: the operator's menu."""

from projections import (
    audit_trail,
    backups,
    channels,
    credentials,
    custom_domains,
    databases,
    deployments,
    environments,
    freezes,
    lines,
    projects,
    releases,
    repositories,
    retention,
    schedules,
    secret_uses,
    secrets,
)
from projections.changes import ReadModel

ALL: dict[str, ReadModel] = {
    module.MODEL.name: module.MODEL
    for module in (
        audit_trail,
        backups,
        channels,
        credentials,
        custom_domains,
        databases,
        deployments,
        environments,
        freezes,
        lines,
        projects,
        releases,
        repositories,
        retention,
        secret_uses,
        schedules,
        secrets,
    )
}
