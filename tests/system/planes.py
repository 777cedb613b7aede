"""The whole plane as its users have it: ``shipbook up`` in a directory of its own, and its API."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx
import psutil

from adapters.settings import Settings
from services.embedded import database_url

T = TypeVar("T")

START_SECONDS = 60.0
DEPLOY_SECONDS = 240.0


def until(condition: Callable[[], T], seconds: float = 20.0, what: str = "") -> T:
    """Wait until ``condition`` is true, and return what it answered."""
    deadline = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < deadline, what or f"not within {seconds} s: {condition}"
        sleep(0.02)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Plane:
    """A running plane. ``tenant`` is its first workspace; ``api`` speaks with the first token."""

    directory: Path
    http: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    edge: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    settings: dict[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    """The program and its arguments that start it, if it is not started as whom the tests are."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self.directory.parent / f"{self.directory.name}.log"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SHIPBOOK_")}
        allowed = {"SHIPBOOK_ALLOW_LOCAL_REPOSITORIES": "true", "SHIPBOOK_ALLOW_PRIVATE_NETWORKS": "true"}
        options = ("--data-dir", str(self.directory), "--http", self.http, "--edge", self.edge)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.launcher, sys.executable, "-m", "services", "up", *options],
                env=environ | allowed | self.settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: self._alive(log) and self.ready(), START_SECONDS, "the plane did not become ready")

    def _alive(self, log: Path) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, log.read_text()
        return True

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://{self.http}/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def supervisor(self) -> psutil.Process:
        """The process that starts all others."""
        assert self.process is not None
        return psutil.Process(self.process.pid)

    @property
    def visible(self) -> Path:
        """The data directory, as it is seen from here."""
        return self.directory

    def pid(self, part: str) -> int | None:
        """The process id of a part, while it runs."""
        for file in (self.visible / "run").glob(f"*-{part}.json"):
            found = json.loads(file.read_text()).get("pid")
            if found and psutil.pid_exists(found):
                return int(found)
        return None

    def kill(self, part: str) -> None:
        """kill -9 the part; for PostgreSQL that is the postmaster itself."""
        victim = self._postmaster() if part == "postgres" else until(lambda: self.pid(part))
        os.kill(victim, signal.SIGKILL)

    def _postmaster(self) -> int:
        return int((self.visible / "postgres" / "postmaster.pid").read_text().split()[0])

    def replaced(self, part: str, former: int | None) -> bool:
        return self.pid(part) not in {None, former}

    @property
    def database_url(self) -> str:
        """Where its log is, for whoever looks past the API."""
        return self.settings.get("SHIPBOOK_DATABASE_URL") or database_url(Settings(data_dir=self.visible))

    @property
    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.visible / "credentials.json").read_text()))

    @cached_property
    def api(self) -> "Api":
        return Api(self)

    def page(self, host: str, path: str = "/") -> httpx.Response:
        """What an application answers to a browser."""
        return httpx.get(f"http://{self.edge}{path}", headers={"Host": f"{host}:{self.edge.split(':')[1]}"}, timeout=10)


class Api:
    """The native API, with the first administrator's token."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.tenant = plane.credentials["tenantId"]
        self.client = httpx.Client(
            base_url=f"http://{plane.http}/tenants/{self.tenant}",
            headers={"Authorization": f"Bearer {plane.credentials['token']}"},
            timeout=30,
        )

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The answer's JSON; anything but 2xx fails the test, while a part that restarts is waited for."""

        def answer() -> httpx.Response | None:
            try:
                got = self.client.request(method, path, json=body, **options)
            except httpx.TransportError:
                return None
            return None if got.status_code in {502, 503} else got

        got = until(answer, 30, f"{method} {path} was not answered")
        assert got.is_success, f"{method} {path}: {got.status_code} {got.text}"
        return got.json() if got.content else None

    def project(self, repository: Path | str, kind: str, name: str, **config: Any) -> "App":
        """A connection and a project for ``repository``."""
        key = {"Idempotency-Key": f"project-{name}"}
        connection = self.send("POST", "/repository-connections", {"name": name, "url": str(repository)}, headers=key)
        top = {field: config.pop(field) for field in ("rootDirectory", "runsServer") if field in config}
        body = {"name": name, "type": kind, "repositoryConnectionId": connection["id"], "config": config, **top}
        project = self.send("POST", "/projects", body, headers=key)
        return App(self, project)


class App:
    """One project with its production environment."""

    def __init__(self, api: Api, project: dict[str, Any]) -> None:
        self.api = api
        self.id: str = project["id"]
        self.environment: str = project["environments"][0]["id"]
        self.host: str = project["environments"][0]["label"] + ".localhost"

    def trigger(self, **body: Any) -> dict[str, Any]:
        path = f"/projects/{self.id}/environments/{self.environment}/deployments"
        return dict(self.api.send("POST", path, body))

    def ended(self, deployment: dict[str, Any], seconds: float = DEPLOY_SECONDS) -> dict[str, Any]:
        """The deployment once it has ended."""

        def look() -> dict[str, Any] | None:
            found = self.api.send("GET", f"/deployments/{deployment['id']}")
            return found if found["status"] not in {"waiting", "queued", "running"} else None

        return until(look, seconds, f"{deployment['ref']} did not end")

    def deploy(self, **body: Any) -> dict[str, Any]:
        """Trigger a deployment, and see it succeed."""
        ended = self.ended(self.trigger(**body))
        assert ended["status"] == "succeeded", f"{ended['error']}\n{self.text(ended)}"
        return ended

    def lines(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        """The whole build log."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = self.api.send("GET", f"/deployments/{deployment['id']}/logs", params={"after": after, "limit": 1000})
            found += page["items"]
            if not page["items"]:
                return found

    def text(self, deployment: dict[str, Any]) -> str:
        return "\n".join(line["text"] for line in self.lines(deployment))

    def roll_back(self, release: str, reason: str = "a test") -> None:
        """Ask for the rollback and wait until the release is active."""
        self.api.send("POST", "/rollback", {"releaseId": release, "reason": reason})
        until(lambda: self.active() == release, 30, "the rollback did not take effect")

    def runtime(self) -> dict[str, Any]:
        return dict(self.api.send("GET", f"/projects/{self.id}/environments/{self.environment}/runtime"))

    def active(self) -> str | None:
        active = self.runtime()["activeRelease"]
        return active["id"] if active else None

    def shows(self, text: str, path: str = "/", seconds: float = 10) -> None:
        """Wait until the live page holds ``text``."""
        until(lambda: text in self.api.plane.page(self.host, path).text, seconds, f"{self.host} does not show {text!r}")


@contextmanager
def running(
    directory: Path, launcher: tuple[str, ...] = (), edge: str | None = None, **settings: str
) -> Iterator[Plane]:
    """A plane for the length of the block; what it started is gone afterwards."""
    plane = Plane(directory, settings=settings, launcher=launcher)
    plane.edge = edge or plane.edge
    try:
        plane.start()
        yield plane
        plane.api.client.close()
        assert plane.stop() == 0
        assert not left_over(directory), left_over(directory)
    finally:
        if plane.process and plane.process.poll() is None:
            plane.process.kill()
        for process in left_over(directory):
            process.kill()


def left_over(directory: Path) -> list[psutil.Process]:
    """Processes that still have to do with the plane in ``directory``."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(directory) in words and process.pid != os.getpid():
            found.append(process)
    return found
