"""Scheduled deployments."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from adapters.http.native.wire.shapes import Branch, In, Out, said
from domain.identifiers import DeploymentId, EnvironmentId, ProjectId, ScheduleId

Cron = Annotated[str, said("Minute, hour, day, month and weekday, as cron(8) reads them.", "30 2 * * mon-fri")]
TimeZone = Annotated[str, said("On whose clocks.", "Europe/Berlin")]


class ScheduleCreation(In):
    """Deploy an environment at times."""

    cron: Cron
    timezone: TimeZone = "UTC"
    branch: Annotated[str | None, said("Another branch than the environment's.", "main")] = None
    paused: bool = False


class SchedulePatch(In):
    """Changes of a schedule; what is left out stays, a branch of null is the environment's."""

    cron: Cron | UnsetType = UNSET
    timezone: TimeZone | UnsetType = UNSET
    branch: Branch | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET


class RunOut(Out):
    """What became of the deployment that was due last: asked for, refused, or missed as nobody was there to ask."""

    due: datetime
    outcome: Literal["asked", "skipped", "missed"]
    deployment_id: DeploymentId | None
    problem: Annotated[str | None, said("Why it was refused.")]


class DeployScheduleOut(Out):
    """A schedule of an environment's deployments."""

    id: ScheduleId
    project_id: ProjectId
    environment_id: EnvironmentId
    cron: str
    timezone: str
    branch: str | None
    paused: bool
    next_runs: Annotated[list[datetime], said("The next times, unless it is paused.")]
    last_run: RunOut | None
    created_by: str
    created_at: datetime
    updated_at: datetime
