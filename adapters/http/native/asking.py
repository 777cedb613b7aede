"""From what is sent to commands."""

from urllib.parse import urlsplit

from msgspec import UNSET, UnsetType

from adapters.git_setup import Credential
from adapters.http.dispatch import Call
from adapters.http.native import words
from adapters.http.native.wire.accounts import TokenCreation
from adapters.http.native.wire.projects import EnvironmentCreation, EnvironmentPatch, ProjectCreation, ProjectPatch
from adapters.http.native.wire.repositories import ConnectionCreation, CredentialIn
from adapters.repository_url import RepositoryRefused, validate_url
from adapters.settings import Settings
from adapters.sources import encoded, policy
from commands.account import IssueApiToken
from commands.checks import invalid
from commands.place import ChangeEnvironment
from commands.ports import SecretValue
from commands.project import AddEnvironment, ChangeProject, CreateProject
from domain.identifiers import ApiTokenId, EnvironmentId, ProjectId, TenantId
from domain.project import DeployRules
from domain.rejection import NotFound
from projections import credentials, projects
from projections.projects import ProjectStatus


async def token(call: Call, body: TokenCreation, token_id: ApiTokenId, digest: str) -> IssueApiToken:
    """Make a token for one of the caller's workspaces. Raises ``Invalid`` and ``NotFound``."""
    if body.expires_at is not None and body.expires_at <= call.context.at:
        raise invalid("expiresAt", "must be in the future")
    account_id = call.principal.account_id
    tenant: TenantId = body.tenant_id or call.tenant
    if await credentials.membership(call.reader, account_id, tenant) is None:
        raise NotFound("There is no such workspace.")
    for project_id in body.project_ids or ():
        if await projects.find(call.reader, tenant, project_id) is None:
            raise invalid("projectIds", f"names {project_id}, which is no project of the workspace")
    return IssueApiToken(
        account_id=account_id,
        token_id=token_id,
        tenant_id=tenant,
        name=body.name,
        digest=digest,
        scope=body.scope,
        expires_at=body.expires_at,
        project_ids=tuple(dict.fromkeys(body.project_ids or ())),
    )


def allowed_url(url: str, settings: Settings) -> str:
    """The repository's address, if it may be fetched from. Raises ``Invalid`` with the reason."""
    try:
        validate_url(url, policy(settings))
    except RepositoryRefused as refused:
        raise invalid("url", str(refused)) from refused
    return url


def connection_name(body: ConnectionCreation) -> str:
    """The connection's name; where none is given, the last part of the address."""
    path = urlsplit(body.url).path or body.url
    return body.name or path.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git") or "repository"


def credential(body: CredentialIn | None) -> SecretValue | None:
    """What is sealed: JSON of ``adapters.git_setup.Credential``."""
    if body is None or not (body.token or body.private_key):
        return None
    return encoded(Credential(username=body.username, token=body.token, private_key=body.private_key))


def project(body: ProjectCreation, project_id: ProjectId, environment_id: EnvironmentId) -> CreateProject:
    """Make a project with its production environment."""
    return CreateProject(
        project_id=project_id,
        environment_id=environment_id,
        name=body.name,
        type=body.type,
        connection_id=body.repository_connection_id,
        description=body.description,
        root_directory=body.root_directory,
        production_branch=body.production_branch,
        runs_server=body.runs_server,
        build=words.configuration.build_changes(body.config),
        runtime=words.configuration.runtime_changes(body.config),
    )


def project_change(body: ProjectPatch, project_id: ProjectId) -> ChangeProject:
    """Change a project."""
    return ChangeProject(
        project_id=project_id,
        name=body.name,
        description=body.description,
        root_directory=body.root_directory,
        archived=_archived(body.status),
    )


def _archived(status: ProjectStatus | UnsetType) -> bool | UnsetType:
    return UNSET if status is UNSET else status is ProjectStatus.ARCHIVED


def environment(body: EnvironmentCreation, project_id: ProjectId, environment_id: EnvironmentId) -> AddEnvironment:
    """Add an environment to a project."""
    return AddEnvironment(
        project_id=project_id,
        environment_id=environment_id,
        name=body.name,
        branch=body.branch,
        label=body.label,
        rules=DeployRules(
            auto_deploy=body.auto_deploy,
            superseding=body.superseding,
            protected=body.protected,
            approval_by_another=body.approval_by_another,
        ),
    )


def environment_change(
    body: EnvironmentPatch, project_id: ProjectId, environment_id: EnvironmentId
) -> ChangeEnvironment:
    """Change an environment."""
    return ChangeEnvironment(
        project_id=project_id,
        environment_id=environment_id,
        name=body.name,
        label=body.label,
        branch=body.branch,
        auto_deploy=body.auto_deploy,
        superseding=body.superseding,
        protected=body.protected,
        approval_by_another=body.approval_by_another,
    )
