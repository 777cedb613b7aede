"""An application and its database: attached, written, backed up, lost, restored."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.planes import Plane, until
from tests.system.repositories import repository

pytestmark = pytest.mark.timeout(240)

APPLICATION = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pg8000.native


class Notes(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer([] if self.path == "/" else run("SELECT text FROM notes ORDER BY text"))

    def do_POST(self):
        run("CREATE TABLE IF NOT EXISTS notes (text text)")
        self.answer(run("INSERT INTO notes VALUES (:text)", text=self.path[1:]))

    def do_DELETE(self):
        self.answer(run("DROP TABLE notes"))

    def answer(self, found):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())


def run(statement, **values):
    place = urlsplit(os.environ["DATABASE_URL"])
    with pg8000.native.Connection(
        place.username, host=place.hostname, port=place.port, password=place.password, database=place.path[1:]
    ) as connection:
        return connection.run(statement, **values)


ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Notes).serve_forever()
"""
FILES = {"app.py": APPLICATION, "requirements.txt": "pg8000==1.31.5\n"}


def test_an_application_reads_what_was_restored(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(
        repository(tmp_path / "notes", FILES), "python", "notes", runsServer=True, startCommand="python app.py"
    )
    made = shipbook(plane, "databases", "create", "notes")
    assert made["status"] == "running"
    plane.api.send("POST", f"/databases/{made['id']}/attach", {"environmentId": app.environment})
    app.deploy()
    asked(plane, app.host, "POST", "/coffee")
    asked(plane, app.host, "POST", "/tea")

    backup = shipbook(plane, "backups", "create", "notes", "--verify")
    assert (backup["status"], backup["found"]) == ("verified", "1 table and 2 rows")
    asked(plane, app.host, "DELETE", "/notes")
    shipbook(plane, "backups", "restore", "notes", "latest", "--into", "notes")
    assert asked(plane, app.host, "GET", "/notes").json() == [["coffee"], ["tea"]]

    plane.kill("executor")  # what runs goes on
    assert asked(plane, app.host, "GET", "/notes").json() == [["coffee"], ["tea"]]
    plane.api.send("DELETE", f"/databases/{made['id']}", params={"confirm": "notes", "detach": True})
    until(lambda: not plane.api.send("GET", "/databases")["items"], what="the database is still there")


def asked(plane: Plane, host: str, method: str, path: str) -> httpx.Response:
    """What the application answers, well."""
    answer = httpx.request(method, f"http://{plane.edge}{path}", headers={"Host": host}, timeout=10)
    assert answer.is_success, answer.text
    return answer


def shipbook(plane: Plane, *words: str) -> Any:
    """Run a command as its user does; the JSON that it prints."""
    command = [sys.executable, "-m", "services", *words, "--json", "--data-dir", str(plane.visible)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
