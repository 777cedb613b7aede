"""Making schedules for environments that exist, of which each may have only so many."""

from msgspec.structs import replace

from commands import project, schedule
from commands.handling import Caused, Handler
from commands.ports import Request
from commands.project import require_environment
from commands.schedule import CreateSchedule
from domain.history import Context
from domain.rejection import Conflict, NameTaken
from domain.reservations import SCHEDULE_SLOT

MOST_SCHEDULES = 20
"""How many schedules an environment may have."""


async def create_schedule(
    handler: Handler, context: Context, command: CreateSchedule, request: Request | None = None
) -> Caused:
    """Create a schedule. Raises ``NotFound`` for its environment, ``Conflict`` where there are too many."""
    if caused := await handler.replay(schedule.DECIDER, command.schedule_id, context, request):
        return caused
    state = await handler.state(project.DECIDER, command.project_id, context.tenant_id)
    require_environment(state, command.environment_id)
    for slot in range(1, MOST_SCHEDULES + 1):
        try:
            return await handler.handle(replace(command, slot=slot), context, request=request)
        except NameTaken as taken:
            if not taken.scope.startswith(SCHEDULE_SLOT):
                raise
    raise Conflict(f"An environment may have {MOST_SCHEDULES} schedules. Delete one.", code="too_many_schedules")
