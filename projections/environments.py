"""Environments: their host name's label, their active release, and where its instances listen."""

from collections.abc import Sequence
from datetime import datetime

from domain import environment
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRestarted,
    EnvironmentRolledBack,
    EnvironmentStopped,
    InstancesMoved,
    Launch,
    ReleaseActivated,
    RestartStarted,
    Upstream,
)
from domain.fact import Value
from domain.history import Recorded
from domain.identifiers import EnvironmentId, ProjectId, ReleaseId, TenantId
from domain.project import (
    BranchFollowed,
    DeployRules,
    DeployRulesSet,
    EnvironmentAdded,
    EnvironmentDeleted,
    EnvironmentRelabelled,
    EnvironmentRenamed,
)
from domain.release import ReleaseCut
from projections.changes import Change, Patch, Put, ReadModel, Remove, Row, Table
from projections.reading import LARGEST_PAGE, Paging, Reader, Selection, Wanted, every


class EnvironmentRow(Row, kw_only=True):
    """An environment. ``activating_release_id`` is set while an activation is under way, ``last_error`` when the
    newest one failed; ``launching`` are the instances that it starts; ``unattended``: it is a rollback's or a
    restart's. ``launch`` are the active release's instances; while ``stopped_at`` is set, none of them run.
    ``former_release_id`` was active until ``replaced_at``."""

    id: EnvironmentId
    tenant_id: TenantId
    project_id: ProjectId
    name: str
    branch: str
    label: str
    rules: DeployRules = DeployRules()
    active_release_id: ReleaseId | None = None
    upstreams: tuple[Upstream, ...] = ()
    launch: Launch = Launch()
    stopped_at: datetime | None = None
    former_release_id: ReleaseId | None = None
    replaced_at: datetime | None = None
    activation: int = 0
    activating_release_id: ReleaseId | None = None
    launching: Launch = Launch()
    unattended: bool = False
    last_error: str | None = None
    created_at: datetime
    updated_at: datetime


class ArtifactRow(Row):
    """What the edge must know of a release to serve it. ``artifact`` is the content's SHA-256."""

    release_id: ReleaseId
    tenant_id: TenantId
    environment_id: EnvironmentId
    artifact: str
    static: bool
    spa_fallback: bool


class Route(Value):
    """How requests to a label are answered: from a static artifact, by one of the upstreams, or that it is stopped."""

    label: str
    tenant_id: TenantId
    project_id: ProjectId
    environment_id: EnvironmentId
    release_id: ReleaseId
    artifact: str
    static: bool
    spa_fallback: bool
    upstreams: tuple[Upstream, ...]
    launch: int
    stopped: bool


ENVIRONMENTS = Table(
    "environments",
    EnvironmentRow,
    key=("id",),
    indexes=(("tenant_id", "project_id", "created_at"), ("label",), ("unattended",)),
)
ARTIFACTS = Table("artifacts", ArtifactRow, key=("release_id",))


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the tables of environments and artifacts."""
    match recorded.fact:
        case EnvironmentAdded() as fact:
            return [Put(ENVIRONMENTS, _added(fact, recorded))]
        case EnvironmentRelabelled() | EnvironmentRenamed() | BranchFollowed() | DeployRulesSet() as fact:
            return [_patch(fact.environment_id, recorded, **_changed(fact))]
        case EnvironmentDeleted() as fact:
            return [Remove(ENVIRONMENTS, fact.environment_id)]
        case ReleaseCut() as fact:
            return [Put(ARTIFACTS, _artifact(fact, recorded))]
        case ActivationStarted() | EnvironmentRolledBack() | RestartStarted() as fact:
            return [_begun(fact, recorded)]
        case ReleaseActivated() as fact:
            return [_activated(fact, recorded)]
        case EnvironmentRestarted() as fact:
            return [_live(fact, recorded, launch=fact.launch)]
        case ActivationFailed() as fact:
            return [_patch(fact.environment_id, recorded, **_ENDED, last_error=fact.error)]
        case EnvironmentStopped() as fact:
            stopped = {"activation": fact.activation, "stopped_at": recorded.context.at, "upstreams": ()}
            return [_patch(fact.environment_id, recorded, **_ENDED, **stopped, last_error=None)]
        case InstancesMoved() as fact:
            return [_patch(fact.environment_id, recorded, upstreams=fact.upstreams)]
        case _:
            return []


def _changed(fact: EnvironmentRelabelled | EnvironmentRenamed | BranchFollowed | DeployRulesSet) -> dict[str, object]:
    match fact:
        case EnvironmentRelabelled():
            return {"label": fact.label}
        case EnvironmentRenamed():
            return {"name": fact.name}
        case BranchFollowed():
            return {"branch": fact.branch}
        case DeployRulesSet():
            return {"rules": fact.rules}


def _added(fact: EnvironmentAdded, recorded: Recorded) -> EnvironmentRow:
    return EnvironmentRow(
        id=fact.environment.environment_id,
        tenant_id=recorded.context.tenant_id,
        project_id=fact.project_id,
        name=fact.environment.name,
        branch=fact.environment.branch,
        label=fact.environment.label,
        rules=fact.environment.rules,
        created_at=recorded.context.at,
        updated_at=recorded.context.at,
    )


def _artifact(fact: ReleaseCut, recorded: Recorded) -> ArtifactRow:
    return ArtifactRow(
        release_id=fact.release_id,
        tenant_id=recorded.context.tenant_id,
        environment_id=fact.environment_id,
        artifact=fact.artifact,
        static=fact.start_command is None,
        spa_fallback=fact.runtime.spa_fallback,
    )


_ENDED: dict[str, object] = {"activating_release_id": None, "unattended": False}
"""What an environment shows once no activation is under way."""


def _begun(fact: ActivationStarted | EnvironmentRolledBack | RestartStarted, recorded: Recorded) -> Patch:
    return _patch(
        fact.environment_id,
        recorded,
        activation=fact.activation,
        activating_release_id=fact.release_id,
        launching=_launch(fact),
        unattended=not isinstance(fact, ActivationStarted),
        last_error=None,
    )


def _launch(fact: ActivationStarted | EnvironmentRolledBack | RestartStarted) -> Launch:
    return Launch(number=fact.activation, runtime=fact.runtime) if isinstance(fact, RestartStarted) else Launch()


def _activated(fact: ReleaseActivated, recorded: Recorded) -> Patch:
    replaced: dict[str, object] = {}
    if fact.former_release_id != fact.release_id:
        replaced = {"former_release_id": fact.former_release_id, "replaced_at": recorded.context.at}
    return _live(fact, recorded, launch=Launch(), **replaced)


def _live(fact: ReleaseActivated | EnvironmentRestarted, recorded: Recorded, **fields: object) -> Patch:
    return _patch(
        fact.environment_id,
        recorded,
        active_release_id=fact.release_id,
        upstreams=fact.upstreams,
        stopped_at=None,
        last_error=None,
        **_ENDED,
        **fields,
    )


def _patch(environment_id: EnvironmentId, recorded: Recorded, **fields: object) -> Patch:
    return Patch(ENVIRONMENTS, environment_id, {**fields, "updated_at": recorded.context.at})


MODEL = ReadModel(
    "environments",
    [ENVIRONMENTS, ARTIFACTS],
    project,
    environment.Event
    | EnvironmentAdded
    | EnvironmentRelabelled
    | EnvironmentRenamed
    | BranchFollowed
    | DeployRulesSet
    | EnvironmentDeleted
    | ReleaseCut,
)


async def find(reader: Reader, tenant: TenantId, environment_id: EnvironmentId) -> EnvironmentRow | None:
    """One environment."""
    return await reader.one(ENVIRONMENTS, {"tenant_id": tenant, "id": environment_id})


async def of_project(reader: Reader, tenant: TenantId, project_id: ProjectId) -> list[EnvironmentRow]:
    """A project's environments, the oldest first."""
    equal = {"tenant_id": tenant, "project_id": project_id}
    return await every(reader, ENVIRONMENTS, Selection(equal=equal, order_by="created_at"))


def places(tenant: TenantId, project_id: ProjectId) -> Wanted:
    """The same, as many as one page holds."""
    equal = {"tenant_id": tenant, "project_id": project_id}
    return Wanted(ENVIRONMENTS, Selection(equal=equal, order_by="created_at"))


async def serving(reader: Reader) -> list[EnvironmentRow]:
    """Every environment of the whole plane; for the executor, which compares them with what runs."""
    return await every(reader, ENVIRONMENTS, Selection())


async def unattended(reader: Reader) -> list[EnvironmentRow]:
    """All whose rollback or restart is under way, of every workspace; for the sweeper."""
    return await every(reader, ENVIRONMENTS, Selection(equal={"unattended": True}))


async def routes(reader: Reader) -> list[Route]:
    """Every route of the whole plane; for the edge, which serves all workspaces."""
    rows = await every(reader, ENVIRONMENTS, Selection())
    return await _routed(reader, rows)


async def route(reader: Reader, environment_id: EnvironmentId) -> Route | None:
    """The route of one environment, None while nothing is active there; for the edge."""
    row = await reader.one(ENVIRONMENTS, {"id": environment_id})
    found = await _routed(reader, [row]) if row else []
    return found[0] if found else None


async def _routed(reader: Reader, rows: Sequence[EnvironmentRow]) -> list[Route]:
    artifacts = await _artifacts(reader, [row.active_release_id for row in rows if row.active_release_id])
    return [_route(row, artifacts[row.active_release_id]) for row in rows if row.active_release_id in artifacts]


async def _artifacts(reader: Reader, releases: Sequence[ReleaseId]) -> dict[ReleaseId | None, ArtifactRow]:
    found: dict[ReleaseId | None, ArtifactRow] = {}
    for start in range(0, len(releases), LARGEST_PAGE):
        equal = {"release_id": tuple(releases[start : start + LARGEST_PAGE])}
        selection = Selection(equal=equal, order_by="release_id")
        page = await reader.select(ARTIFACTS, selection, Paging(size=LARGEST_PAGE))
        found |= {row.release_id: row for row in page.rows}
    return found


def _route(row: EnvironmentRow, artifact: ArtifactRow) -> Route:
    return Route(
        label=row.label,
        tenant_id=row.tenant_id,
        project_id=row.project_id,
        environment_id=row.id,
        release_id=artifact.release_id,
        artifact=artifact.artifact,
        static=artifact.static,
        spa_fallback=row.launch.runtime.spa_fallback if row.launch.runtime else artifact.spa_fallback,
        upstreams=row.upstreams,
        launch=row.launch.number,
        stopped=row.stopped_at is not None,
    )
