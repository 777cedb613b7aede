"""Every route turns away whom it should: the table is made from the router, reviewed, and asked cell by cell.

``tests/golden/access.txt`` and the table in ``docs/access.md`` are written again by
``python -m tests.architecture.refresh_routes``.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.http import tokens
from commands.account import AppointOperator, IssueApiToken
from commands.workspace import AcceptInvitation, Invite
from domain.account import Scope
from domain.identifiers import AccountId, ApiTokenId, InvitationId, TenantId, uuid7
from domain.workspace import Role
from tests.architecture.access import CALLERS, HERE, PAGE, TABLE, page, table
from tests.dialects.plane import Caller, Plane

FOREIGN = "01a2016c-0404-7fcd-9139-beaeb4d2b2ff"
"""An id that nothing has."""

_HEADER, *_ROWS = TABLE.read_text().splitlines()
ROWS = [(f"{method} {path}", cells) for method, path, *cells in (row.split() for row in _ROWS)]


def test_every_route_has_its_row() -> None:
    assert TABLE.read_text() == table()


def test_the_documentation_says_the_same() -> None:
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("caller", CALLERS)
def test_every_cell_holds(callers: dict[str, httpx.Client], tenant: str, caller: str) -> None:
    place = CALLERS.index(caller)

    met = {route: _met(callers[caller], route, tenant) for route, cells in ROWS if _asks(cells, caller)}

    assert met == {route: cells[place] for route, cells in ROWS if _asks(cells, caller)}


def _asks(cells: list[str], caller: str) -> bool:
    """Open routes are asked by nobody in particular: signing out would end the session of whoever asks."""
    return set(cells) != {HERE} or caller == "nobody"


def _met(client: httpx.Client, route: str, tenant: str) -> str:
    """What the caller meets. Nothing is sent: whom a route turns away, it turns away before it reads a body."""
    method, _, path = route.partition(" ")
    path = re.sub(r"\{(\w+)\}", lambda part: tenant if part[1] == "tenant_id" else FOREIGN, path)
    answer = client.request(method, path)
    assert answer.status_code < 500, (route, answer.text)
    if answer.status_code == 404 and "{tenant_id}" in route:
        return "404" if answer.json()["message"] == "There is no such workspace." else HERE
    return str(answer.status_code) if answer.status_code in {401, 403} else HERE


@pytest.fixture(scope="module")
def owner(plane: Plane) -> Iterator[Caller]:
    """Whose workspace it is."""
    with plane.clients_kept():
        yield Caller(plane)


@pytest.fixture(scope="module")
def tenant(owner: Caller) -> str:
    """The workspace."""
    return owner.tenant


@pytest.fixture(scope="module")
def callers(plane: Plane, owner: Caller) -> dict[str, httpx.Client]:
    """A client of each caller's."""
    members = {role: Caller(plane) for role in (Role.VIEWER, Role.DEVELOPER, Role.ADMIN)}
    for role, member in members.items():
        _join(owner, member, role)
    operator = Caller(plane)
    plane.do(operator.tenant, AppointOperator(account_id=_account(operator)))
    return {
        "nobody": plane.client(),
        "foreign": Caller(plane).browser,
        **{role.value: member.browser for role, member in members.items()},
        "owner": owner.browser,
        "read-token": owner.with_scope("read"),
        "expired": _expired(owner),
        "operator": operator.browser,
    }


def _account(caller: Caller) -> AccountId:
    return AccountId(caller.browser.get("/auth/me").json()["id"])


def _join(owner: Caller, member: Caller, role: Role) -> None:
    tenant, invitation, now = TenantId(owner.tenant), InvitationId(uuid7()), datetime.now(UTC)
    owner.plane.do(
        tenant,
        Invite(
            tenant_id=tenant,
            invitation_id=invitation,
            email=member.email,
            role=role,
            digest="digest",
            at=now,
            expires_at=now + timedelta(days=1),
            by=_account(owner),
        ),
        AcceptInvitation(
            tenant_id=tenant,
            invitation_id=invitation,
            account_id=_account(member),
            email=member.email,
            digest="digest",
            at=now,
        ),
    )


def _expired(owner: Caller) -> httpx.Client:
    token_id = ApiTokenId(uuid7())
    secret = tokens.new_token(token_id)
    owner.plane.do(
        owner.tenant,
        IssueApiToken(
            account_id=_account(owner),
            token_id=token_id,
            tenant_id=TenantId(owner.tenant),
            name="expired",
            digest=tokens.digest(secret),
            scope=Scope.ADMIN,
            expires_at=datetime.now(UTC) - timedelta(minutes=1),
        ),
    )
    return owner.plane.client(headers={"Authorization": f"Bearer {secret.reveal}"})
