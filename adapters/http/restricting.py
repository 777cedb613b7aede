"""Tokens that reach only some projects of their workspace: the one place that says what those may see and do.

What the path names must belong to such a project, or it is not there (404). What belongs to none is for other tokens
(403), but for lists that are narrowed to the projects' things: whatever such a token looks up, it looks up here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from domain.identifiers import ProjectId
from domain.rejection import Forbidden, NotFound
from projections.changes import Row, Table
from projections.deployments import DEPLOYMENTS
from projections.projects import PROJECTS
from projections.reading import Page, Paging, Reader, Selection, Wanted
from projections.releases import RELEASES
from projections.secrets import SECRETS

R = TypeVar("R", bound=Row)

NARROWED = "narrowed"
"""The handler's option that says: a list of a workspace's things, of which such a token sees its projects' own."""

OF_PROJECTS: Mapping[str, Table[Any]] = {
    "deployment_id": DEPLOYMENTS,
    "release_id": RELEASES,
    "secret_id": SECRETS,
}
"""What paths name without the project that it belongs to."""


async def require_reached(
    reader: Reader, project_ids: Sequence[ProjectId], path: Mapping[str, Any], *, narrowed: bool
) -> None:
    """Refuse a token what lies outside of its projects; one that names none reaches everything."""
    if not project_ids or narrowed:
        return
    project = path.get("project_id") or await _project_of(reader, path)
    if project is None:
        raise Forbidden(
            "This token reaches only some projects, and this belongs to the workspace. Use another token.",
            code="project_token",
        )
    if project not in project_ids:
        raise NotFound("There is no such project.")


async def _project_of(reader: Reader, path: Mapping[str, Any]) -> str | None:
    """The project of what the path names; empty where it names nothing."""
    for parameter, table in OF_PROJECTS.items():
        if parameter in path:
            row = await reader.one(table, {"id": path[parameter]})
            return "" if row is None else row.project_id or ""
    return None


class Narrowed(Reader):
    """The read models as a token sees them that reaches only some projects."""

    def __init__(self, reader: Reader, project_ids: Sequence[ProjectId]) -> None:
        self._reader = reader
        self._projects = tuple(project_ids)

    async def one(self, table: Table[R], equal: Mapping[str, object]) -> R | None:
        """The row with these column values, or None."""
        return await self._reader.one(table, self._narrowed(table, equal))

    async def select(self, table: Table[R], selection: Selection, paging: Paging) -> Page[R]:
        """A page of rows."""
        return await self._reader.select(table, self._selection(table, selection), paging)

    async def pages(self, *wanted: Wanted) -> list[Page[Any]]:
        """Several pages."""
        narrowed = [Wanted(one.table, self._selection(one.table, one.selection), one.paging) for one in wanted]
        return await self._reader.pages(*narrowed)

    async def count(self, table: Table[R], selection: Selection) -> int:
        """How many rows the selection has in all."""
        return await self._reader.count(table, self._selection(table, selection))

    def _selection(self, table: Table[Any], selection: Selection) -> Selection:
        return replace(selection, equal=self._narrowed(table, selection.equal))

    def _narrowed(self, table: Table[Any], equal: Mapping[str, object]) -> Mapping[str, object]:
        column = "id" if table is PROJECTS else "project_id"
        if column not in table.row.__struct_fields__:
            return equal
        asked = equal.get(column, self._projects)
        wanted = asked if isinstance(asked, tuple) else (asked,)
        return {**equal, column: tuple(one for one in wanted if one in self._projects)}
