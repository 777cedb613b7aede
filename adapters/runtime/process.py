"""The runtime ``process``: applications as sandboxed processes of this machine, each with a keeper of its own.

A keeper and its application live on when the executor dies, and are found again by the files in the instance's
directory: ``state.json`` (written by the keeper), ``spool/`` (what the application printed), ``writes/`` (what it wrote
over its read-only artifact).
"""

import asyncio
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from adapters.runtime import limits as limiting
from adapters.runtime import sandbox as walls
from adapters.runtime.health import USUAL_PATH, Health, drained, healthy
from adapters.runtime.identity import alive, pid_of
from adapters.runtime.instance import Instance, InstanceRefused, InstanceSpec, InstanceState
from adapters.runtime.keeper import Orders
from adapters.runtime.limits import ControlGroup
from adapters.runtime.running import interpreter, readable
from adapters.runtime.sandbox import Capabilities, Sandbox
from adapters.runtime.spool import Spool
from adapters.runtime.usage import Usage, usage_of

HOST = "127.0.0.1"
BACKOFF = (0.2, 30.0, 60.0)
"""Seconds before the first new start, the most, and after how long a run counts as stable."""
PATIENCE_SECONDS = 30.0
"""How long another start on this machine may hold us up, and how long a keeper may take to detach."""
END_SECONDS = 5.0
LIFE = "life"
"""The file that tells one life of an instance from the next."""


class ProcessRuntime:
    """The applications whose files are in ``directory``; several executors may share one."""

    def __init__(
        self, directory: Path, able: Capabilities | None = None, backoff: tuple[float, float, float] = BACKOFF
    ) -> None:
        """Nothing is started, and nothing that runs is touched; removals that were cut off are finished."""
        self._directory = directory.absolute()
        self._directory.mkdir(parents=True, exist_ok=True)
        for left in self._directory.glob("going-*"):
            walls.remove_tree(left)
        self._able = able or walls.capabilities()
        self._backoff = backoff

    async def start(self, spec: InstanceSpec) -> Instance:
        """Start the instance and answer how it stands. One that runs already is left as it is; a lost or stopped
        one is started again, at the same port if that is free.

        Raises:
            InstanceRefused: No port is free, or its keeper could not start.
            SandboxUnavailable: The sandbox cannot be made here.
        """
        async with self._alone():
            found = self._find(spec.instance_id)
            if found is not None and found.state not in (InstanceState.LOST, InstanceState.STOPPED):
                return found
            await self._end_tree(spec.instance_id)
            port = self._choose_port(spec.port, found.port if found else None)
            group = limiting.make(_group_name(spec.instance_id), spec.limits)
            orders = await self._orders(spec, port, group)
            await _start_keeper(orders)
        started = self._find(spec.instance_id)
        if started is None:
            raise InstanceRefused("The application's keeper ended at once; its directory holds keeper.log.")
        return started

    async def stop(self, instance_id: str, grace_seconds: float = 10) -> None:
        """End the application: SIGTERM, and after the grace the whole tree at once. What it printed stays readable
        until ``remove``. An instance that has ended is no error."""
        keeper = self._state(instance_id).get("keeper")
        if keeper and alive(keeper):
            await _end(keeper, signal.SIGTERM, grace_seconds)
        await self._end_tree(instance_id)
        group = limiting.group(_group_name(instance_id))
        if group:
            await group.dissolve()
        self._note_end(instance_id)

    async def remove(self, instance_id: str) -> None:
        """Stop the instance at once if it still runs, and delete everything of it."""
        await self.stop(instance_id, 0)
        await asyncio.to_thread(self._forget, instance_id)

    async def instances(self, prefix: str = "") -> list[Instance]:
        """Every instance that has not been removed, as it stands; or those whose id begins with ``prefix``."""
        paths = sorted(self._directory.glob(f"{prefix}*"))
        found = [self._find(path.name) for path in paths if _holds_instance(path)]
        return [instance for instance in found if instance]

    async def instance(self, instance_id: str) -> Instance | None:
        """One instance as it stands; None when there is none."""
        return self._find(instance_id)

    def usage(self, instance: Instance) -> Usage | None:
        """What the instance uses; None while it does not run."""
        if instance.pid is None:
            return None
        return usage_of(limiting.group(_group_name(instance.instance_id)), instance.pid)

    def life(self, instance_id: str) -> str:
        """A name for the instance's time until it is removed: one that is made again has another spool."""
        return f"{instance_id}.{(self._place(instance_id) / LIFE).read_text()}"

    def spool(self, instance_id: str) -> Spool:
        """What the instance prints."""
        return Spool(self._place(instance_id) / "spool")

    async def healthy(
        self, instance: Instance, path: str = USUAL_PATH, timeout: float = 60, interval: float = 0.1
    ) -> Health:
        """Wait until the instance answers well; see ``health.healthy``."""
        return await healthy(instance, lambda: self.instance(instance.instance_id), path, timeout, interval)

    async def drained(self, instance: Instance, timeout: float) -> bool:
        """Wait until nobody is connected to the instance; False when ``timeout`` seconds pass first."""
        return await drained(instance.port, timeout)

    def _forget(self, instance_id: str) -> None:
        """Take the instance out of sight before its files go."""
        going = self._directory / f"going-{uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            self._place(instance_id).rename(going)
            walls.remove_tree(going)

    def _place(self, instance_id: str) -> Path:
        if not instance_id or set(instance_id) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
            raise ValueError(f"{instance_id!r} is no instance id: lower-case letters, digits and hyphens only.")
        return self._directory / instance_id

    def _state(self, instance_id: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self._place(instance_id) / "state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return content

    def _find(self, instance_id: str) -> Instance | None:
        state = self._state(instance_id)
        if state and not alive(state["keeper"]):
            state = self._state(instance_id)  # it may have written its last word between our two looks
        if not state:
            return None
        runs = alive(state.pop("keeper"))
        application = state.pop("application")
        told = InstanceState(state.pop("state"))
        lost = not runs and told is not InstanceState.STOPPED
        pid = pid_of(application) if alive(application) else None
        return Instance(**state, state=InstanceState.LOST if lost else told, pid=pid)

    async def _orders(self, spec: InstanceSpec, port: int, group: ControlGroup | None) -> Orders:
        place = self._place(spec.instance_id)
        if not place.is_dir():
            _begin_life(place)
        direct = spec.own or self._able.overlay
        sandbox = Sandbox(
            workspace=spec.artifact
            if direct
            else await asyncio.to_thread(_copy, spec.artifact, place / "app", self._able),
            scratch=place / "scratch",
            writes=place / "writes" if self._able.overlay and not spec.own else None,
            toolchains=spec.toolchains,
            programs=spec.programs,
            directory=spec.directory,
            environment={"PYTHONUNBUFFERED": "1", **spec.environment, "PORT": str(port), "HOST": HOST},
        )
        facts = {name: getattr(spec, name) for name in ("instance_id", "release_id", "tenant_id", "environment_id")}
        return Orders(
            plan=walls.plan(["/bin/sh", "-c", spec.start_command], sandbox, spec.limits, group, self._able),
            directory=str(place),
            facts=facts | {"host": HOST, "port": port},
            secrets=list(spec.environment.values()),
            oom_counter=str(group.oom_counter) if group else None,
            backoff=list(self._backoff),
        )

    def _choose_port(self, wanted: int | None, former: int | None) -> int:
        others = [self._state(path.name) for path in self._directory.iterdir() if _holds_instance(path)]
        taken = {state.get("port") for state in others if state.get("state") != InstanceState.STOPPED} - {former}
        if wanted is not None and wanted not in taken and _free(wanted):
            return wanted
        if former and _free(former):
            return former
        ports = [port for port in range(*_range()) if port not in taken]
        for port in random.sample(ports, len(ports)):
            if _free(port):
                return port
        raise InstanceRefused("This machine has no free port left for another application.")

    async def _end_tree(self, instance_id: str) -> None:
        """Make sure that nothing of an earlier run is left."""
        state = self._state(instance_id)
        # A supervisor kills its tree before it ends; behind walls the tree ends by the kernel's hand.
        ending = signal.SIGKILL if self._able.namespaces else signal.SIGTERM
        for name, number in ((state.get("keeper"), signal.SIGKILL), (state.get("application"), ending)):
            if name and alive(name):
                await _end(name, number, END_SECONDS)

    def _note_end(self, instance_id: str) -> None:
        """Write the last word of a keeper that was killed, or its instance would seem lost for ever."""
        state = self._state(instance_id)
        if state and state["state"] != InstanceState.STOPPED and not alive(state["keeper"]):
            passing = self._place(instance_id) / "state.ended"
            with contextlib.suppress(FileNotFoundError):  # somebody removes it meanwhile
                passing.write_text(json.dumps(state | {"state": InstanceState.STOPPED, "application": None}))
                passing.replace(self._place(instance_id) / "state.json")

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One start at a time on this machine: no two may choose the same port or start the same instance."""
        lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise InstanceRefused("Another start on this machine does not come to an end.") from None
                    await asyncio.sleep(0.01)
            yield
        finally:
            os.close(lock)


def _holds_instance(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(("going-", "passing-"))


def _begin_life(place: Path) -> None:
    """Make an instance's directory, whole or not at all."""
    growing = place.with_name(f"passing-{place.name}")
    growing.mkdir(exist_ok=True)
    (growing / LIFE).write_text(uuid4().hex[:12])
    growing.rename(place)


async def _start_keeper(orders: Orders) -> None:
    starter = await asyncio.create_subprocess_exec(
        *interpreter("keeper", orders["directory"]),  # the argument is for people who list processes
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, problem = await starter.communicate(json.dumps(orders).encode())
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            starter.kill()
        await starter.wait()
        raise
    if starter.returncode:
        raise InstanceRefused(problem.decode(errors="replace").strip())


async def _end(name: str, number: int, seconds: float) -> None:
    """Send a signal to the process of that name, wait until it has ended, and kill it when ``seconds`` pass first."""
    try:
        process = os.pidfd_open(pid_of(name))
    except ProcessLookupError:
        return
    try:
        for each, patience in ((number, seconds), (signal.SIGKILL, END_SECONDS)):
            if not alive(name):
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, each)
            if await readable(process, patience):
                return
    finally:
        os.close(process)


def _copy(artifact: Path, place: Path, able: Capabilities) -> Path:
    """Where the kernel has no overlay, the application gets a copy that it may write to."""
    if not place.exists():
        passing = place.with_name("app.passing")
        walls.remove_tree(passing)
        shutil.copytree(artifact, passing, symlinks=True)
        walls.hand_over(passing, able)
        passing.rename(place)
    return place


def _group_name(instance_id: str) -> str:
    return f"app-{instance_id}"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def _range() -> tuple[int, int]:
    """Ports that the kernel gives to no outgoing connection, so that one stays free while its application restarts."""
    first, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return (max(first - 12_000, 1024), first) if first > 4096 else (first, 65_536)
