"""A NATS server that tests can kill, wipe and start again, and a bounded wait."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")

BINARY = Path(sys.executable).parent / "nats-server"
USER, PASSWORD = "shipbook", "not-for-the-log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """nats-server with JetStream on a port that stays the same from start to start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"nats://{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        self.launcher: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the server, or of its launcher."""
        assert self._process is not None
        return self._process.pid

    def locate(self) -> str:
        return self.url

    def start(self, *, jetstream: bool = True) -> None:
        listen = ("-a", "127.0.0.1", "-p", str(self.port), "--user", USER, "--pass", PASSWORD)
        store = ("-js", "-sd", self.directory / "jetstream") if jetstream else ()
        self._process = subprocess.Popen([*self.launcher, BINARY, *listen, *store, "-l", self.directory / "nats.log"])
        deadline = monotonic() + 10
        while not self._greets():
            assert monotonic() < deadline, (self.directory / "nats.log").read_text()
            sleep(0.01)

    def kill(self) -> None:
        """As ``kill -9`` does it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wipe(self) -> None:
        """Everything that the server kept is gone."""
        shutil.rmtree(self.directory / "jetstream")

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


async def eventually(condition: Callable[[], Awaitable[T]], within: float = 10) -> T:
    """The first true answer of ``condition``, asked again and again for at most ``within`` seconds."""
    deadline = monotonic() + within
    while not (answer := await condition()):
        assert monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
    return answer
