"""When nothing may be deployed."""

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native.wire.freezes import FreezeWindowCreation, FreezeWindowOut
from adapters.http.native.words import freezes as words
from adapters.http.paging import Listing
from commands import freezing
from commands.freeze import AddFreezeWindow, RemoveFreezeWindow
from domain.access import Access
from domain.identifiers import FreezeWindowId
from projections import freezes

WINDOWS = "/tenants/{tenant_id:str}/freeze-windows"


@get(WINDOWS)
async def list_freeze_windows(call: NamedDependency[Call]) -> Listing[FreezeWindowOut]:
    """List the workspace's freeze windows, the oldest first."""
    rows = await freezes.listing(call.reader, call.tenant)
    return Listing(items=[words.freeze_window(row, call.context.at) for row in rows], next_cursor=None)


@post(WINDOWS, opt={NEEDS: Access.ADMIN})
async def add_freeze_window(
    data: JSONBody[FreezeWindowCreation], call: NamedDependency[Call]
) -> Answer[FreezeWindowOut]:
    """Freeze deployments of the workspace, a project or an environment, once or each week.

    While a window of kind `deny` lasts, deployments are refused. Where there are windows of kind `allow`, deployments
    are refused outside of them. A denial beats what is allowed. Roll backs are never refused.
    """
    window = words.window(data, FreezeWindowId(call.new("freeze window")))
    command = AddFreezeWindow(tenant_id=call.tenant, window=window)
    await call.perform(freezing.add_freeze_window(call.handler, call.context, command, call.request))
    row = existing(await freezes.find(call.reader, call.tenant, window.window_id), "freeze window")
    return call.shown(0, words.freeze_window(row, call.context.at), status=201)


@delete(WINDOWS + "/{freeze_window_id:str}", opt={NEEDS: Access.ADMIN})
async def remove_freeze_window(freeze_window_id: FromPath[FreezeWindowId], call: NamedDependency[Call]) -> None:
    """Remove a freeze window."""
    command = RemoveFreezeWindow(tenant_id=call.tenant, window_id=freeze_window_id)
    await call.perform(call.handler.handle(command, call.context, request=call.request))


ROUTES = [list_freeze_windows, add_freeze_window, remove_freeze_window]
