"""The frame of a process that runs apart: it shows its metrics as long as it runs."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import httpx
import pytest

from adapters.settings import Address, Settings
from services.plane import OWN, own
from tests.system.planes import free_port, until

PROGRAM = """
import asyncio, os, sys
from adapters.settings import Settings
from services.process import run
from services.programs import CannotStart

async def work(settings, ready):
    ready()
    await asyncio.Event().wait()

try:
    sys.exit(run("worker", Settings.load({}, os.environ), work, spawns=sys.argv[1] == "spawns"))
except CannotStart as problem:
    sys.exit(str(problem))
"""


@contextmanager
def process(data_dir: Path, port: int, loop: str = "spawns") -> Iterator[subprocess.Popen[str]]:
    """A process of ours that does nothing."""
    ours = {"SHIPBOOK_DATA_DIR": str(data_dir), "SHIPBOOK_METRICS": f"127.0.0.1:{port}"}
    others = {name: value for name, value in os.environ.items() if not name.startswith("SHIPBOOK_")}
    command = [sys.executable, "-c", PROGRAM, loop]
    with subprocess.Popen(command, env=others | ours, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()
            rmtree(Settings(data_dir=data_dir).sockets_dir, ignore_errors=True)  # which may lie outside the data_dir


def shown(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, trust_env=False).text
    except httpx.TransportError:
        return ""


@pytest.mark.parametrize("loop", ["spawns", "uvloop"])
def test_a_process_shows_its_metrics_over_tcp_and_leaves_no_socket(tmp_path: Path, loop: str) -> None:
    port = free_port()
    sockets = Settings(data_dir=tmp_path).sockets_dir

    with process(tmp_path, port, loop) as running:
        until(lambda: "process_cpu_seconds_total" in shown(port), 20, "no metrics are shown")
        assert [file.name for file in sockets.iterdir()] == ["metrics-worker.sock"]
        running.terminate()
        assert running.wait(10) == 0
        assert list(sockets.iterdir()) == []


def test_a_process_whose_port_for_metrics_is_taken_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process(tmp_path, port) as running:
            _, said = running.communicate(timeout=20)

    assert running.returncode == 1
    assert f"127.0.0.1:{port}" in said
    assert "SHIPBOOK_METRICS" in said


def test_the_processes_of_a_plane_do_not_fight_over_the_port_for_metrics() -> None:
    settings = Settings(metrics=Address("127.0.0.1", 9464))

    assert {own(settings, name, ()).environ["SHIPBOOK_METRICS"] for name in OWN} == {""}
