"""All read models by name: the operator's menu."""

from projections import (
    audit_trail,
    credentials,
    custom_domains,
    deployments,
    environments,
    lines,
    projects,
    releases,
    repositories,
    secrets,
)
from projections.changes import ReadModel

ALL: dict[str, ReadModel] = {
    module.MODEL.name: module.MODEL
    for module in (
        audit_trail,
        credentials,
        custom_domains,
        deployments,
        environments,
        lines,
        projects,
        releases,
        repositories,
        secrets,
    )
}
