"""Releases: an environment's history, and what it can be rolled back to."""

from collections.abc import Sequence
from datetime import datetime

from domain.environment import EnvironmentClosed, ReleaseActivated
from domain.history import Recorded
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ReleaseId, TenantId
from domain.keeping import ReleaseExpired, ReleasePinned, ReleaseUnpinned
from domain.project import RuntimeConfig
from domain.release import ReleaseCut, SecretPin
from projections.changes import Change, Patch, Put, ReadModel, Row, Table
from projections.phrases import deployment_reference
from projections.reading import LARGEST_PAGE, Page, Paging, Reader, Selection, every


class ReleaseRow(Row, kw_only=True):
    """A release. ``number`` and ``ref`` are those of the deployment that cut it; ``artifact`` is the SHA-256 of its
    content; ``activated_at`` is when it last became active; since ``expired_at`` it cannot become so again."""

    id: ReleaseId
    tenant_id: TenantId
    deployment_id: DeploymentId
    number: int
    ref: str
    project_id: ProjectId
    environment_id: EnvironmentId
    branch: str
    commit: str
    commit_message: str
    artifact: str
    artifact_bytes: int
    runtime: RuntimeConfig
    start_command: str | None
    secrets: tuple[SecretPin, ...]
    active: bool = False
    activated_at: datetime | None = None
    pinned: bool = False
    expired_at: datetime | None = None
    created_at: datetime
    created_by: str


RELEASES = Table(
    "releases",
    ReleaseRow,
    key=("id",),
    indexes=(
        ("tenant_id", "project_id", "number"),
        ("tenant_id", "environment_id", "number"),
        ("deployment_id",),
        ("expired_at", "environment_id"),
        ("artifact",),
    ),
)


def project(recorded: Recorded) -> Sequence[Change]:
    """What a fact changes in the table of releases."""
    match recorded.fact:
        case ReleaseCut() as fact:
            return [Put(RELEASES, _cut(fact, recorded))]
        case ReleaseActivated() as fact:
            return _activated(fact, recorded)
        case ReleasePinned() | ReleaseUnpinned() as fact:
            return [Patch(RELEASES, fact.release_id, {"pinned": isinstance(fact, ReleasePinned)})]
        case ReleaseExpired() as fact:
            return [Patch(RELEASES, fact.release_id, {"pinned": False, "expired_at": recorded.context.at})]
        case EnvironmentClosed(former_release_id=str() as former):
            return [Patch(RELEASES, former, {"active": False})]
        case _:
            return []


def _cut(fact: ReleaseCut, recorded: Recorded) -> ReleaseRow:
    return ReleaseRow(
        id=fact.release_id,
        tenant_id=recorded.context.tenant_id,
        deployment_id=fact.deployment_id,
        number=fact.deployment_number,
        ref=deployment_reference(fact.deployment_number),
        project_id=fact.project_id,
        environment_id=fact.environment_id,
        branch=fact.branch,
        commit=fact.commit,
        commit_message=fact.commit_message,
        artifact=fact.artifact,
        artifact_bytes=fact.artifact_bytes,
        runtime=fact.runtime,
        start_command=fact.start_command,
        secrets=fact.secrets,
        created_at=recorded.context.at,
        created_by=recorded.context.actor.name,
    )


def _activated(fact: ReleaseActivated, recorded: Recorded) -> Sequence[Change]:
    live = Patch(RELEASES, fact.release_id, {"active": True, "activated_at": recorded.context.at})
    if fact.former_release_id in {None, fact.release_id}:
        return [live]
    return [Patch(RELEASES, fact.former_release_id, {"active": False}), live]


MODEL = ReadModel(
    "releases",
    [RELEASES],
    project,
    ReleaseCut | ReleaseActivated | EnvironmentClosed | ReleasePinned | ReleaseUnpinned | ReleaseExpired,
)


async def find(reader: Reader, tenant: TenantId, release_id: ReleaseId) -> ReleaseRow | None:
    """One release."""
    return await reader.one(RELEASES, {"tenant_id": tenant, "id": release_id})


async def history(
    reader: Reader,
    tenant: TenantId,
    project_id: ProjectId,
    paging: Paging,
    *,
    environment_id: EnvironmentId | None = None,
) -> Page[ReleaseRow]:
    """A project's releases, the newest first; those of one environment where it is given."""
    equal = {"tenant_id": tenant, "project_id": project_id} | (
        {"environment_id": environment_id} if environment_id else {}
    )
    return await reader.select(RELEASES, Selection(equal=equal, order_by="number", descending=True), paging)


async def unexpired(reader: Reader) -> list[ReleaseRow]:
    """Every release of the whole plane that is kept, environment by environment; for who lets them expire."""
    return await every(reader, RELEASES, Selection(equal={"expired_at": None}, order_by="environment_id"))


async def made_of(reader: Reader, artifacts: Sequence[str]) -> list[ReleaseRow]:
    """Every release of the whole plane, expired or not, that was built to one of the artifacts; for who removes these.

    As many artifacts as one likes.
    """
    found: list[ReleaseRow] = []
    for start in range(0, len(artifacts), LARGEST_PAGE):
        equal = {"artifact": tuple(artifacts[start : start + LARGEST_PAGE])}
        found += await every(reader, RELEASES, Selection(equal=equal))
    return found


async def rollback_targets(
    reader: Reader, tenant: TenantId, environment_id: EnvironmentId, paging: Paging
) -> Page[ReleaseRow]:
    """What the environment can be rolled back to: each that is kept but the active one, the newest first."""
    equal = {"tenant_id": tenant, "environment_id": environment_id, "active": False, "expired_at": None}
    return await reader.select(RELEASES, Selection(equal=equal, order_by="number", descending=True), paging)
