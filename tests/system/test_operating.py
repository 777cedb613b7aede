"""What operators do: look after a plane that serves, bring their own servers, and run it as an ordinary user."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import httpx
import psycopg
import pytest

from adapters.database import ensure_schema
from services.embedded import nats_running, postgres_running
from tests.system import repositories
from tests.system.planes import Plane, free_port, running, until
from tests.system.repositories import commit, repository

pytestmark = [pytest.mark.xdist_group("another plane"), pytest.mark.timeout(300)]

NOBODY = 65534
"""The ordinary user that each machine has."""
PARTS = ("postgres", "nats", "caddy", "api", "worker", "executor", "edge")
ROOT = Path(__file__).parents[2]

LAUNCH = """
hold=$(mktemp -d)
for closed in $CLOSED; do
  mount --bind $closed $hold && mount -t tmpfs -o mode=755 tmpfs $closed
  for needed in $NEEDED; do
    case $needed in $closed/*) mkdir -p $needed && mount --bind $hold/${needed#$closed/} $needed ;; esac
  done
  umount $hold
done
rmdir $hold
exec setpriv --reuid $WHO --regid $WHO --clear-groups --no-new-privs "$0" "$@"
"""
"""Directories that only root may enter are passed, in a mount namespace of its own, on the way to what is needed."""


def as_nobody() -> tuple[str, ...]:
    """What starts a program as an ordinary user, where the tests are root's."""
    if os.geteuid():
        return ()
    needed = [Path(sys.base_prefix), Path(sys.prefix), ROOT]
    closed = {next((up for up in reversed(path.parents) if not up.stat().st_mode & 0o001), None) for path in needed}
    names = {
        "CLOSED": " ".join(str(up) for up in closed if up),
        "NEEDED": " ".join(map(str, needed)),
        "WHO": str(NOBODY),
    }
    script = "".join(f"{name}={shlex.quote(text)}\n" for name, text in names.items()) + LAUNCH
    return ("unshare", "--mount", "sh", "-euc", script)


def owned_by_nobody(directory: Path) -> None:
    """Let the ordinary user own it, with all that is in it."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, os.geteuid() or NOBODY, os.getegid() or NOBODY)


def shipbook(plane: Plane, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on the plane's machine."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(plane.directory), "SHIPBOOK_DATA_DIR": str(plane.directory)}
    argv = [sys.executable, "-m", "services", *words]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def reading(ask: Callable[[], httpx.Response]) -> Iterator[list[httpx.Response]]:
    """Ask again and again while the block lasts; all answers."""
    answers: list[httpx.Response] = []
    stop = Event()

    def read() -> None:
        while not stop.is_set():
            answers.append(ask())

    thread = Thread(target=read)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join(30)


def test_all_read_models_are_grown_again_while_requests_read_them(plane: Plane, tmp_path: Path) -> None:
    app = plane.api.project(repository(tmp_path / "site", repositories.static()), "static", "grown-again")
    ended = app.deploy()
    paths = ("/projects", f"/projects/{app.id}/deployments", f"/deployments/{ended['id']}", "/audit", "/secrets")
    before = {path: plane.api.send("GET", path) for path in paths}
    again = iter(paths * 10_000)

    with reading(lambda: plane.api.client.get(next(again))) as answers:
        rebuilt = shipbook(plane, "ops", "rebuild", "--all")
        so_far = len(answers)
        until(lambda: len(answers) > so_far + len(paths), 10)

    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "Rebuilt: " in rebuilt.stdout
    assert {answer.status_code for answer in answers} == {200}
    assert all(
        answer.json() == before[answer.request.url.path.removeprefix(f"/tenants/{plane.api.tenant}")]
        for answer in answers
    )
    assert {path: plane.api.send("GET", path) for path in paths} == before
    assert app.deploy()["number"] == ended["number"] + 1


def test_the_lag_of_every_read_model_is_told(plane: Plane) -> None:
    def lag() -> list[dict[str, Any]]:
        told = shipbook(plane, "ops", "lag", "--json")
        assert told.returncode == 0, told.stderr
        return list(json.loads(told.stdout))

    until(lambda: all(one["behind"] == 0 for one in lag()), 20, "the read models do not catch up")
    assert {"deployments", "projects", "releases", "environments", "secrets", "audit_trail"} <= {
        one["model"] for one in lag()
    }
    assert len({one["position"] for one in lag()}) == 1


@pytest.mark.parametrize(
    ("options", "variables", "says"),
    [
        (("--http", "{http}"), {}, "{http} is taken by another program. Choose another address with --http"),
        (("--edge", "{edge}"), {}, "{edge} is taken by another program. Choose another address with --edge"),
        (("--data-dir", "{data}"), {}, "{data} is in use by another Shipbook (process "),
        ((), {"SHIPBOOK_BUILDS_AT_ONCE": "many"}, "SHIPBOOK_BUILDS_AT_ONCE is 'many', which cannot be used"),
        ((), {"SHIPBOOK_LOG_RETENTION": "7"}, "Did you mean SHIPBOOK_LOG_RETENTION_DAYS?"),
        ((), {"SHIPBOOK_DATABASE_URL": "{nowhere}"}, "The database does not answer: "),
    ],
    ids=["port of the API", "port of the edge", "data directory", "wrong setting", "unknown setting", "no database"],
)
def test_a_start_that_cannot_succeed_says_why_and_ends_with_status_2(
    plane: Plane, tmp_path: Path, options: tuple[str, ...], variables: dict[str, str], says: str
) -> None:
    known = {
        "http": plane.http,
        "edge": plane.edge,
        "data": str(plane.directory),
        "nowhere": f"postgresql://127.0.0.1:{free_port()}/none",
    }
    free = ("--data-dir", str(tmp_path / "data"), "--http", f"127.0.0.1:{free_port()}")
    free += ("--edge", f"127.0.0.1:{free_port()}")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environ |= {name: value.format(**known) for name, value in variables.items()}
    argv = [sys.executable, "-m", "services", "up", *free, *(word.format(**known) for word in options)]

    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 2, done.stderr
    assert says.format(**known) in done.stderr
    assert 'File "' not in done.stderr, "that is a trace"
    assert plane.ready()


def test_the_operators_own_postgres_and_nats_serve_instead_and_old_lines_are_forgotten_there(
    tmp_path: Path,
) -> None:
    with postgres_running(tmp_path / "pg") as database_url, nats_running(tmp_path / "nats") as nats_url:
        with psycopg.connect(ensure_schema(database_url)) as connection:
            connection.execute(
                "CREATE TABLE lines.chunks_20200101 PARTITION OF lines.chunks"
                " FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
            )
        given = {"SHIPBOOK_DATABASE_URL": database_url, "SHIPBOOK_NATS_URL": nats_url}
        with running(tmp_path / "plane", **given) as plane:
            directory = repository(tmp_path / "site", repositories.static("one"))
            app = plane.api.project(directory, "static", "own-servers")

            first = app.deploy()
            app.shows("<h1>one</h1>")
            commit(directory, repositories.static("two"), "Second version")
            app.deploy()
            app.shows("<h1>two</h1>")
            app.roll_back(first["releaseId"])
            app.shows("<h1>one</h1>")

            assert not (plane.directory / "postgres").exists()
            assert plane.pid("postgres") is plane.pid("nats") is None
            with psycopg.connect(database_url) as connection:
                gone = "SELECT to_regclass('lines.chunks_20200101') IS NULL"
                until(lambda: connection.execute(gone).fetchone() == (True,), 20, "old lines are kept")

            assert plane.stop() == 0
            plane.start()
            app.shows("<h1>one</h1>")


def test_an_ordinary_user_runs_it_and_deploys_a_page_and_a_server() -> None:
    with TemporaryDirectory(prefix="shipbook-") as home:
        page = repository(Path(home) / "page", repositories.static("one"))
        server = repository(Path(home) / "server", repositories.flask("one"))
        owned_by_nobody(Path(home))
        with running(Path(home) / "data", as_nobody(), HOME=home) as plane:
            assert {os.geteuid() or NOBODY} == {Path(f"/proc/{plane.pid(part)}").stat().st_uid for part in PARTS}
            plane.api.project(page, "static", "page").deploy()
            app = plane.api.project(server, "python", "server")
            app.deploy()

            app.shows("flask one")
            assert "one" in plane.page("page.localhost").text
