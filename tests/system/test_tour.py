"""The native API answers as its reference says, tried with curl; and its written tour is the one that is taken."""

import re
from pathlib import Path

import pytest

from tests.system.planes import Plane
from tests.system.tour import DOCUMENT, told, toured
from tests.system.tour_steps import STEPS

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(300)]

REFERENCE = """
GET /auth/me
GET /tenants/T/projects
POST /tenants/T/projects
POST /tenants/T/projects/detect
GET /tenants/T/projects/P
PATCH /tenants/T/projects/P
PATCH /tenants/T/projects/P/build-config
PATCH /tenants/T/projects/P/runtime-config
POST /tenants/T/projects/P/environments/E/deployments
GET /tenants/T/projects/P/deployments
GET /tenants/T/deployments/D
GET /tenants/T/deployments/D/logs
GET /tenants/T/deployments/D/stream
POST /tenants/T/deployments/D/cancel
POST /tenants/T/deployments/D/retry
POST /tenants/T/rollback
GET /tenants/T/projects/P/releases
GET /tenants/T/projects/P/environments/E/runtime
GET /tenants/T/releases/R/runtime-logs
GET /tenants/T/releases/R/runtime-logs/stream
GET /tenants/T/projects/P/environments/E/access-logs
GET /tenants/T/projects/P/environments/E/access-logs/stream
GET /tenants/T/secrets
POST /tenants/T/secrets
PATCH /tenants/T/secrets/S
DELETE /tenants/T/secrets/S
GET /tenants/T/databases
POST /tenants/T/databases
GET /tenants/T/databases/B
POST /tenants/T/databases/B/start
POST /tenants/T/databases/B/stop
POST /tenants/T/databases/B/attach
DELETE /tenants/T/databases/B
GET /tenants/T/databases/B/backups
POST /tenants/T/databases/B/backups
GET /tenants/T/projects/P/domains
POST /tenants/T/projects/P/domains
POST /tenants/T/projects/P/domains/N/verify
DELETE /tenants/T/projects/P/domains/N
GET /account/api-tokens
POST /account/api-tokens
DELETE /account/api-tokens/A
""".splitlines()[1:]
"""Document 002's methods and paths, each id as a letter."""


def test_the_tour_tries_each_method_and_path_of_the_reference() -> None:
    assert set(REFERENCE) <= {_tried(step.command) for step in STEPS}


def _tried(command: str) -> str:
    """The method and path of a command of curl, with a letter for each id."""
    path = re.search(r"\$API(/[^\"?]*)", command)
    if path is None:
        return command
    method = re.search(r"-X (\w+)", command)
    posted = "POST" if "--json" in command else "GET"
    letters = {"TENANT": "T", "PROJECT": "P", "ENVIRONMENT": "E", "RELEASE": "R", "SECRET": "S", "DATABASE": "B"}
    letters |= {"DOMAIN": "N", "ANOTHER": "A", "DEPLOYMENT": "D", "SECOND": "D", "THIRD": "D"}
    named = re.sub(r"\$(\w+)", lambda name: letters.get(name[1], name[1]), path[1])
    return f"{method[1] if method else posted} {named}"


def test_the_native_api_answers_as_its_reference_says(plane: Plane, tmp_path: Path) -> None:
    assert told(toured(plane, tmp_path)) == told(DOCUMENT.read_text())
