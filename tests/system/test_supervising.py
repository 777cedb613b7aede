"""Whoever dies is started again, nobody is left behind, and a start that cannot succeed says why."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import nats
import psycopg
import pytest

from adapters.settings import Settings
from services.embedded import database_url, nats_url
from services.logfiles import RotatingFile
from services.parts import Part, PartFile, State, read_parts
from services.plane import OWN, programs
from services.ports import kept_port
from services.preflight import claimed
from services.programs import CannotStart, launched
from services.supervising import FIRST_PAUSE, HEALTHY_SECONDS, LONGEST_PAUSE, following_pause

ROOT = Path(__file__).parents[2]
SERVERS = ("postgres", "nats", "caddy")


def eventually(happens: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Wait until ``happens`` is true; an AssertionError says ``what`` did not happen."""
    deadline = monotonic() + seconds
    while not happens():
        assert monotonic() < deadline, f"not within {seconds} s: {what}"
        sleep(0.02)


@dataclass
class Plane:
    """A supervisor in a process of its own, on its own ports."""

    settings: Settings
    identity: int | None = None
    process: subprocess.Popen[str] | None = None

    def start(self, *names: str) -> "subprocess.Popen[str]":
        settings = self.settings
        argv = (sys.executable, "-m", "tests.system.supervised", str(settings.data_dir), str(settings.http))
        self.process = subprocess.Popen(
            launched((*argv, str(settings.edge), *names), signal.SIGKILL, self.identity),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self.process

    def start_ready(self, *names: str) -> "subprocess.Popen[str]":
        process = self.start(*names)
        eventually(lambda: self.all_are(State.READY, len(names)) or process.poll() is not None, "everything is ready")
        assert process.poll() is None, process.communicate()
        return process

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()
        eventually(lambda: not self.processes(), "all processes are gone", 5)

    def all_are(self, state: State, number: int) -> bool:
        return [part.state for part in read_parts(self.settings.run_dir)] == [state] * number

    def part(self, name: str) -> Part:
        return next(part for part in read_parts(self.settings.run_dir) if part.name == name)

    def ready_again(self, name: str, restarts: int) -> bool:
        return (self.part(name).state, self.part(name).restarts) == (State.READY, restarts)

    def journal(self) -> list[str]:
        journal = self.settings.data_dir / "journal"
        return journal.read_text().splitlines() if journal.exists() else []

    def processes(self) -> set[int]:
        """Every process that has to do with the data directory: by its arguments, or because it works there."""
        return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._ours(entry)}

    def _ours(self, entry: Path) -> bool:
        wanted = os.fsencode(self.settings.data_dir)
        try:
            return wanted in (entry / "cmdline").read_bytes() or wanted in os.fsencode((entry / "cwd").readlink())
        except OSError:
            return False


def plane_at(data_dir: Path, ports: Path) -> Plane:
    addresses = {name: f"127.0.0.1:{kept_port(ports / name)}" for name in ("http", "edge")}
    return Plane(Settings.load({"data_dir": data_dir, **addresses}, {}))


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """Its directory's name is short, so that sockets lie inside."""
    with TemporaryDirectory(prefix="shipbook-") as directory:
        plane = plane_at(Path(directory) / "data", tmp_path)
        yield plane
        plane.kill()


def reachable(settings: Settings) -> None:
    """Each server does its work."""

    async def publish() -> None:
        connection = await nats.connect(nats_url(settings), connect_timeout=5)
        await connection.jetstream().account_info()
        await connection.close()

    with psycopg.connect(database_url(settings), connect_timeout=5) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("shipbook",)
    asyncio.run(publish())
    with socket.create_connection((settings.edge.host, settings.edge.port), 5) as edge:
        edge.sendall(b"GET / HTTP/1.1\r\nHost: none.localhost\r\n\r\n")
        assert edge.recv(12) == b"HTTP/1.1 404"


@pytest.mark.anyio
async def test_a_disk_without_room_neither_ends_the_supervisor_nor_hides_for_ever_what_a_part_does(
    tmp_path: Path,
) -> None:
    file = PartFile(tmp_path, 1, "api")
    obstacle = tmp_path / "01-api.new"
    obstacle.mkdir()  # stands for any reason why nothing can be written

    file.become(State.FAILED, restarts=1)
    file.become(State.READY, pid=os.getpid())
    obstacle.rmdir()

    await asyncio.to_thread(eventually, lambda: read_parts(tmp_path)[0].state is State.READY, "it is written")


def test_a_program_that_keeps_failing_pauses_longer_each_time_up_to_a_bound() -> None:
    pauses = [0.0]
    for _ in range(10):
        pauses.append(following_pause(pauses[-1], ready_seconds=1.0))

    assert pauses[1:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_part_that_is_killed_every_few_seconds_is_back_at_once_each_time() -> None:
    assert HEALTHY_SECONDS <= LONGEST_PAUSE
    assert following_pause(LONGEST_PAUSE, ready_seconds=HEALTHY_SECONDS) == FIRST_PAUSE


def test_programs_start_after_those_they_need_and_stop_in_reverse_order(plane):
    process = plane.start_ready("one", "two", "three")
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert plane.journal() == ["start one", "start two", "start three", "stop three", "stop two", "stop one"]
    assert out.splitlines()[-1] == "everything is ready"
    assert plane.all_are(State.STOPPED, 3)


def test_ctrl_c_in_a_terminal_reaches_only_the_supervisor(plane):
    process = plane.start_ready("one", "two")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert plane.journal() == ["start one", "start two", "stop two", "stop one"]


def test_who_does_not_stop_is_killed_after_its_grace(plane):
    process = plane.start_ready("one", "stubborn")
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert "stubborn did not stop in time and was killed" in out
    assert plane.journal()[-1] == "stop one"


def test_a_second_signal_does_not_wait(plane):
    process = plane.start_ready("one", "patient")
    os.kill(plane.part("patient").pid, signal.SIGSTOP)
    began = monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert monotonic() - began < 10


def test_a_program_that_dies_is_started_again_and_the_others_are_left_alone(plane):
    plane.start_ready("one", "two")
    unmoved = plane.part("one")
    for times in (1, 2, 3):
        os.kill(plane.part("two").pid, signal.SIGKILL)
        eventually(lambda times=times: plane.ready_again("two", times), "two is ready again")
    assert plane.part("one") == unmoved
    assert plane.journal() == ["start one"] + ["start two"] * 4


def test_a_program_that_never_becomes_ready_ends_the_start_with_its_last_words(plane):
    process = plane.start("one", "broken", "three")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "broken ended with status 3" in err
    assert "no luck" in err
    assert plane.journal() == ["start one", "stop one"]


@pytest.mark.parametrize("identity", [None, 1000], ids=["as who runs the tests", "as an ordinary user"])
def test_each_server_killed_is_reachable_again(plane, identity):
    plane.identity = identity
    plane.start_ready(*SERVERS)
    reachable(plane.settings)
    for name in SERVERS:
        os.kill(plane.part(name).pid, signal.SIGKILL)
        eventually(lambda name=name: plane.ready_again(name, 1), f"{name} is ready again", 30)
        reachable(plane.settings)


def test_a_killed_supervisor_leaves_no_process_and_its_directory_starts_again(plane):
    for _ in range(2):
        plane.start_ready(*SERVERS, "one")
        plane.kill()
    plane.start_ready(*SERVERS, "one")
    reachable(plane.settings)


def test_what_an_interrupted_first_start_left_does_not_hinder_the_next(plane):
    leftover = plane.settings.data_dir / "postgres.x.unfinished"
    plane.settings.data_dir.mkdir(mode=0o700)
    leftover.mkdir()
    (leftover / "PG_VERSION").write_text("18")
    plane.start_ready("postgres")
    assert not leftover.exists()


def test_a_stale_lock_that_names_a_living_process_does_not_hinder_postgres(plane):
    plane.start_ready("postgres")
    plane.kill()
    lock = plane.settings.postgres_dir / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{plane.settings.postgres_dir}\n")
    plane.start_ready("postgres")


def test_a_second_supervisor_is_refused_and_told_who_is_there(plane):
    first = plane.start_ready("one")
    second = Plane(plane.settings).start("one")
    _, err = second.communicate(timeout=20)
    assert second.returncode == 2
    assert f"in use by another Shipbook (process {first.pid})" in err
    assert "--data-dir" in err
    assert plane.part("one").state is State.READY


@pytest.mark.parametrize("field", ["http", "edge"])
def test_a_taken_port_is_named_with_the_option_that_changes_it(plane, field):
    address = getattr(plane.settings, field)
    with socket.create_server((address.host, address.port)):
        process = plane.start("one")
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"{address} is taken by another program" in err
    assert f"--{field}" in err
    assert plane.journal() == []


def test_a_directory_whose_name_is_too_long_for_sockets_serves_as_well_and_leaves_nothing_elsewhere(tmp_path):
    plane = plane_at(tmp_path / ("long" * 30), tmp_path)
    sockets = plane.settings.sockets_dir
    assert not sockets.is_relative_to(plane.settings.data_dir)
    process = plane.start_ready(*SERVERS)
    reachable(plane.settings)
    assert sockets.stat().st_mode & 0o777 == 0o700
    process.terminate()
    process.communicate(timeout=20)
    assert not sockets.exists()
    plane.kill()


def test_a_directory_that_is_a_link_or_a_file_is_refused(plane, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for wrong in ("file", "link"):
        _, err = plane_at(tmp_path / wrong, tmp_path).start("one").communicate(timeout=20)
        assert str(tmp_path / wrong) in err
        assert "--data-dir" in err


def test_a_disk_without_room_is_refused(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    with pytest.raises(CannotStart, match=r"MB free; Shipbook needs \d+ MB"), claimed(settings, room_mb=1 << 40):
        pass


def test_a_log_file_keeps_the_latest_lines_and_a_bound(tmp_path):
    log = RotatingFile(tmp_path / "part.log", file_bytes=100, kept_files=2)
    for number in range(100):
        log.write(b"line %04d\n" % number)
    log.close()
    kept = [(tmp_path / name).read_bytes() for name in ("part.log.2", "part.log.1", "part.log")]
    assert len(list(tmp_path.iterdir())) == 3
    assert max(map(len, kept)) <= 100
    assert b"".join(kept).splitlines() == [b"line %04d" % number for number in range(70, 100)]


@pytest.mark.parametrize(
    ("given", "embedded"),
    [
        ({}, ["postgres", "nats", "caddy"]),
        ({"database_url": "postgresql://h/d"}, ["nats", "caddy"]),
        ({"nats_url": "nats://h"}, ["postgres", "caddy"]),
    ],
    ids=["nothing", "PostgreSQL", "NATS"],
)
def test_a_server_that_the_operator_gives_is_not_embedded(tmp_path, given, embedded):
    settings = Settings(data_dir=tmp_path / "data", **given)
    with claimed(settings):
        assert [program.name for program in programs(settings)] == [*embedded, *OWN]
