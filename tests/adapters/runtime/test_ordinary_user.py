"""What holds for root holds for an ordinary user."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOBODY = 65_534
PACKAGES = Path(pytest.__file__).parents[1]


def interpreter() -> str | None:
    """A Python that an ordinary user may run with this environment's packages."""
    script = "import msgspec, pytest, anyio, adapters"
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            if as_nobody(program, "-c", script).returncode == 0:
                return program
    return None


def as_nobody(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [program, *arguments],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("suite", ["test_running.py", "test_process.py"])
def test_the_suite_also_holds_for_an_ordinary_user(suite: str) -> None:
    if os.geteuid() != 0:
        return  # then it is an ordinary user who runs all of these tests
    program = interpreter()
    if program is None:
        return  # this environment lies where nobody else may enter
    tests = Path(__file__).with_name(suite)
    options = ["-q", *("-p", "no:cacheprovider"), *("-p", "no:xdist"), *("-p", "no:valkey"), f"--rootdir={ROOT}"]
    options += [f"--confcutdir={tests.parent}"]
    done = as_nobody(program, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *options, str(tests))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
