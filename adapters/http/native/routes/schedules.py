"""Deployments at times."""

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET
from msgspec.structs import replace

from adapters.due_times import require_cron
from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native.routes.environments import ENVIRONMENT
from adapters.http.native.wire.schedules import DeployScheduleOut, ScheduleCreation, SchedulePatch
from adapters.http.native.words import schedules as words
from adapters.http.paging import Listing
from commands import scheduling
from commands.schedule import ChangeSchedule, CreateSchedule, DeleteSchedule
from domain.access import Access
from domain.identifiers import EnvironmentId, ProjectId, ScheduleId
from domain.schedule import Timing
from projections import environments, schedules
from projections.schedules import ScheduleRow

SCHEDULES = ENVIRONMENT + "/schedules"
SCHEDULE = SCHEDULES + "/{schedule_id:str}"


@get(SCHEDULES)
async def list_schedules(
    project_id: FromPath[ProjectId], environment_id: FromPath[EnvironmentId], call: NamedDependency[Call]
) -> Listing[DeployScheduleOut]:
    """List an environment's schedules, the oldest first."""
    await _require_place(call, project_id, environment_id)
    rows = await schedules.of_environment(call.reader, call.tenant, environment_id)
    return Listing(items=[words.schedule(row, call.context.at) for row in rows], next_cursor=None)


@post(SCHEDULES, opt={NEEDS: Access.DEVELOP})
async def create_schedule(
    project_id: FromPath[ProjectId],
    environment_id: FromPath[EnvironmentId],
    data: JSONBody[ScheduleCreation],
    call: NamedDependency[Call],
) -> Answer[DeployScheduleOut]:
    """Deploy an environment at times, on the clocks of a time zone.

    A time of day that the clocks leave out is due when they go on, one that they show twice is due once.
    """
    require_cron("cron", data.cron)
    command = CreateSchedule(
        schedule_id=ScheduleId(call.new("schedule")),
        project_id=project_id,
        environment_id=environment_id,
        timing=Timing(cron=data.cron, time_zone=data.timezone, branch=data.branch),
        paused=data.paused,
    )
    await call.perform(scheduling.create_schedule(call.handler, call.context, command, call.request))
    return await _shown(call, environment_id, command.schedule_id, status=201)


@get(SCHEDULE)
async def show_schedule(
    environment_id: FromPath[EnvironmentId], schedule_id: FromPath[ScheduleId], call: NamedDependency[Call]
) -> Answer[DeployScheduleOut]:
    """Show a schedule: its next times, and what became of the last one."""
    return await _shown(call, environment_id, schedule_id)


@patch(SCHEDULE, opt={NEEDS: Access.DEVELOP})
async def change_schedule(
    environment_id: FromPath[EnvironmentId],
    schedule_id: FromPath[ScheduleId],
    data: JSONBody[SchedulePatch],
    call: NamedDependency[Call],
) -> Answer[DeployScheduleOut]:
    """Change a schedule's times or branch, pause or resume it."""
    timing = (await _found(call, environment_id, schedule_id)).timing
    named = {"cron": data.cron, "time_zone": data.timezone, "branch": data.branch}
    timing = replace(timing, **{name: value for name, value in named.items() if value is not UNSET})
    require_cron("cron", timing.cron)
    command = ChangeSchedule(schedule_id=schedule_id, timing=timing, paused=data.paused)
    await call.perform(call.handler.handle(command, call.context, request=call.request))
    return await _shown(call, environment_id, schedule_id)


@delete(SCHEDULE, opt={NEEDS: Access.DEVELOP})
async def delete_schedule(
    environment_id: FromPath[EnvironmentId], schedule_id: FromPath[ScheduleId], call: NamedDependency[Call]
) -> None:
    """Delete a schedule."""
    if not call.done_before:
        await _found(call, environment_id, schedule_id)
    command = DeleteSchedule(schedule_id=schedule_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


async def _require_place(call: Call, project_id: ProjectId, environment_id: EnvironmentId) -> None:
    row = await environments.find(call.reader, call.tenant, environment_id)
    existing(row if row and row.project_id == project_id else None, "environment")


async def _found(call: Call, environment_id: EnvironmentId, schedule_id: ScheduleId) -> ScheduleRow:
    row = await schedules.find(call.reader, call.tenant, schedule_id)
    return existing(row if row and row.environment_id == environment_id else None, "schedule")


async def _shown(
    call: Call, environment_id: EnvironmentId, schedule_id: ScheduleId, *, status: int = 200
) -> Answer[DeployScheduleOut]:
    row = await _found(call, environment_id, schedule_id)
    return call.shown(row.version, words.schedule(row, call.context.at), status=status)


ROUTES = [list_schedules, create_schedule, show_schedule, change_schedule, delete_schedule]
