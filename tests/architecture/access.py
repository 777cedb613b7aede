"""Who may use each route, as the router and ``domain.access`` say: a table, and the page of the documentation."""

from collections.abc import Iterator
from typing import Any, cast

from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from adapters.http.application import create_app
from adapters.http.identity import in_session, needed_by, operators_only, signed_in
from domain.access import OF_ROLE, OF_SCOPE, role_for, scope_for
from domain.account import Scope
from domain.workspace import Role
from tests.architecture.repository import ROOT

TABLE = ROOT / "tests" / "golden" / "access.txt"
PAGE = ROOT / "docs" / "access.md"
BEGIN, END = "<!-- routes -->\n", "<!-- end -->\n"

CALLERS = ("nobody", "foreign", "viewer", "developer", "admin", "owner", "read-token", "expired", "operator")
"""Nobody; the owner of another workspace; sessions of the workspace's members; tokens of its owner, one that only reads
and one that has expired; an operator who is no member."""

HERE = "here"
"""Let in: whatever is answered is not about who asks."""

Route = tuple[str, str, HTTPRouteHandler]
"""Method, path and handler."""


def routes() -> Iterator[Route]:
    """Every route."""
    app = create_app(cast("Any", None))
    found = [
        (method, route.path_format, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods)
        if method != "OPTIONS"
    ]
    yield from sorted(found, key=lambda one: f"{one[0]} {one[1]}")


def table() -> str:
    """A line a route: what each of ``CALLERS`` meets there."""
    rows = [
        (f"{method} {path}", [expected(method, path, handler, one) for one in CALLERS])
        for method, path, handler in routes()
    ]
    lines = [("route", list(CALLERS)), *rows]
    widest = max(len(route) for route, _ in lines)
    return "".join(
        f"{route:<{widest}} " + " ".join(f"{cell:<10}" for cell in cells).rstrip() + "\n" for route, cells in lines
    )


def expected(method: str, path: str, handler: HTTPRouteHandler, caller: str) -> str:
    """What a caller meets at a route: ``here``, or the status that turns them away."""
    guards = set(handler.resolve_guards())
    if signed_in not in guards:
        return HERE
    if caller in {"nobody", "expired"}:
        return "401"
    of_tenant = "{tenant_id}" in path
    if of_tenant and caller in {"foreign", "operator"}:
        return "404"
    needed = needed_by(handler, method)
    if caller == "read-token":
        refused = OF_SCOPE[Scope.READ] < needed or guards & {in_session, operators_only}
    else:
        low = of_tenant and OF_ROLE[Role(caller)] < needed
        refused = low or (operators_only in guards and caller != "operator")
    return "403" if refused else HERE


def page() -> str:
    """The documentation's page with the table of routes as they are."""
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = ["| route | least role | least scope of a token |", "|---|---|---|"]
    lines += [
        f"| `{method} {path}` | {' | '.join(_least(method, path, handler))} |" for method, path, handler in routes()
    ]
    return head + BEGIN + "\n".join(lines) + "\n" + END + tail


def _least(method: str, path: str, handler: HTTPRouteHandler) -> tuple[str, str]:
    guards = set(handler.resolve_guards())
    if signed_in not in guards:
        return "anybody", "none"
    needed = needed_by(handler, method)
    role = role_for(needed).value if "{tenant_id}" in path else "anybody signed in"
    if operators_only in guards:
        return "operator", "session only"
    return role, "session only" if in_session in guards else scope_for(needed).value
