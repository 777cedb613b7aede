"""What is live in an environment, at which addresses, and what runs for it."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from adapters.http.native.wire.running import ActivationOut, InstanceOut, RouteOut, RuntimeDomainOut, RuntimeOut
from adapters.http.native.words.configuration import runtime_config
from adapters.http.native.words.domains import certificate
from adapters.http.native.words.domains import url as url_of_domain
from adapters.http.native.words.environments import host, url
from adapters.http.native.words.releases import release
from adapters.runtime.measurements import MeasuredInstance
from adapters.settings import Settings
from domain.custom_domain import WILDCARD
from domain.environment import Launch
from domain.project import RuntimeConfig
from projections.custom_domains import CustomDomainRow
from projections.environments import EnvironmentRow
from projections.releases import ReleaseRow

Status = Literal["empty", "activating", "live", "stopped"]


def runtime(
    row: EnvironmentRow,
    active: ReleaseRow | None,
    domains: Sequence[CustomDomainRow],
    measured: Sequence[MeasuredInstance],
    settings: Settings,
) -> RuntimeOut:
    """What is live in an environment, and at which addresses."""
    own = [(host(settings, row.label), url(settings, row.label))]
    own += [(one.hostname, url_of_domain(settings, one)) for one in domains if one.routed and not one.redirect]
    config = _configuration(active, row.launch) if active else None
    return RuntimeOut(
        environment_id=row.id,
        project_id=row.project_id,
        name=row.name,
        status=_status(row),
        urls=[where for name, where in own if not name.startswith(WILDCARD)],
        active_release=release(active) if active else None,
        runtime_config=runtime_config(config) if config else None,
        instances=[*_serving(row, measured), *_starting(row, measured)],
        routes=[
            RouteOut(host=name, url=where, target=_target(row, active), release_id=active.id) for name, where in own
        ]
        if active
        else [],
        domains=[_domain(one, settings) for one in domains],
        activation=_activation(row),
        activations=row.activation,
        stopped_at=row.stopped_at,
        last_error=row.last_error,
    )


def _status(row: EnvironmentRow) -> Status:
    if row.activating_release_id:
        return "activating"
    if row.stopped_at:
        return "stopped"
    return "live" if row.active_release_id else "empty"


def _configuration(active: ReleaseRow, launch: Launch) -> RuntimeConfig:
    """What the active release runs with."""
    own = launch.runtime or active.runtime
    said = own.start_command if launch.runtime and active.start_command else None
    return replace(own, start_command=said or active.start_command)


def _target(row: EnvironmentRow, active: ReleaseRow) -> Literal["static", "instances", "stopped"]:
    if row.stopped_at:
        return "stopped"
    return "instances" if active.start_command else "static"


def _serving(row: EnvironmentRow, measured: Sequence[MeasuredInstance]) -> Sequence[InstanceOut]:
    """The active release's instances, each as it was measured, or else as it was told to be."""
    known = {one.number: one for one in measured if _is_active(row, one)}
    return [
        _instance(known[number], serving=True)
        if number in known
        else InstanceOut(
            number=number,
            release_id=row.active_release_id,
            serving=True,
            state="starting",
            host=upstream.host,
            port=upstream.port,
            started_at=None,
            restarts=0,
            exit_code=None,
            cpus=None,
            memory_bytes=None,
            measured_at=None,
        )
        for number, upstream in enumerate(row.upstreams)
        if row.active_release_id
    ]


def _starting(row: EnvironmentRow, measured: Sequence[MeasuredInstance]) -> Sequence[InstanceOut]:
    """Those that are being made live beside them."""
    becoming = row.activating_release_id, row.launching.number
    return [
        _instance(one, serving=False)
        for one in measured
        if (one.release_id, one.launch) == becoming and not (_is_active(row, one) and row.upstreams)
    ]


def _is_active(row: EnvironmentRow, one: MeasuredInstance) -> bool:
    return (one.release_id, one.launch) == (row.active_release_id, row.launch.number)


def _instance(one: MeasuredInstance, *, serving: bool) -> InstanceOut:
    return InstanceOut(
        number=one.number,
        release_id=one.release_id,
        serving=serving,
        state=one.state,
        host=one.host,
        port=one.port,
        started_at=one.started_at,
        restarts=one.restarts,
        exit_code=one.exit_code,
        cpus=one.cpus,
        memory_bytes=one.memory_bytes,
        measured_at=one.at,
    )


def _activation(row: EnvironmentRow) -> ActivationOut | None:
    if row.activating_release_id is None:
        return None
    config = row.launching.runtime
    return ActivationOut(
        number=row.activation,
        kind=_kind(row),
        release_id=row.activating_release_id,
        runtime_config=runtime_config(config) if config else None,
    )


def _kind(row: EnvironmentRow) -> Literal["deploy", "rollback", "restart", "start"]:
    if row.launching.number:
        return "start" if row.stopped_at else "restart"
    return "rollback" if row.unattended else "deploy"


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
