"""Shredding a workspace: its keys are destroyed, so that nobody can open its values; history stays."""

from commands import workspace
from commands.checks import check
from commands.handling import Caused, Handler
from commands.keyring import DestroyKeys
from commands.ports import Request, Vault
from domain.history import Context
from domain.identifiers import KeyringId


async def shred(
    handler: Handler, vault: Vault, context: Context, *, confirm: str, request: Request | None = None
) -> Caused:
    """Destroy the keys of the context's workspace, whose name ``confirm`` must be. Killed behind the fact, the vault
    is emptied by whoever follows the log. Raises ``Invalid`` without the name or a reason."""
    name = (await handler.state(workspace.DECIDER, context.tenant_id, context.tenant_id)).name
    wrong = None if confirm == name else f"must be the workspace's name, '{name}': what is destroyed cannot be had back"
    missing = None if (context.reason or "").strip() else "is needed: history keeps it when the values are gone"
    check([("confirm", wrong), ("reason", missing)])
    command = DestroyKeys(keyring_id=KeyringId(context.tenant_id), workspace_name=name)
    caused = await handler.handle(command, context, request=request)
    await vault.forget(context.tenant_id, caused.position)
    return caused
