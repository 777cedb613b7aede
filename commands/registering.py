"""Joining: an account, and the workspace that comes with it."""

from commands.account import RegisterAccount
from commands.handling import Caused, Handler
from commands.ports import SecretValue, Vault
from commands.workspace import CreateWorkspace
from domain.history import Context
from domain.identifiers import AccountId, TenantId

PASSWORD = "password"  # noqa: S105 - the name under which the vault keeps the verifier


async def register(
    handler: Handler,
    vault: Vault,
    context: Context,
    *,
    account_id: AccountId,
    email: str,
    verifier: SecretValue,
    workspace_name: str,
    operator: bool = False,
) -> Caused:
    """Register an account and create its workspace, which is ``context.tenant_id``.

    Both commands may be repeated, so a caller who was cut off between them just asks again; ``follow_up`` in
    ``commands.policies`` completes it when nobody does. Raises ``NameTaken`` where the address is registered.
    """
    workspace_id: TenantId = context.tenant_id
    sealed = await vault.seal(account_id, PASSWORD, 1, verifier)
    await handler.handle(
        RegisterAccount(
            account_id=account_id,
            email=email,
            workspace_id=workspace_id,
            workspace_name=workspace_name,
            operator=operator,
        ),
        context,
        sealed=[sealed],
    )
    return await handler.handle(CreateWorkspace(tenant_id=workspace_id, name=workspace_name, owner=account_id), context)
