"""The native API's vocabulary: ours into the document's words, and rows into what is answered; a module a thing."""

from adapters.http.native.words import (
    access_logs,
    accounts,
    audit,
    configuration,
    databases,
    deployments,
    detection,
    domains,
    environments,
    notifications,
    projects,
    releases,
    repositories,
    running,
    secrets,
    workspaces,
)

__all__ = [
    "access_logs",
    "accounts",
    "audit",
    "configuration",
    "databases",
    "deployments",
    "detection",
    "domains",
    "environments",
    "notifications",
    "projects",
    "releases",
    "repositories",
    "running",
    "secrets",
    "workspaces",
]
