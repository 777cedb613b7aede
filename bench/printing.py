"""What one build that prints very much costs the executor in memory."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.system.planes import App, running
from tests.system.repositories import built, commit, repository

PRINT = "for turn in $(seq {turns}); do cat lines.txt; done; mkdir -p dist; echo built > dist/index.html"


def growth(text: str, size: int) -> float:
    """MB by which the executor's memory peaks above what it was before, while a build prints ``text`` up to ``size`` B.

    A plane of its own, in which the same build has printed the text once before.
    """
    turns = -(-size // len(text.encode()))
    settings = {"SHIPBOOK_BUILD_OUTPUT_MB": str(2 * size // 1_000_000 + 1)}
    with (
        TemporaryDirectory(prefix="shipbook-bench-") as directory,
        running(Path(directory) / "data", **settings) as plane,
    ):
        site = repository(Path(directory) / "site", built(PRINT.format(turns=1)) | {"lines.txt": text})
        app = plane.api.project(site, "react", "printing")
        app.deploy()
        executor = plane.pid("executor")
        assert executor
        before = _resident(executor, "VmRSS")
        Path(f"/proc/{executor}/clear_refs").write_text("5")  # the peak begins anew, see proc(5)
        commit(site, built(PRINT.format(turns=turns)), "Print more")
        _printed(app, text.count("\n") * turns)
        return (_resident(executor, "VmHWM") - before) / 1024


def _printed(app: App, lines: int) -> None:
    """Deploy, and see that every line is there."""
    deployment = app.deploy()
    last = app.api.send("GET", f"/deployments/{deployment['id']}/logs", params={"after": lines})["items"]
    assert last, "lines are missing"


def _resident(pid: int, what: str) -> int:
    """kB, from ``/proc/PID/status``."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[what].split()[0])
