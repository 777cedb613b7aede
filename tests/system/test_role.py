"""The processes of a plane carry nothing that they do not use: each megabyte and each import counts five times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.plane import role
from services.role import UNUSED


def loaded(*modules: str) -> set[str]:
    """The modules that are loaded once ``modules`` are."""
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())


def test_a_supervised_process_does_not_load_the_command_line() -> None:
    processes = ("services.api", "services.worker", "services.executor", "services.edge")

    assert not loaded("services.role", *processes) & {"typer", "services.cli", "httpx"}


def test_a_supervisor_does_not_load_what_only_the_first_start_or_the_end_needs() -> None:
    assert not loaded("services.up") & {
        "services.bootstrap",
        "services.hosting",
        "adapters.http.passwords",
        "structlog",
        "psycopg",
        "typer",
    }


def test_a_process_does_not_load_what_its_libraries_load_only_because_it_is_installed() -> None:
    program = f"import sys; sys.modules.update(dict.fromkeys({UNUSED})); import services.api, adapters.http.application"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print([*map(sys.modules.get, {UNUSED})])"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.strip() == str([None] * len(UNUSED))


def test_a_process_that_is_started_in_a_directory_with_modules_of_our_names_does_not_load_them(tmp_path: Path) -> None:
    for name in ("services", "adapters"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")

    done = subprocess.run(
        role("edge"),
        cwd=tmp_path,
        env=os.environ | {"SHIPBOOK_BUILDS_AT_ONCE": "many"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "SHIPBOOK_BUILDS_AT_ONCE" in done.stderr


@pytest.mark.parametrize("name", ["api", "worker", "executor", "edge"])
def test_a_supervised_process_refuses_a_wrong_setting_and_says_which(name: str) -> None:
    environ = os.environ | {"SHIPBOOK_BUILDS_AT_ONCE": "many"}

    done = subprocess.run(
        [sys.executable, "-m", "services.role", name],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "SHIPBOOK_BUILDS_AT_ONCE" in done.stderr
