"""Database servers as sandboxed processes with keepers, as applications are; and programs that are run beside them."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import msgspec

from adapters.databases.engine import EngineFailed, Order
from adapters.databases.places import Places
from adapters.databases.ports import is_free
from adapters.runtime import sandbox as walls
from adapters.runtime.instance import InstanceRefused, InstanceSpec, InstanceState
from adapters.runtime.limits import Limits
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.running import run
from adapters.runtime.sandbox import TOOLS, Capabilities, Sandbox, SandboxUnavailable, Toolchain

START_SECONDS = 120.0
"""How long a server may take until it answers: after a crash it reads its log first."""
STOP_SECONDS = 30.0
ASK_SECONDS = 0.05
TOOL = Limits(
    wall_seconds=6 * 3600,
    cpu_seconds=None,
    memory_bytes=1 << 30,
    processes=64,
    file_bytes=1 << 42,
    output_bytes=1 << 20,
)
"""The limits of a program that reads or writes a whole database."""
MOST_RESTARTS = 1
"""So often a server may end before it answers."""
LONGEST_WORDS = 2000
DOWN = frozenset({InstanceState.LOST, InstanceState.STOPPED})


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is started: ``command`` is for ``sh -c``, in its own directory, where ``files`` are put before."""

    command: str
    toolchains: tuple[Toolchain, ...]
    environment: Mapping[str, str] = {}
    files: Mapping[str, str] = {}


class Servers:
    """The database servers of this machine. A server sees its own files, and nothing of the plane or of another one."""

    def __init__(self, places: Places, able: Capabilities | None = None) -> None:
        """Nothing is started yet."""
        self.places = places
        self._able = able

    @cached_property
    def able(self) -> Capabilities:
        """What this machine allows; blocks for a moment at first."""
        return self._able or walls.capabilities()

    @cached_property
    def runtime(self) -> ProcessRuntime:
        """Where the servers run."""
        return ProcessRuntime(self.places.servers, self.able)

    def files(self, identity: str) -> Path:
        """What a server holds."""
        return self.places.files / identity

    async def start(self, order: Order, launch: Launch, answers: Callable[[], Awaitable[bool]]) -> None:
        """Start the server at its port, and wait until it answers. Raises ``EngineFailed``."""
        if not self.able.namespaces:
            raise EngineFailed(f"This machine allows no namespaces, so no database can run on it: {self.able.problem}")
        if not await self.runs(order):
            if not is_free(order.port):
                raise EngineFailed(f"Port {order.port} is in use by another program of this machine. End that one.")
            await asyncio.to_thread(self._prepare, order, launch)
        try:
            instance = await self.runtime.start(self._specified(order, launch))
        except (InstanceRefused, SandboxUnavailable) as problem:
            raise EngineFailed(str(problem)) from problem
        if instance.port != order.port:
            await self.runtime.stop(order.id, STOP_SECONDS)
            raise EngineFailed(f"Port {order.port} was taken by another program of this machine. End that one.")
        await self._until(answers, order, instance.restarts + MOST_RESTARTS)

    async def runs(self, order: Order) -> bool:
        """Whether the server's process lives."""
        instance = await self.runtime.instance(order.id)
        return instance is not None and instance.state not in DOWN

    async def stop(self, order: Order) -> None:
        """End the server in good order."""
        await self.runtime.stop(order.id, STOP_SECONDS)

    async def remove(self, order: Order) -> None:
        """End the server at once, and delete all that it holds."""
        await self.runtime.remove(order.id)
        await asyncio.to_thread(walls.remove_tree, self.files(order.id))

    async def tool(
        self, command: Sequence[str], place: Path, toolchains: tuple[Toolchain, ...], environment: Mapping[str, str]
    ) -> None:
        """Run a program to its end, with ``place`` as the directory that it sees. Raises ``EngineFailed``."""
        said = bytearray()

        async def listen(piece: bytes) -> None:
            said.extend(piece)
            del said[:-LONGEST_WORDS]

        scratch = place.with_name(f"{place.name}.scratch")
        await asyncio.to_thread(scratch.mkdir, exist_ok=True)
        try:
            sandbox = Sandbox(workspace=place, scratch=scratch, toolchains=toolchains, environment=environment)
            finished = await run(list(command), sandbox, TOOL, listen, able=self.able)
        except SandboxUnavailable as problem:
            raise EngineFailed(str(problem)) from problem
        finally:
            await asyncio.to_thread(walls.remove_tree, scratch)
        if not finished.succeeded:
            words = said.decode(errors="replace").strip() or f"it ended with {finished.exit_code}, {finished.reason}"
            raise EngineFailed(f"{Path(command[0]).name} failed: {words}")

    def workplace(self, name: str) -> Path:
        """An empty directory for a tool, below the plane's own; its owner removes it."""
        place = self.places.work / name
        walls.remove_tree(place)
        place.mkdir(mode=0o700, parents=True)
        walls.hand_over(place, self.able)
        return place

    def _prepare(self, order: Order, launch: Launch) -> None:
        home = self.files(order.id)
        if order.existed and not home.exists():
            raise EngineFailed(f"The files of the database are not at {home} any more. Put them back, or delete it.")
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in launch.files.items():
            (home / name).unlink(missing_ok=True)
            with (home / name).open("x") as file:  # and never through a link that the server left there
                file.write(content)
            _hand_over_one(home / name, self.able)
        _hand_over_one(home, self.able)

    def _specified(self, order: Order, launch: Launch) -> InstanceSpec:
        return InstanceSpec(
            instance_id=order.id,
            release_id=order.id,
            tenant_id="",
            environment_id=order.id,
            artifact=self.files(order.id),
            own=True,
            start_command=launch.command,
            port=order.port,
            environment=launch.environment,
            toolchains=launch.toolchains,
            limits=Limits(
                wall_seconds=None,
                cpu_seconds=None,
                memory_bytes=order.memory_mb << 20,
                processes=512,
                file_bytes=1 << 42,
                output_bytes=None,
            ),
        )

    async def _until(self, answers: Callable[[], Awaitable[bool]], order: Order, restarts: int) -> None:
        """Wait until it answers; one that ends again and again, or never answers, is stopped."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while await self._may_answer(order, restarts):
                    if await answers():
                        return
                    await asyncio.sleep(ASK_SECONDS)
        except TimeoutError:
            pass
        words = self._last_words(order)
        await self.runtime.stop(order.id, STOP_SECONDS)
        raise EngineFailed(f"The server does not start: {words}")

    async def _may_answer(self, order: Order, restarts: int) -> bool:
        instance = await self.runtime.instance(order.id)
        return instance is not None and instance.state not in DOWN and instance.restarts <= restarts

    def _last_words(self, order: Order) -> str:
        with suppress(OSError):
            return " / ".join(line.text for line in self.runtime.spool(order.id).tail(4))[-LONGEST_WORDS:]
        return "it said nothing."


def program(toolchain: Toolchain, name: str) -> str:
    """A program of a toolchain, as a sandbox sees it."""
    place = str(toolchain.directory) if toolchain.shared else f"{TOOLS}/{toolchain.name}-{toolchain.version}"
    return str(Path(place, toolchain.programs, name))


def lend(file: Path, place: Path) -> None:
    """Let a backup's file appear at ``place`` as well, for as long as a program reads it."""
    try:
        place.hardlink_to(file)
    except OSError:  # another file system
        shutil.copyfile(file, place)
        shutil.copystat(file, place)
        found = file.stat()
        os.chown(place, found.st_uid, found.st_gid)


def _hand_over_one(path: Path, able: Capabilities) -> None:
    """Give one path, not all below it, to the user that sandboxed commands run as."""
    if able.user is not None:
        os.lchown(path, able.user, able.user)
