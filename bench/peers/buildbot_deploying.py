"""Deployments by Buildbot: a master and a worker on this machine, a builder that clones and copies into place."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from bench.peers import installing
from tests.system.planes import free_port

_CONFIGURATION = Path(__file__).with_suffix(".cfg")
_SECONDS = 60.0


class Buildbot:
    """A running master, whose directory is ``master``."""

    def __init__(self, master: Path) -> None:
        self._master = master

    def deploy(self) -> float:
        """Seconds from forcing a build inside the master (so without HTTP) until it has succeeded."""
        done = self._master / "done.json"
        (self._master / "go").touch()
        deadline = monotonic() + _SECONDS
        while not done.exists():
            assert monotonic() < deadline, (self._master / "twistd.log").read_text()[-2000:]
            sleep(0.02)
        found = json.loads(done.read_text())
        done.unlink()
        assert found["succeeded"], (self._master / "twistd.log").read_text()[-2000:]
        return float(found["seconds"])


@contextmanager
def deploying(repository: Path, directory: Path) -> Iterator[Buildbot]:
    """A master and a worker below ``directory`` for the length of the block; they deploy ``repository``."""
    programs, master, worker = installing.python(), directory / "master", directory / "worker"
    port = str(free_port())
    environ = os.environ | {"PORT": port, "REPOSITORY": f"file://{repository}", "LIVE": str(directory / "live")}

    def made(*words: str) -> None:
        subprocess.run(
            [str(programs / words[0]), *words[1:]], env=environ, check=True, capture_output=True, timeout=120
        )

    directory.mkdir()
    made("buildbot", "create-master", str(master))
    (master / "master.cfg").write_bytes(_CONFIGURATION.read_bytes())
    made("buildbot-worker", "create-worker", str(worker), f"127.0.0.1:{port}", "deployer", "secret")
    running: list[subprocess.Popen[bytes]] = []
    try:
        for program, place in (("buildbot", master), ("buildbot-worker", worker)):
            argv = [str(programs / program), "start", "--nodaemon", str(place)]
            quiet = subprocess.DEVNULL
            running.append(subprocess.Popen(argv, cwd=place, env=environ, stdin=quiet, stdout=quiet, stderr=quiet))
        yield Buildbot(master)
    finally:
        for process in running:
            process.kill()  # nothing of it is kept
            process.wait()
