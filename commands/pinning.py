"""Pinning releases by their own id, and unpinning them."""

from commands import release
from commands.handling import Caused, Handler
from commands.keeping import PinRelease, UnpinRelease
from commands.ports import Request
from commands.release import require_release
from domain.history import Context
from domain.identifiers import ReleaseId


async def pin(
    handler: Handler, context: Context, release_id: ReleaseId, *, reason: str | None, request: Request | None
) -> Caused:
    """Keep the release. Raises ``NotFound``, and ``Conflict`` where it has expired."""
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    command = PinRelease(
        environment_id=cut.environment_id,
        release_id=release_id,
        deployment_number=cut.deployment_number,
        reason=reason,
    )
    return await handler.handle(command, context, request=request)


async def unpin(handler: Handler, context: Context, release_id: ReleaseId, request: Request | None) -> Caused:
    """Keep the release as long as any other. Raises ``NotFound``."""
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    command = UnpinRelease(
        environment_id=cut.environment_id, release_id=release_id, deployment_number=cut.deployment_number
    )
    return await handler.handle(command, context, request=request)
