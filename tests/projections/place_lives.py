"""What a second project may live through: an environment that is changed, queued for, scheduled, frozen and deleted."""

from collections.abc import Iterator
from datetime import UTC, datetime

from domain import identifiers as ids
from domain.deployment import (
    Approval,
    DeploymentApproved,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSuperseded,
    FreezeOverridden,
    Recipe,
)
from domain.environment import EnvironmentClosed
from domain.fact import Fact
from domain.freeze import Day, FreezeKind, FreezeWindow, FreezeWindowAdded, FreezeWindowRemoved, Weekly
from domain.project import (
    BranchFollowed,
    BuildConfig,
    DeployRules,
    DeployRulesSet,
    EnvironmentAdded,
    EnvironmentDeleted,
    EnvironmentPlan,
    EnvironmentRenamed,
    ProjectCreated,
    ProjectDeleted,
    ProjectType,
    RuntimeConfig,
)
from domain.retention import RetentionPolicy, RetentionSet
from domain.schedule import (
    ScheduleCreated,
    ScheduleDeleted,
    ScheduleFollowed,
    ScheduleMissed,
    SchedulePaused,
    ScheduleResumed,
    ScheduleSkipped,
    ScheduleTimed,
    Timing,
)

MOMENT = datetime(2026, 1, 3, tzinfo=UTC)
RECIPE = Recipe(
    type=ProjectType.STATIC,
    connection_id=ids.ConnectionId("connection"),
    root_directory="",
    build=BuildConfig(),
    runtime=RuntimeConfig(),
)


def project(name: str) -> Iterator[Fact]:
    """A project with an environment that is changed in every way; both are deleted."""
    project_id, place = ids.ProjectId(name), ids.EnvironmentId(f"production of {name}")
    yield ProjectCreated(
        project_id=project_id,
        name="Fair",
        slug=f"fair-{name}",
        type=ProjectType.STATIC,
        connection_id=RECIPE.connection_id,
        root_directory="",
        production_branch="main",
        build=BuildConfig(),
        runtime=RuntimeConfig(),
    )
    plan = EnvironmentPlan(environment_id=place, name="production", branch="main", label=f"fair-{name}")
    yield EnvironmentAdded(project_id=project_id, environment=plan)
    yield EnvironmentRenamed(project_id=project_id, environment_id=place, name="fair", former="production")
    yield BranchFollowed(project_id=project_id, environment_id=place, branch="next", former="main")
    rules = DeployRules(protected=True, approval_by_another=True)
    yield DeployRulesSet(project_id=project_id, environment_id=place, rules=rules)
    yield EnvironmentDeleted(project_id=project_id, environment_id=place, name="fair", label=plan.label)
    yield ProjectDeleted(project_id=project_id, name="Fair", slug=f"fair-{name}")


def deployment(name: str, project_id: ids.ProjectId) -> Iterator[Fact]:
    """A deployment that waits for approval, gets it, and is superseded."""
    yield _waiting(name, project_id)
    deployment_id, number = ids.DeploymentId(name), 1000 + len(name)
    yield FreezeOverridden(deployment_id=deployment_id, freeze="Holidays", reason="It burns.", until=MOMENT)
    yield DeploymentApproved(deployment_id=deployment_id, reason="Looks good.")
    yield DeploymentSuperseded(deployment_id=deployment_id, by=ids.DeploymentId("later"), by_number=number + 1)


def rejected(name: str, project_id: ids.ProjectId) -> Iterator[Fact]:
    """A deployment that waits for approval in vain."""
    yield _waiting(name, project_id)
    yield DeploymentRejected(deployment_id=ids.DeploymentId(name), reason="Not today.")


def _waiting(name: str, project_id: ids.ProjectId) -> DeploymentQueued:
    return DeploymentQueued(
        deployment_id=ids.DeploymentId(name),
        number=1000 + len(name),
        project_id=project_id,
        environment_id=ids.EnvironmentId(f"elsewhere in {project_id}"),
        branch="main",
        recipe=RECIPE,
        approval=Approval(),
        supersedes_older=True,
        promotes=ids.ReleaseId("release"),
    )


def environment(name: str) -> Iterator[Fact]:
    """The end of an environment where nothing was ever live."""
    yield EnvironmentClosed(environment_id=ids.EnvironmentId(name), former_release_id=None)


def schedule(name: str, project_id: ids.ProjectId) -> Iterator[Fact]:
    """A schedule with every outcome."""
    schedule_id, place = ids.ScheduleId(name), ids.EnvironmentId(f"elsewhere in {project_id}")
    timing = Timing(cron="0 * * * *")
    yield ScheduleCreated(
        schedule_id=schedule_id, project_id=project_id, environment_id=place, timing=timing, slot=1, paused=True
    )
    yield ScheduleResumed(schedule_id=schedule_id)
    yield ScheduleFollowed(schedule_id=schedule_id, due=MOMENT, deployment_id=ids.DeploymentId("scheduled"))
    yield ScheduleSkipped(schedule_id=schedule_id, due=MOMENT, why="Deployments are frozen.")
    yield ScheduleMissed(schedule_id=schedule_id, first=MOMENT, due=MOMENT)
    yield ScheduleTimed(schedule_id=schedule_id, timing=Timing(cron="30 2 * * *", time_zone="Europe/Berlin"))
    yield SchedulePaused(schedule_id=schedule_id)
    yield ScheduleDeleted(schedule_id=schedule_id)


def freezes(name: str) -> Iterator[Fact]:
    """A window that comes and goes."""
    tenant, window_id = ids.TenantId(name), ids.FreezeWindowId(f"window of {name}")
    weekly = Weekly(days=(Day.FRIDAY,), begins="18:00", ends="08:00", time_zone="Europe/Berlin")
    window = FreezeWindow(window_id=window_id, name="Weekends", kind=FreezeKind.DENY, weekly=weekly)
    yield FreezeWindowAdded(tenant_id=tenant, window=window)
    yield FreezeWindowRemoved(tenant_id=tenant, window_id=window_id, name="Weekends")


def retention(name: str) -> Iterator[Fact]:
    """A policy that is set."""
    yield RetentionSet(tenant_id=ids.TenantId(name), policy=RetentionPolicy(releases=7))
