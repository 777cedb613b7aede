"""A plane in one process: the real application over a real database, served on a loopback port, with a projector."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx
from argon2 import PasswordHasher
from litestar import Litestar

from adapters.bell import Bells
from adapters.callers import Callers
from adapters.database import PROJECTED
from adapters.databases.measuring import Measurements
from adapters.http.application import create_app
from adapters.http.parts import Health, Parts
from adapters.http.passwords import Passwords
from adapters.http.throttle import Throttle
from adapters.linestore import Line, LineStore
from adapters.linewriting import LineWriters
from adapters.lockout import Lockout, Tries
from adapters.notifications.deliveries import Deliveries
from adapters.operations import Operations
from adapters.reading import Progress
from adapters.runtime.measurements import InstanceMeasurements
from adapters.settings import Address, Settings
from adapters.uses import Uses
from commands.account import AppointOperator
from commands.command import Command
from commands.handling import Caused
from commands.workspace import CreateWorkspace
from domain.history import Actor, Context
from domain.identifiers import AccountId, CausationId, RequestId, TenantId, uuid7
from services.api import listening, served
from services.ports import kept_port
from services.projector import Projector
from services.wiring import Core, core

T = TypeVar("T")
PASSWORD = "correct horse battery staple"
_numbers = count(1)


class Plane:
    """The running plane; its loop lives in a thread of its own, so that tests may block."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = f"http://{settings.http}"
        self.health: list[Health] = [Health(name="database", state="ok")]
        self.core: Core
        self.parts: Parts
        self.app: Litestar
        self._clients: list[httpx.Client] = []
        self.progress: Progress
        self.writers: LineWriters
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def call(self, work: Coroutine[Any, Any, T], timeout: float = 15) -> T:
        """Run ``work`` in the plane's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    @contextmanager
    def meanwhile(self, work: Coroutine[Any, Any, object]) -> Iterator[None]:
        """``work`` goes on in the plane's loop for the length of the block."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            yield
        finally:
            future.cancel()
            with suppress(CancelledError):
                future.result(15)

    def do(self, tenant: str, *commands: Command) -> Caused:
        """Handle commands as the system does, and wait until what they caused can be read; the last one's facts."""
        return self.call(self._do(TenantId(tenant), commands))

    async def _do(self, tenant: TenantId, commands: Sequence[Command]) -> Caused:
        for command in commands:
            caused = await self.core.handler.handle(command, self.context(tenant))
        assert await self.progress.passed(caused.position, 10)
        return caused

    def context(self, tenant: TenantId) -> Context:
        """The circumstances of what the system does by itself."""
        return Context(
            tenant_id=tenant,
            actor=Actor(name="executor"),
            correlation_id=RequestId(uuid7()),
            causation_id=CausationId(uuid7()),
            at=datetime.now(UTC),
        )

    def client(self, **options: Any) -> httpx.Client:
        """A client that knows nobody yet; it is closed with the test."""
        client = httpx.Client(base_url=self.url, timeout=15, trust_env=False, **options)
        self._clients.append(client)
        return client

    def operators_caller(self) -> "Caller":
        """An operator."""
        caller = Caller(self)
        account = AccountId(caller.browser.get("/auth/me").json()["id"])
        self.do(caller.tenant, AppointOperator(account_id=account))
        return caller

    def operator(self) -> httpx.Client:
        """A client of an operator's, who is signed in."""
        return self.operators_caller().browser

    def wait(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it does not come true"
            time.sleep(0.01)

    @contextmanager
    def clients_kept(self) -> Iterator[None]:
        """Clients that are made within the block live as long as it lasts."""
        before, self._clients = self._clients, []
        try:
            yield
        finally:
            self.close_clients()
            self._clients = before

    def close_clients(self) -> None:
        """Close every client that was made so far."""
        while self._clients:
            self._clients.pop().close()

    async def run(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        bells = Bells()
        async with AsyncExitStack() as stack:
            self.core = await stack.enter_async_context(core(self.settings))
            self.progress = await stack.enter_async_context(Progress.open(self.core.database))
            store = LineStore(self.core.database)
            self.writers = await stack.enter_async_context(LineWriters.start(store, bells.ring))
            listener = stack.enter_context(listening(self.settings.http))
            self.parts = Parts(
                log=self.core.log,
                handler=self.core.handler,
                numbers=self.core.numbers,
                vault=self.core.vault,
                reader=self.core.reader,
                within=self.core.reader.within,
                callers=Callers(self.core.reader, self.core.database, self.progress),
                progress=self.progress,
                told=lambda: self.core.database.news(PROJECTED),
                lines=store,
                doorbell=bells.listening,
                operations=Operations(self.core.database),
                instances=InstanceMeasurements(self.core.database),
                measurements=Measurements(self.core.database),
                deliveries=Deliveries(self.core.database),
                uses=await stack.enter_async_context(Uses.open(self.core.database)),
                quotas=self.core.quotas,
                lockout=Lockout(self.core.database, Tries(address=10_000)),
                clock=self.core.clock,
                settings=self.settings,
                probe=self._probe,
                passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=1024)),
                attempts_by_address=Throttle(limit=10_000, period=300),
            )
            self.app = create_app(self.parts)
            tasks = [
                asyncio.create_task(Projector(self.core.database, self.core.log).run()),
                asyncio.create_task(served(self.app, listener, started.set)),
            ]
            waiting = asyncio.create_task(self._stop.wait())
            await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, waiting):
                task.cancel()
            await asyncio.wait({*tasks, waiting})

    async def _probe(self) -> Sequence[Health]:
        return self.health

    def stop(self) -> None:
        """End it."""
        with suppress(RuntimeError, AttributeError):
            self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def running(database_url: str, directory: Path, **settings: Any) -> Iterator[Plane]:
    """A plane for the length of the block."""
    port = kept_port(directory / "port")
    plane = Plane(Settings(data_dir=directory, database_url=database_url, http=Address("127.0.0.1", port), **settings))
    started = threading.Event()
    with ThreadPoolExecutor(1, "plane") as threads:
        ended = threads.submit(lambda: asyncio.run(plane.run(started)))
        try:
            while not started.wait(0.1):
                assert not ended.done(), ended.result()
            first = TenantId(uuid7())  # read models that are new take a moment to begin
            plane.do(first, CreateWorkspace(tenant_id=first, name="The first", owner=AccountId(uuid7())))
            yield plane
        finally:
            plane.stop()
            ended.result(30)


class Caller:
    """Somebody with an account, a workspace and a token."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.email = f"user{next(_numbers)}@example.com"
        self.browser = plane.client(headers={"Sec-Fetch-Site": "same-origin"})
        answer = self.browser.post("/auth/register", json={"email": self.email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.tenant = answer.json()["memberships"][0]["tenantId"]
        self.token = self.make_token()
        self.http = plane.client(headers={"Authorization": f"Bearer {self.token}"})
        self.base = f"/tenants/{self.tenant}"

    def make_token(self, **fields: Any) -> str:
        """One more token."""
        answer = self.browser.post("/account/api-tokens", json={"name": "test", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def with_scope(self, scope: str) -> httpx.Client:
        """A client whose token may only do so much."""
        return self.plane.client(headers={"Authorization": f"Bearer {self.make_token(scope=scope)}"})

    def post(self, path: str, body: object = None, status: int = 201, **options: Any) -> Any:
        """Post to a path of the workspace; the answer's JSON."""
        answer = self.http.post(self.base + path, json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def patch(self, path: str, body: object, status: int = 200, **options: Any) -> Any:
        """Patch a path of the workspace; the answer's JSON."""
        answer = self.http.patch(self.base + path, json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """Get a path of the workspace; the answer's JSON."""
        answer = self.http.get(self.base + path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def connection(self) -> str:
        """A repository connection's id."""
        body = {"url": f"https://example.com/insider/repo{next(_numbers)}.git"}
        return str(self.post("/repository-connections", body)["id"])

    def project(self, name: str | None = None, **fields: Any) -> Any:
        """A project, with its production environment."""
        body = {"name": name or f"Shop {next(_numbers)}", "type": "static", "repositoryConnectionId": self.connection()}
        return self.post("/projects", {**body, **fields})

    def deployment(self, project: Any = None, **fields: Any) -> Any:
        """A queued deployment of a project's production."""
        project = project or self.project()
        place = project["environments"][0]["id"]
        return self.post(f"/projects/{project['id']}/environments/{place}/deployments", fields or None)


def lines_of(answer: Any) -> list[Line]:
    """The lines in an answer of a log's history."""
    return [Line(seq=one["seq"], at=one["at"], stream=one["stream"], text=one["text"]) for one in answer["items"]]
