"""Environments, and where they answer."""

from adapters.http.native.wire.projects import EnvironmentOut
from adapters.settings import Settings
from projections.environments import EnvironmentRow


def host(settings: Settings, label: str) -> str:
    """The host name of an environment's label."""
    return f"{label}.{settings.apps_domain}"


def url(settings: Settings, label: str) -> str:
    """Where an environment answers."""
    port = settings.edge.port
    return f"http://{host(settings, label)}" + ("" if port == 80 else f":{port}")


def environment(row: EnvironmentRow, settings: Settings) -> EnvironmentOut:
    """An environment."""
    return EnvironmentOut(
        id=row.id,
        name=row.name,
        branch=row.branch,
        label=row.label,
        url=url(settings, row.label),
        auto_deploy=row.rules.auto_deploy,
        superseding=row.rules.superseding,
        protected=row.rules.protected,
        approval_by_another=row.rules.approval_by_another,
        active_release_id=row.active_release_id,
        created_at=row.created_at,
    )
