"""The benches still work, and say what they found where people look for it."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

from bench import results
from bench.load import loaded
from tests.http_server import Server
from tests.system.planes import until

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("plane")


class Moody(BaseHTTPRequestHandler):
    """Answers well, then badly, in turn."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body go out together
    answered = 0

    def do_GET(self) -> None:
        Moody.answered += 1
        self.send_response(200 if Moody.answered % 2 else 500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture
def moody() -> Iterator[str]:
    """The address of a server half of whose answers are errors."""
    Moody.answered = 0
    with Server(("127.0.0.1", 0), Moody) as server:
        server.daemon_threads = True
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def benched(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, check=False, capture_output=True, text=True, timeout=110
    )


def test_a_bench_prints_its_figures_and_renews_its_own_section(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("# Old head\n\n## append: old\n\nforgotten\n\n## start: kept\n\nas it was\n")

    done = benched("append", "lines", "--quick", "--out", str(file))

    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert "forgotten" not in text
    assert "as it was" in text
    assert [line.partition(":")[0] for line in text.splitlines() if line.startswith("## ")] == [
        "## append",
        "## lines",
        "## start",
    ]
    for section in ("64 callers ÷ plain", "lines lost | 0", "PostgreSQL 18"):
        assert section in text
        assert section in done.stdout


@pytest.mark.parametrize(
    "names", [("batches", "commands", "events"), ("printed", "replay", "fanout"), ("rebuild", "lists", "history")]
)
def test_benches_of_the_hot_paths_still_work(names: tuple[str, ...]) -> None:
    done = benched(*names, "--quick")

    assert done.returncode == 0, done.stderr
    assert [line[3:].partition(":")[0] for line in done.stdout.splitlines() if line.startswith("## ")] == [*names]


def test_a_bench_that_does_not_exist_is_refused_with_those_that_do() -> None:
    done = benched("speed")

    assert done.returncode == 2
    assert "there is no bench speed; there are start, append" in done.stderr


@pytest.mark.parametrize("wrk", [True, False], ids=["wrk where it is installed", "our own client"])
def test_the_load_counts_every_answer_that_was_an_error(
    moody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrk: bool
) -> None:
    if not wrk:
        monkeypatch.setenv("PATH", str(tmp_path))

    with loaded(moody, "app.localhost") as load:
        until(lambda: Moody.answered > 200)

    assert load.total >= 100
    assert abs(load.failed - load.total / 2) <= 20
    assert load.latency(50).endswith(("ms", "us"))


def test_a_figure_says_whether_its_goal_is_met() -> None:
    assert results.at_most("start", 4800.4, 5000, "ms").row() == "| start | 4,800 ms | ≤ 5,000 ms | met |"
    assert results.at_least("ratio", 1.2, 1.5).row() == "| ratio | 1.20 | ≥ 1.50 | **missed** |"
