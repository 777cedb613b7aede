"""Whatever is sent, as the API's own description allows it or not, is answered as that description says.

``SHIPBOOK_FUZZ=100`` sends a hundred times as many requests (``make fuzz``); schemathesis makes them up, and checks
each answer: no 5xx, no status that is not described, no body or header of another shape.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.dialects.executing import deployed
from tests.dialects.plane import Caller, Plane

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
ENDLESS = "stream|/audit$|/operator/projections$|/operator/audit$"
"""Paths that answer for as long as one listens, or may be asked to."""


def test_whatever_is_sent_is_answered_as_the_description_says(plane: Plane, insider: Caller, tmp_path: Path) -> None:
    examples = int(os.environ.get("SHIPBOOK_FUZZ", "1"))
    phases = "examples,coverage,fuzzing,stateful" if examples > 1 else "examples,fuzzing"
    config = tmp_path / "schemathesis.toml"
    config.write_text(_known(insider))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            *("--config-file", str(config), "run", f"{plane.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {insider.token}"),
            *("--phases", phases, "--checks", ",".join(CHECKS), "--max-examples", str(examples)),
            *("--exclude-path-regex", ENDLESS, "--seed", "7", "--generation-database", "none"),
            *("--continue-on-failure", "--warnings", "off", "--no-color", "--no-shrink", "--workers", "2"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=100 if examples == 1 else 7200,
    )
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


def _known(caller: Caller) -> str:
    """Ids of things that are there, so that requests reach further than to a 404."""
    project = caller.project()
    deployment = deployed(caller, project)
    secret = caller.post("/secrets", {"name": "TOKEN", "value": "hidden-value", "projectId": project["id"]})
    known = {
        "tenant_id": caller.tenant,
        "project_id": project["id"],
        "environment_id": project["environments"][0]["id"],
        "deployment_id": deployment["id"],
        "release_id": deployment["releaseId"],
        "secret_id": secret["id"],
        "connection_id": project["repositoryConnectionId"],
    }
    return "[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items())
