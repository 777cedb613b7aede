"""Every route is known, described, and closed to those who are not signed in or belong elsewhere.

``tests/golden/routes.txt`` and ``openapi.json`` are written again by
``python -m tests.architecture.refresh_routes``.
"""

import re
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from adapters.http.bodies import JsonBody
from adapters.http.errors import STATUS, answer
from adapters.http.native import words
from adapters.http.openapi import document, operations
from domain.account import Scope
from domain.deployment import Outcome, Status
from domain.rejection import NameTaken, QuotaExceeded, Rejection
from tests.architecture.refresh_routes import OPENAPI, ROUTES, described, listed
from tests.architecture.repository import ROOT, subclasses
from tests.dialects.plane import Caller, Plane

OPEN = {
    "GET /",
    "GET /docs",
    "GET /health",
    "GET /metrics",
    "GET /openapi.json",
    "GET /ready",
    "POST /auth/login",
    "POST /auth/logout",
    "POST /auth/register",
}
"""The reviewed list of routes that need nobody to be signed in."""

FOREIGN = "01a2016c-0404-7fcd-9139-beaeb4d2b2ff"
"""An id that nothing has."""

GOLDEN = ROUTES.read_text().splitlines()
CLOSED = [route for route in GOLDEN if route not in OPEN]
OF_TENANTS = [route for route in CLOSED if "{tenant_id}" in route]


def test_every_route_is_listed() -> None:
    assert listed() == GOLDEN


def test_the_description_is_the_committed_one() -> None:
    assert described() == OPENAPI.read_text()


def test_every_route_of_the_dialects_is_described() -> None:
    operation_routes = {f"{method} {path}" for path, method, _ in operations(document())}

    assert operation_routes == set(GOLDEN) - {route for route in OPEN if route.startswith("GET")}


@pytest.mark.parametrize("route", CLOSED)
def test_nobody_enters_without_credentials(plane: Plane, route: str) -> None:
    refused = _asked(plane.client(), route, FOREIGN)

    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", OF_TENANTS)
def test_nobody_enters_another_workspace(plane: Plane, strangers: tuple[Caller, Caller], route: str) -> None:
    insider, outsider = strangers

    for client in (outsider.http, outsider.browser):
        for tenant in (insider.tenant, FOREIGN, "nonsense"):
            refused = _asked(client, route, tenant)
            assert (refused.status_code, refused.json()["message"]) == (404, "There is no such workspace.")


@pytest.mark.parametrize("route", OF_TENANTS)
def test_a_token_that_only_reads_changes_nothing(plane: Plane, reader: tuple[httpx.Client, str], route: str) -> None:
    client, tenant = reader
    answered = _asked(client, route, tenant)

    assert answered.status_code in ({200, 404} if route.startswith("GET") else {403})


@pytest.fixture(scope="module")
def strangers(plane: Plane) -> Iterator[tuple[Caller, Caller]]:
    """Two people with a workspace each."""
    with plane.clients_kept():
        yield Caller(plane), Caller(plane)


@pytest.fixture(scope="module")
def reader(plane: Plane) -> Iterator[tuple[httpx.Client, str]]:
    """Somebody whose token may only read, and their workspace."""
    with plane.clients_kept():
        caller = Caller(plane)
        yield caller.with_scope("read"), caller.tenant


def _asked(client: httpx.Client, route: str, tenant: str) -> httpx.Response:
    method, _, path = route.partition(" ")
    path = re.sub(r"\{(\w+)\}", lambda part: tenant if part[1] == "tenant_id" else FOREIGN, path)
    return client.request(method, path)


def test_every_rejection_has_a_status() -> None:
    kinds = subclasses(Rejection, "domain") | subclasses(Rejection, "commands")

    assert kinds == set(STATUS)
    for kind in kinds:
        made = kind("host name", "shop") if kind is NameTaken else kind("No.")
        said = answer(made)
        assert said is not None
        assert 400 <= said.status < 500
        assert said.code == made.code


def test_a_quota_that_resets_is_429_and_another_403() -> None:
    """Document 002: ``deploys are rate-limited per workspace per day (429/403 when exceeded)``."""
    waiting, never = answer(QuotaExceeded("No.", retry_after=60)), answer(QuotaExceeded("No."))

    assert waiting is not None
    assert (waiting.status, waiting.headers) == (429, {"Retry-After": "60"})
    assert never is not None
    assert never.status == 403


def test_the_native_vocabulary_is_total() -> None:
    assert set(words.deployments.STATUS) == set(words.deployments.UNFINISHED) == set(Status)
    assert set(words.deployments.OUTCOME) == set(Outcome)
    assert list(Scope) == [Scope.READ, Scope.DEPLOY, Scope.ADMIN]


def test_every_body_refuses_unknown_fields(plane: Plane) -> None:
    bodies = {
        handler.parsed_data_field.annotation
        for handler in _handlers(plane.app)
        if handler.parsed_data_field and handler.resolve_data_dto() is JsonBody
    }

    assert len(bodies) > 10
    for body in bodies:
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.json.decode(b'{"surely-unknown":1}', type=body)


def _handlers(app: Litestar) -> list:
    return [handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers]


def test_golden_files_stand_in_their_folder() -> None:
    assert {ROUTES.parent, OPENAPI.parent} == {ROOT / "tests" / "golden"}
