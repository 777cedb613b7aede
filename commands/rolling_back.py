"""Rolling back: make an earlier release live again, without building."""

from commands import release
from commands.environment import RollBackEnvironment
from commands.handling import Caused, Handler
from commands.ports import Request
from commands.release import require_release
from domain.history import Context
from domain.identifiers import ReleaseId


async def roll_back(
    handler: Handler,
    context: Context,
    *,
    release_id: ReleaseId,
    reason: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Start the activation of ``release_id`` in its own environment. Raises ``NotFound`` or ``Conflict``."""
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    command = RollBackEnvironment(environment_id=cut.environment_id, release=cut, reason=reason)
    return await handler.handle(command, context, request=request)
