"""What runs: configured, restarted, stopped and started while it is asked; and each request is in the access log."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import psutil
import pytest

from adapters.edge.lookup import Lookup
from adapters.settings import Settings
from tests.system.planes import App, Plane, until
from tests.system.repositories import repository

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(180)]

SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = (sys.argv[1] + " " + os.environ["PORT"]).encode()
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *_): pass

server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
print("listening", sys.argv[1], flush=True)
server.serve_forever()
"""


CLIENTS, KILLS = 4, 6


class Load:
    """Clients that ask all the time and try nothing twice; what they were answered."""

    def __init__(self, plane: Plane, host: str) -> None:
        self.statuses: list[int | str] = []
        self.bodies: set[str] = set()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(plane, host)) for _ in range(CLIENTS)]

    def _ask(self, plane: Plane, host: str) -> None:
        with httpx.Client(base_url=f"http://{plane.edge}", headers={"Host": host}, trust_env=False) as client:
            while not self._over.wait(0.005):
                try:
                    answer = client.get("/", timeout=10)
                    self.statuses.append(answer.status_code)
                    self.bodies.add(answer.text)
                except httpx.HTTPError as problem:
                    self.statuses.append(repr(problem))

    @contextmanager
    def going(self) -> Iterator["Load"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()


def application_at(port: int) -> int | None:
    """The pid of the server that listens there."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[:2] == ["python3", "app.py"]:
            with suppress(psutil.Error):
                if process.environ().get("PORT") == str(port):
                    return int(process.pid)
    return None


def place(app: App, action: str) -> str:
    return f"/projects/{app.id}/environments/{app.environment}/{action}"


def types(plane: Plane, *words: str) -> str:
    """What ``shipbook runtime`` says."""
    command = [sys.executable, "-m", "services", "runtime", *words, "-p", "runs", "--data-dir", str(plane.directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def settled(app: App, **wanted: Any) -> dict[str, Any]:
    """The runtime once nothing is under way and it is as it is wanted."""

    def look() -> dict[str, Any] | None:
        found = app.runtime()
        done = found["activation"] is None and all(found[name] == value for name, value in wanted.items())
        return found if done else None

    return until(look, 30, f"the runtime is never {wanted}: {app.runtime()}")


def configure(app: App, **changes: Any) -> None:
    app.api.send("PATCH", f"/projects/{app.id}/runtime-config", changes)


def requests_of(app: App, **query: Any) -> list[dict[str, Any]]:
    return list(app.api.send("GET", place(app, "access-logs"), params=query)["items"])


def each_instance_is_named_in_the_log(app: App) -> None:
    printed = app.api.send("GET", f"/releases/{app.active()}/runtime-logs")["items"]
    assert [line["seq"] for line in printed] == [*range(1, len(printed) + 1)]
    began = [(line["text"], line["source"]) for line in printed if line["text"].startswith("listening")]
    assert {text for text, _ in began} == {f"listening {name}" for name in ("one", "two", "broken", "three")}
    assert len({source for text, source in began if text == "listening two"}) == 3
    assert len({source for text, source in began if text == "listening three"}) == 2, "a start has instances of its own"


def is_taken_out(plane: Plane, app: App, port: int) -> bool:
    """Whether the edge sends nothing to an instance a second after its end.

    It is started again before that, unless it has ended so often that it has to wait.
    """
    lookup = Lookup(Settings(data_dir=plane.directory).instances_socket)

    def named() -> bool:
        return port in {one for _, one in asyncio.run(lookup.upstreams(app.host)) or ()}

    for _ in range(KILLS):
        os.kill(until(lambda: application_at(port)), signal.SIGKILL)
        deadline = monotonic() + 1
        while monotonic() < deadline:
            if not named():
                until(named, 20, "it is not started again")
                return True
    return False


def test_a_server_is_configured_restarted_stopped_and_started_without_a_build_or_a_lost_request(
    plane: Plane, tmp_path: Path
) -> None:
    directory = repository(tmp_path / "runs", {"app.py": SERVER})
    app = plane.api.project(directory, "python", "runs", startCommand="exec python3 app.py one")
    app.deploy()
    app.shows("one")

    with Load(plane, app.host).going() as load:
        configure(app, startCommand="exec python3 app.py two", instances=3)
        app.shows("two")
        live = settled(app, status="live")
        assert (live["activations"], live["runtimeConfig"]["instances"], live["lastError"]) == (2, 3, None)

        configure(app, startCommand="exec python3 app.py broken", healthCheckPath="/missing", healthTimeoutSeconds=1)
        until(lambda: app.runtime()["lastError"], 30, "the configuration that cannot work does not fail")
        kept = settled(app, status="live")
        assert "two" in kept["runtimeConfig"]["startCommand"]

        ports = {one["port"] for one in kept["instances"] if one["serving"]}
        until(lambda: {int(text.split()[1]) for text in load.bodies if text.startswith("two")} == ports, 20)
        assert set(load.statuses) == {200}
        assert is_taken_out(plane, app, kept["instances"][0]["port"])
        assert load.statuses.count(502) <= CLIENTS * KILLS, "more requests failed than were under way"
        load.statuses.clear()
        configure(app, startCommand="exec python3 app.py three", healthCheckPath="/", instances=1)
        app.shows("three")
    assert set(load.statuses) == {200}

    measured = until(
        lambda: [one for one in settled(app)["instances"] if one["serving"] and one["cpus"] is not None], 20
    )
    assert measured[0]["memoryBytes"] > 1 << 20
    shown = httpx.get(f"http://{plane.http}/metrics", timeout=10).text
    assert f'shipbook_instance_memory_bytes{{environment="{app.environment}"' in shown

    types(plane, "stop", "--reason", "nobody comes")
    until(lambda: plane.page(app.host).status_code == 503, 10, "it is not stopped")
    assert "is stopped" in plane.page(app.host, "/any?token=hidden").text
    until(lambda: not app.runtime()["instances"], 20, "an instance is left")
    assert app.runtime()["status"] == "stopped"
    assert "live" in types(plane, "start")
    app.shows("three")
    assert settled(app, status="live")["activations"] == 6

    each_instance_is_named_in_the_log(app)
    plane.kill("edge")
    assert plane.page(app.host, "/missing?secret=hidden").status_code == 404
    until(lambda: [one for one in requests_of(app) if one["path"] == "/missing" and one["status"] == 404], 30)
    everything = []
    while page := requests_of(app, all="true", after=everything[-1]["seq"] if everything else 0):
        everything += page
    assert [one["seq"] for one in everything] == [*range(1, len(everything) + 1)]
    notable = requests_of(app)
    assert {one["status"] for one in notable} == {404, 503}
    assert [one for one in everything if one["status"] >= 400] == notable
    assert len([one for one in everything if one["path"] == "/" and one["status"] == 200]) > len(load.statuses)
    assert "hidden" not in str(everything)
