"""Environments, where they answer, and what is live in them."""

from collections.abc import Sequence
from typing import Literal

from adapters.http.native.wire.deployments import ActivationOut, InstanceOut, RouteOut, RuntimeDomainOut, RuntimeOut
from adapters.http.native.wire.projects import EnvironmentOut
from adapters.http.native.words.domains import certificate
from adapters.http.native.words.domains import url as url_of_domain
from adapters.http.native.words.releases import release
from adapters.settings import Settings
from domain.custom_domain import WILDCARD
from projections.custom_domains import CustomDomainRow
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
        auto_deploy=row.rules.auto_deploy,
        superseding=row.rules.superseding,
        protected=row.rules.protected,
        approval_by_another=row.rules.approval_by_another,
        active_release_id=row.active_release_id,
        created_at=row.created_at,
    )


def runtime(
    row: EnvironmentRow, active: ReleaseRow | None, domains: Sequence[CustomDomainRow], settings: Settings
) -> RuntimeOut:
    """What is live in an environment, and at which addresses."""
    address = url(settings, row.label)
    target: Literal["static", "instances"] = "instances" if active and active.start_command else "static"
    own = [(host(settings, row.label), address)]
    own += [(one.hostname, url_of_domain(settings, one)) for one in domains if one.routed and not one.redirect]
    becoming = row.activating_release_id
    return RuntimeOut(
        environment_id=row.id,
        project_id=row.project_id,
        name=row.name,
        status="activating" if becoming else "live" if active else "empty",
        urls=[where for name, where in own if not name.startswith(WILDCARD)],
        active_release=release(active) if active else None,
        instances=[InstanceOut(host=upstream.host, port=upstream.port) for upstream in row.upstreams],
        routes=[RouteOut(host=name, url=where, target=target, release_id=active.id) for name, where in own]
        if active
        else [],
        domains=[_domain(one, settings) for one in domains],
        activation=ActivationOut(number=row.activation, release_id=becoming) if becoming else None,
        last_error=row.last_error,
    )


def _domain(row: CustomDomainRow, settings: Settings) -> RuntimeDomainOut:
    return RuntimeDomainOut(
        id=row.id,
        hostname=row.hostname,
        url=url_of_domain(settings, row),
        status=row.status,
        live=row.routed,
        redirect_to=row.redirect.to if row.redirect else None,
        certificate=certificate(row).status,
    )
