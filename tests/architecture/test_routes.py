"""Every route is known and described; ``test_access`` says to whom it is closed.

``tests/golden/routes.txt`` and ``openapi.json`` are written again by
``python -m tests.architecture.refresh_routes``.
"""

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
from tests.dialects.plane import Plane

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

GOLDEN = ROUTES.read_text().splitlines()


def test_every_route_is_listed() -> None:
    assert listed() == GOLDEN


def test_the_description_is_the_committed_one() -> None:
    assert described() == OPENAPI.read_text()


def test_every_route_of_the_dialects_is_described() -> None:
    operation_routes = {f"{method} {path}" for path, method, _ in operations(document())}

    assert operation_routes == set(GOLDEN) - {route for route in OPEN if route.startswith("GET")}


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
