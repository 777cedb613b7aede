"""Managed databases as an executor keeps them, with a real server behind the API."""

import socket
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import psutil
import pytest
from valkey import Valkey
from valkey.exceptions import ValkeyError

from adapters.databases.measuring import Measurements
from adapters.runtime.sandbox import capabilities
from commands.attaching import PASSWORD_VERSION
from commands.backup import StartBackup
from domain.identifiers import BackupId
from services.backing_up import BackingUp
from services.database_grounds import Grounds
from services.databases import Databases
from tests.dialects.plane import Caller, Plane
from tests.dialects.test_native_databases import environment

pytestmark = pytest.mark.xdist_group("databases")


@pytest.fixture(scope="module")
def grounds(plane: Plane) -> Iterator[Grounds]:
    """What an executor's databases stand on; no server is left."""
    grounds = Grounds.of(plane.core, capabilities())
    yield grounds

    async def clear() -> None:
        for instance in await grounds.servers.runtime.instances():
            await grounds.servers.runtime.remove(instance.instance_id)

    plane.call(clear())


@pytest.fixture
def office(plane: Plane, grounds: Grounds) -> Databases:
    """An executor's office for databases, which is not at work yet."""
    return Databases(grounds, BackingUp(grounds), Measurements(plane.core.database))


def client(caller: Caller, database: Any) -> Valkey:
    """As an application would come in."""
    password = caller.plane.call(caller.plane.core.vault.open(caller.tenant, database["id"], PASSWORD_VERSION))
    return Valkey(port=database["connection"]["port"], password=password.reveal)


def kept(caller: Caller, path: str, holds: Callable[[Any], bool]) -> Any:
    """What stands at a path, once something holds of it."""
    seen: list[Any] = []

    def look() -> bool:
        seen.append(caller.get(path))
        return holds(seen[-1])

    caller.plane.wait(look, 20)
    return seen[-1]


def test_a_database_lives_through_the_api(insider: Caller, plane: Plane, office: Databases) -> None:
    path = f"/databases/{insider.post('/databases', {'name': 'cache', 'engine': 'redis', 'memoryMb': 128})['id']}"
    with plane.meanwhile(office.run()):
        database = kept(insider, path, lambda one: one["health"]["state"] == "healthy")
        assert (database["status"], database["sizeBytes"] > 0) == ("running", True)
        with client(insider, database) as visitor:
            visitor.set("drink", "coffee")

        backup = insider.post(f"{path}/backups", {"verify": True})
        at = f"{path}/backups/{backup['id']}"
        verified = kept(insider, at, lambda one: one["status"] == "verified")
        assert verified["found"] == "1 key"
        file = insider.http.get(f"{insider.base}{at}/download")
        assert sha256(file.content).hexdigest() == verified["sha256"]
        assert file.headers["content-length"] == str(verified["sizeBytes"])
        assert "downloaded" in insider.get("/audit")["items"][0]["message"]

        with client(insider, database) as visitor:
            visitor.flushall()
        insider.post(f"{at}/restore", status=202)
        kept(insider, path, lambda one: one["restore"]["status"] == "done")
        with client(insider, database) as visitor:
            assert visitor.get("drink") == b"coffee"

        insider.post(f"{path}/stop", status=202)
        kept(insider, path, lambda one: one["status"] == "stopped")
        insider.post(f"{path}/start", status=202)
        again = kept(insider, path, lambda one: one["status"] == "running")
        assert again["connection"] == database["connection"]
        with client(insider, again) as visitor:
            assert visitor.get("drink") == b"coffee"

        insider.http.delete(f"{insider.base}{path}?confirm=cache&keepBackup=true")
        plane.wait(lambda: insider.http.get(insider.base + path).status_code == 404, 20)
        [last] = insider.get("/backups")["items"]
        assert (last["origin"], last["status"]) == ("last", "done")
    assert plane.call(office.grounds.servers.runtime.instance(database["id"])) is None


def test_what_was_cut_off_is_taken_up_again(insider: Caller, plane: Plane, office: Databases) -> None:
    path = f"/databases/{insider.post('/databases', {'name': 'cache', 'engine': 'redis', 'memoryMb': 128})['id']}"
    with plane.meanwhile(office.run()):
        database = kept(insider, path, lambda one: one["status"] == "running")
    backup = insider.post(f"{path}/backups")
    plane.do(insider.tenant, StartBackup(backup_id=BackupId(backup["id"])))  # and the executor is killed
    instance = plane.call(office.grounds.servers.runtime.instance(database["id"]))
    assert instance is not None
    assert instance.pid is not None
    keeper = psutil.Process(instance.pid).parents()[1]
    assert any("keeper" in word for word in keeper.cmdline())
    keeper.kill()  # and with it the server, as when the machine starts anew

    with plane.meanwhile(office.run()):
        failed = kept(insider, f"{path}/backups/{backup['id']}", lambda one: one["status"] == "failed")
        assert "cut off" in failed["error"]
        assert (failed["sizeBytes"], failed["sha256"]) == (None, None)
        kept(insider, path, lambda one: one["status"] == "running")
        with client(insider, database) as visitor:
            plane.wait(lambda: answers(visitor))


def answers(visitor: Valkey) -> bool:
    """Whether the server is there."""
    try:
        return bool(visitor.ping())
    except (OSError, ValkeyError):
        return False


def test_a_database_that_cannot_run_says_why_and_runs_later(insider: Caller, plane: Plane, office: Databases) -> None:
    made = insider.post("/databases", {"name": "stock", "engine": "redis", "memoryMb": 128})
    path = f"/databases/{made['id']}"
    _, place = environment(insider)
    with plane.meanwhile(office.run()):
        database = kept(insider, path, lambda one: one["status"] == "running")
        insider.post(f"{path}/attach", {"environmentId": place}, status=200)
        insider.post(f"{path}/stop", status=202)
        kept(insider, path, lambda one: one["status"] == "stopped")
        with socket.create_server(("127.0.0.1", database["connection"]["port"])):
            insider.post(f"{path}/start", status=202)
            failed = kept(insider, path, lambda one: one["status"] == "failed")
            assert str(database["connection"]["port"]) in failed["error"]
        insider.post(f"{path}/start", status=202)
        kept(insider, path, lambda one: one["status"] == "running")
