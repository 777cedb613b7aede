"""Rolling back: make an earlier release live again, without building."""

from collections.abc import Sequence

from commands import environment, release
from commands.environment import RollBackEnvironment
from commands.handling import Caused, Handler
from commands.ports import Request, Vault
from commands.release import require_release
from domain.history import Context
from domain.identifiers import ReleaseId, TenantId
from domain.rejection import Conflict
from domain.release import Differences, ReleaseCut, SecretPin, differences


async def preview(
    handler: Handler, vault: Vault, context: Context, *, release_id: ReleaseId, reason: str | None = None
) -> Differences:
    """What a roll back would change now; raises what it would raise."""
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    state = await handler.state(environment.DECIDER, cut.environment_id, context.tenant_id)
    environment.decide(RollBackEnvironment(environment_id=cut.environment_id, release=cut, reason=reason), state)
    await _require_secrets(vault, context.tenant_id, cut)
    return await changes(handler, context, release_id=release_id)


async def changes(handler: Handler, context: Context, *, release_id: ReleaseId) -> Differences:
    """How the release differs from the one that is active in its environment. Raises ``NotFound``."""
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    state = await handler.state(environment.DECIDER, cut.environment_id, context.tenant_id)
    before = (await handler.state(release.DECIDER, state.active, context.tenant_id)).cut if state.active else None
    return differences(before, cut)


async def roll_back(
    handler: Handler,
    vault: Vault,
    context: Context,
    *,
    release_id: ReleaseId,
    reason: str | None = None,
    request: Request | None = None,
) -> Caused:
    """Start the activation of ``release_id`` in its own environment.

    Raises ``NotFound``, and ``Conflict`` where it is active already or a secret that it runs with was forgotten.
    """
    cut = require_release(await handler.state(release.DECIDER, release_id, context.tenant_id))
    if caused := await handler.replay(environment.DECIDER, cut.environment_id, context, request):
        return caused
    await _require_secrets(vault, context.tenant_id, cut)
    command = RollBackEnvironment(environment_id=cut.environment_id, release=cut, reason=reason)
    return await handler.handle(command, context, request=request)


async def _require_secrets(vault: Vault, tenant_id: TenantId, cut: ReleaseCut) -> None:
    wanted = {(pin.secret_id, pin.version) for pin in cut.secrets}
    there = await vault.openable(tenant_id, wanted) if wanted else set()
    gone: Sequence[SecretPin] = [pin for pin in cut.secrets if (pin.secret_id, pin.version) not in there]
    if gone:
        named = ", ".join(f"{pin.name} (version {pin.version})" for pin in gone)
        raise Conflict(
            f"The release runs with values that were forgotten: {named}. Deploy its commit again instead.",
            code="secret_gone",
        )
