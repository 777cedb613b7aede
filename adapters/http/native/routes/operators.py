"""Operators: who they are, and what each workspace may use."""

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec.structs import replace

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import operators_only
from adapters.http.native import words
from adapters.http.native.limits import limits_of
from adapters.http.native.routes.workspaces import WORKSPACE
from adapters.http.native.wire.workspaces import LimitsIn, LimitsOut, OperatorChange, OperatorOut
from commands.account import AppointOperator, DismissOperator
from commands.workspace import SetLimits
from domain.identifiers import AccountId, TenantId
from domain.limits import Limits
from projections import credentials


@get(WORKSPACE + "/limits")
async def show_limits(call: NamedDependency[Call]) -> Answer[LimitsOut]:
    """Show what a workspace may use, and what it uses."""
    return await limits_of(call, call.tenant)


@post("/operator/accounts/{account_id:str}", guards=[operators_only], status_code=200)
async def appoint_operator(
    account_id: FromPath[AccountId], data: JSONBody[OperatorChange], call: NamedDependency[Call]
) -> Answer[OperatorOut]:
    """Make an account an operator, or one no more.

    Nobody dismisses themselves. For operators only.
    """
    command = (
        AppointOperator(account_id=account_id)
        if data.operator
        else DismissOperator(account_id=account_id, by=call.principal.account_id)
    )
    await call.perform(call.handler.handle(command, call.because(data.reason), request=call.request))
    return call.shown(
        1, words.workspaces.operator(existing(await credentials.account(call.reader, account_id), "account"))
    )


@get("/operator/workspaces/{workspace_id:str}/limits", guards=[operators_only])
async def show_workspace_limits(workspace_id: FromPath[TenantId], call: NamedDependency[Call]) -> Answer[LimitsOut]:
    """Show what any workspace may use, and what it uses.

    For operators only.
    """
    return await limits_of(call, workspace_id)


@put("/operator/workspaces/{workspace_id:str}/limits", guards=[operators_only])
async def set_limits(
    workspace_id: FromPath[TenantId], data: JSONBody[LimitsIn], call: NamedDependency[Call]
) -> Answer[LimitsOut]:
    """Set what a workspace may use.

    All its limits at once: what is left out is as the installation has it. It stands in the workspace's audit trail.
    For operators only.
    """
    limits = Limits(**{name: getattr(data, name) for name in Limits.__struct_fields__})
    context = replace(call.because(data.reason), tenant_id=workspace_id)
    command = SetLimits(tenant_id=workspace_id, limits=limits)
    await call.perform(call.handler.handle(command, context, request=call.request))
    return await limits_of(call, workspace_id)


ROUTES = [appoint_operator, show_workspace_limits, set_limits]
OF_WORKSPACES = [show_limits]
