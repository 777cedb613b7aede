"""The native API's vocabulary: ours into the document's words, and rows into what is answered."""

from collections.abc import Sequence
from typing import Literal, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from adapters.http.native.wire.accounts import Me, MembershipOut, NewToken, TokenOut
from adapters.http.native.wire.deployments import (
    ActivationOut,
    DeploymentDetail,
    DeploymentOut,
    EventOut,
    InstanceOut,
    LineOut,
    ReleaseOut,
    RouteOut,
    RuntimeOut,
    SecretVersion,
    StepOut,
)
from adapters.http.native.wire.projects import (
    BuildConfigOut,
    BuildPatch,
    EnvironmentOut,
    Limits,
    ProjectConfig,
    ProjectDetail,
    ProjectOut,
    RuntimeConfigOut,
    RuntimePatch,
)
from adapters.http.native.wire.repositories import ConnectionOut
from adapters.http.native.wire.secrets import AuditOut, SecretOut
from adapters.linestore import Line
from adapters.settings import Settings
from commands.checks import invalid
from commands.project import BuildChanges, RuntimeChanges
from domain.account import Scope
from domain.deployment import Outcome, Status
from domain.identifiers import TenantId
from domain.project import BuildConfig, ResourceLimits, RuntimeConfig
from domain.secret import SecretScope
from projections.audit_trail import AuditRow
from projections.credentials import AccountRow, ListedToken, Membership
from projections.deployments import DeploymentEventRow, DeploymentRow, StepRow
from projections.environments import EnvironmentRow
from projections.projects import ProjectRow
from projections.releases import ReleaseRow
from projections.repositories import ConnectionRow
from projections.secrets import SecretRow

T = TypeVar("T")

StatusWord = Literal["queued", "running", "succeeded", "failed", "cancelled"]

STATUS: dict[Status, StatusWord] = {
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}

OUTCOME: dict[Outcome, Literal["succeeded", "failed"]] = {Outcome.OK: "succeeded", Outcome.FAILED: "failed"}

UNFINISHED: dict[Status, Literal["running", "succeeded", "failed", "cancelled"]] = {
    Status.QUEUED: "running",
    Status.RUNNING: "running",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}
"""What became of a step that did not report its end, by the deployment's status."""

MASK: Literal["••••••••"] = "••••••••"


def host(settings: Settings, label: str) -> str:
    """The host name of an environment's label."""
    return f"{label}.{settings.apps_domain}"


def url(settings: Settings, label: str) -> str:
    """Where an environment answers."""
    port = settings.edge.port
    return f"http://{host(settings, label)}" + ("" if port == 80 else f":{port}")


def me(account: AccountRow, workspaces: Sequence[Membership], scope: Scope, only: TenantId | None) -> Me:
    """The caller; ``only`` is the one workspace that a token reaches."""
    return Me(
        id=account.id,
        email=account.email,
        scope=scope,
        authenticated_by="token" if only else "session",
        memberships=[membership(one) for one in workspaces if only in {None, one.tenant_id}],
    )


def membership(found: Membership) -> MembershipOut:
    """A workspace of an account."""
    return MembershipOut(tenant_id=found.tenant_id, name=found.workspace, role=found.role)


def token(row: ListedToken) -> TokenOut:
    """A token, without its secret."""
    return TokenOut(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        scope=row.scope,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def new_token(row: ListedToken, text: str | None) -> NewToken:
    """A token with its secret, this once."""
    return NewToken(**asdict(token(row)), token=text)


def connection(row: ConnectionRow) -> ConnectionOut:
    """A connection."""
    return ConnectionOut(
        id=row.id, name=row.name, url=row.url, has_credential=row.has_credential, created_at=row.created_at
    )


def project(row: ProjectRow) -> ProjectOut:
    """A project in the list."""
    return ProjectOut(
        id=row.id,
        name=row.name,
        slug=row.slug,
        description=row.description,
        type=row.type,
        status=row.status,
        repository_connection_id=row.connection_id,
        root_directory=row.root_directory,
        production_branch=row.production_branch,
        runs_server=row.runs_server,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def project_detail(row: ProjectRow, environments: Sequence[EnvironmentRow], settings: Settings) -> ProjectDetail:
    """A project with everything that configures it."""
    return ProjectDetail(
        **asdict(project(row)),
        environments=[environment(one, settings) for one in environments],
        build_config=build_config(row.build, row.root_directory),
        runtime_config=runtime_config(row.runtime),
    )


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


def build_config(build: BuildConfig, root_directory: str) -> BuildConfigOut:
    """A build configuration, under the document's keys and the long ones."""
    return BuildConfigOut(
        install=build.install_command,
        install_command=build.install_command,
        build=build.build_command,
        build_command=build.build_command,
        output=build.output_directory,
        output_directory=build.output_directory,
        root_directory=root_directory,
        node_version=build.node_version,
        package_manager=build.package_manager,
        submodules=build.submodules,
    )


def runtime_config(runtime: RuntimeConfig) -> RuntimeConfigOut:
    """A runtime configuration."""
    return RuntimeConfigOut(
        runtime_type=runtime.runtime_type,
        start_command=runtime.start_command,
        port=runtime.port,
        health_check_path=runtime.health_check_path,
        health_timeout_seconds=runtime.health_timeout_seconds,
        instances=runtime.instances,
        limits=Limits(memory_mb=runtime.limits.memory_mb, cpus=runtime.limits.cpus),
        spa_fallback=runtime.spa_fallback,
    )


def build_changes(body: BuildPatch | ProjectConfig) -> BuildChanges:
    """What a request names of the build configuration."""
    return BuildChanges(
        install_command=_either("install", body.install, "installCommand", body.install_command),
        build_command=_either("build", body.build, "buildCommand", body.build_command),
        output_directory=_either("output", body.output, "outputDirectory", body.output_directory),
        node_version=body.node_version,
        package_manager=body.package_manager,
        submodules=body.submodules,
    )


def runtime_changes(body: RuntimePatch) -> RuntimeChanges:
    """What a request names of the runtime configuration."""
    limits = body.limits
    return RuntimeChanges(
        runtime_type=body.runtime_type,
        start_command=_either("start", body.start, "startCommand", body.start_command),
        port=body.port,
        health_check_path=body.health_check_path,
        health_timeout_seconds=body.health_timeout_seconds,
        instances=body.instances,
        limits=UNSET if limits is UNSET else ResourceLimits(memory_mb=limits.memory_mb, cpus=limits.cpus),
        spa_fallback=body.spa_fallback,
    )


def _either(short: str, by_short: T | UnsetType, long: str, by_long: T | UnsetType) -> T | UnsetType:
    if by_short is not UNSET and by_long is not UNSET and by_short != by_long:
        raise invalid(short, f"says something else than {long}; send one of them")
    return by_long if by_short is UNSET else by_short


def deployment(row: DeploymentRow, address: str | None) -> DeploymentOut:
    """A deployment in the list; ``address`` is where its environment answers."""
    return DeploymentOut(
        id=row.id,
        ref=row.ref,
        number=row.number,
        status=STATUS[row.status],
        step=row.step,
        error=row.error,
        exit_code=row.exit_code,
        project_id=row.project_id,
        environment_id=row.environment_id,
        url=address,
        branch=row.branch,
        commit=row.commit,
        commit_message=row.commit_message,
        author=row.author,
        note=row.note,
        release_id=row.release_id,
        retry_of=row.retry_of,
        triggered_by=row.triggered_by,
        created_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )


def deployment_detail(
    row: DeploymentRow,
    address: str | None,
    cut: ReleaseRow | None,
    events: Sequence[DeploymentEventRow],
    steps: Sequence[StepRow],
) -> DeploymentDetail:
    """A deployment with all that belongs to it."""
    return DeploymentDetail(
        **asdict(deployment(row, address)),
        release=release(cut) if cut else None,
        events=[event(one) for one in events],
        steps=[step(one, row.status) for one in steps],
    )


def event(row: DeploymentEventRow) -> EventOut:
    """Something that happened to a deployment."""
    return EventOut(position=row.position, type=row.type, message=row.sentence, actor=row.actor, at=row.at)


def step(row: StepRow, status: Status) -> StepOut:
    """A step of a deployment that has this status."""
    return StepOut(
        step=row.step,
        status=OUTCOME[row.outcome] if row.outcome else UNFINISHED[status],
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_ms=row.duration_ms,
        exit_code=row.exit_code,
    )


def release(row: ReleaseRow) -> ReleaseOut:
    """A release."""
    return ReleaseOut(
        id=row.id,
        ref=row.ref,
        deployment_id=row.deployment_id,
        project_id=row.project_id,
        environment_id=row.environment_id,
        active=row.active,
        branch=row.branch,
        commit=row.commit,
        commit_message=row.commit_message,
        artifact=row.artifact,
        artifact_bytes=row.artifact_bytes,
        runtime_config=runtime_config(row.runtime),
        start_command=row.start_command,
        secrets=[SecretVersion(name=pin.name, version=pin.version) for pin in row.secrets],
        created_by=row.created_by,
        created_at=row.created_at,
        activated_at=row.activated_at,
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


def line(row: Line) -> LineOut:
    """A line of output."""
    return LineOut(seq=row.seq, at=row.at, stream=row.stream, step=row.step, source=row.source, text=row.text)


def secret(row: SecretRow) -> SecretOut:
    """A secret, masked."""
    return SecretOut(
        id=row.id,
        name=row.name,
        scope=row.scope,
        project_id=row.project_id,
        environment_id=row.environment_id,
        value=MASK,
        version=row.version,
        fingerprint=row.fingerprint,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def narrowest(project_id: str | None, environment_id: str | None) -> SecretScope:
    """The scope that the ids of a request say, where it names none."""
    if environment_id is not None:
        return SecretScope.ENVIRONMENT
    return SecretScope.WORKSPACE if project_id is None else SecretScope.PROJECT


def audit(row: AuditRow) -> AuditOut:
    """A line of the audit trail."""
    return AuditOut(
        position=row.position,
        at=row.at,
        type=row.type,
        subject=row.subject,
        message=row.sentence,
        reason=row.reason,
        actor=row.actor_name,
        actor_kind=row.actor_kind,
        account_id=row.account_id,
        token_id=row.token_id,
        address=row.address,
        user_agent=row.user_agent,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
    )
