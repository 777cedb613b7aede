"""A program is started as who it must be, and ends with whoever started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.programs import CannotStart, Program, launched, running

ROOT = Path(__file__).parents[2]

_WITHOUT_NAMESPACES = """
import sys
from services import launching
try:
    for _ in range(64):  # namespaces nest 32 deep (user_namespaces(7))
        launching.take_identity(1000)
except OSError:
    launching.main(*sys.argv[1:])
"""


@pytest.mark.parametrize(("identity", "seen"), [(None, (os.geteuid(), os.getegid())), (4321, (4321, 4321))])
def test_a_program_sees_itself_as_the_identity_it_was_given(identity, seen):
    argv = launched((sys.executable, "-c", "import os; print(os.geteuid(), os.getegid())"), signal.SIGKILL, identity)
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "{} {}\n".format(*seen)


def test_what_it_writes_belongs_to_who_started_it(tmp_path):
    argv = launched(("/bin/sh", "-c", f"echo x > {tmp_path}/file"), signal.SIGKILL, 4321)
    subprocess.run(argv, check=True)
    assert (tmp_path / "file").stat().st_uid == os.geteuid()


def test_without_user_namespaces_it_says_what_to_do():
    argv = [sys.executable, "-c", _WITHOUT_NAMESPACES, str(os.getpid()), "9", "1000", "/bin/true"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "user namespaces, which are refused" in done.stderr
    assert "as an ordinary user" in done.stderr
    assert "SHIPBOOK_DATABASE_URL" in done.stderr


def test_a_program_whose_supervisor_is_gone_is_not_started(tmp_path):
    argv = launched(("/bin/touch", str(tmp_path / "started")), signal.SIGKILL, None)
    argv[argv.index(str(os.getpid()))] = "1"
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 1
    assert not list(tmp_path.iterdir())


async def never():
    """A program that is not ready yet."""
    return False


def test_a_program_that_ends_at_once_is_shown_by_the_end_of_its_log(tmp_path):
    program = Program("brief", ("/bin/sh", "-c", "echo no port is free; exit 3"), never)
    with pytest.raises(CannotStart, match="no port is free"), running(program, tmp_path / "log"):
        pass
