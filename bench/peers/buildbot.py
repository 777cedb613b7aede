"""Buildbot on this machine: a master and a worker, with SQLite, and no more than Buildbot sets up by itself."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from bench.peers import installing
from tests.system.planes import free_port

_SECONDS = 120.0


class Buildbot:
    """A running master, whose directory is ``master``."""

    def __init__(self, master: Path) -> None:
        self._master = master

    def round(self) -> dict[str, Any]:
        """What the master found in one round of its configuration's: ``seconds``, and whatever else it looked at."""
        done = self._master / "done.json"
        (self._master / "go").touch()
        deadline = monotonic() + _SECONDS
        while not done.exists():
            assert monotonic() < deadline, (self._master / "twistd.log").read_text()[-2000:]
            sleep(0.02)
        found: dict[str, Any] = json.loads(done.read_text())
        done.unlink()
        return found


@contextmanager
def running(configuration: str, directory: Path, **given: str) -> Iterator[Buildbot]:
    """A master and a worker below ``directory`` for the length of the block.

    ``configuration`` is a file beside this one that does a round whenever ``go`` appears and answers in ``done.json``;
    it finds PORT and what is ``given`` in its environment. The worker is called "worker", its password is "secret".
    """
    programs, master, worker = installing.python(), directory / "master", directory / "worker"
    port = str(free_port())
    environ = os.environ | {"PORT": port} | given

    def made(*words: str) -> None:
        subprocess.run(
            [str(programs / words[0]), *words[1:]], env=environ, check=True, capture_output=True, timeout=120
        )

    directory.mkdir()
    made("buildbot", "create-master", str(master))
    (master / "master.cfg").write_bytes((Path(__file__).parent / configuration).read_bytes())
    made("buildbot-worker", "create-worker", str(worker), f"127.0.0.1:{port}", "worker", "secret")
    started: list[subprocess.Popen[bytes]] = []
    try:
        for program, place in (("buildbot", master), ("buildbot-worker", worker)):
            argv = [str(programs / program), "start", "--nodaemon", str(place)]
            quiet = subprocess.DEVNULL
            started.append(subprocess.Popen(argv, cwd=place, env=environ, stdin=quiet, stdout=quiet, stderr=quiet))
        yield Buildbot(master)
    finally:
        for process in started:
            process.kill()  # nothing of it is kept
            process.wait()
