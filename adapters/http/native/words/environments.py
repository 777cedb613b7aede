"""Environments, where they answer, and what is live in them."""

from typing import Literal

from adapters.http.native.wire.deployments import ActivationOut, InstanceOut, RouteOut, RuntimeOut
from adapters.http.native.wire.projects import EnvironmentOut
from adapters.http.native.words.releases import release
from adapters.settings import Settings
from projections.environments import EnvironmentRow
from projections.releases import ReleaseRow


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
        active_release_id=row.active_release_id,
        created_at=row.created_at,
    )


def runtime(row: EnvironmentRow, active: ReleaseRow | None, settings: Settings) -> RuntimeOut:
    """What is live in an environment."""
    address = url(settings, row.label)
    target: Literal["static", "instances"] = "instances" if active and active.start_command else "static"
    route = active and RouteOut(host=host(settings, row.label), url=address, target=target, release_id=active.id)
    becoming = row.activating_release_id
    return RuntimeOut(
        environment_id=row.id,
        project_id=row.project_id,
        name=row.name,
        status="activating" if becoming else "live" if active else "empty",
        urls=[address],
        active_release=release(active) if active else None,
        instances=[InstanceOut(host=upstream.host, port=upstream.port) for upstream in row.upstreams],
        routes=[route] if route else [],
        domains=[],
        activation=ActivationOut(number=row.activation, release_id=becoming) if becoming else None,
        last_error=row.last_error,
    )
