"""A command in a sandbox does its work, sees nothing that is not its own, and leaves nothing behind."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.runtime import limits
from adapters.runtime.limits import CONTROLLERS, ControlGroup, Limits, sweep
from adapters.runtime.running import Finished, Reason, run
from adapters.runtime.sandbox import Capabilities, Sandbox, SandboxUnavailable, capabilities, hand_over
from tests.adapters.runtime.conftest import UNWALLED, Output
from tests.adapters.runtime.waiting import running, until
from tests.trees import control_groups

pytestmark = pytest.mark.anyio

HOSTILE = """
import os, signal, sys, time
mark = sys.argv[1]
for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(each, signal.SIG_IGN)
for depth in range(12):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            break
        os._exit(0)
print("ready", flush=True)
while True:
    time.sleep(60)
"""
INTERPRETER = next(
    path for path in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable) if Path(path).exists()
)
"""One that every user may run."""


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


async def test_a_command_ends_with_its_own_code_and_all_of_its_output(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    done = await run(shell("echo out; echo err >&2; exit 3"), box, Limits(), output, able=able)
    assert (done.exit_code, done.reason, output.text) == (3, Reason.EXITED, "out\nerr\n")
    assert not done.succeeded


async def test_a_command_that_kills_itself_is_reported_as_a_shell_would(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    done = await run(shell("kill -SEGV $$"), box, Limits(), output, able=able)
    assert (done.exit_code, done.reason) == (128 + signal.SIGSEGV, Reason.SIGNAL)


async def test_a_command_has_only_the_variables_that_it_is_given(
    box: Sandbox, able: Capabilities, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hush")
    given = Sandbox(workspace=box.workspace, scratch=box.scratch, environment={"GREETING": "hello"})
    await run(["env"], given, Limits(), output, able=able)
    assert "GREETING=hello\n" in output.text
    assert "hush" not in output.text


async def test_a_command_writes_to_its_workspace_its_home_and_its_temporary_directory(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    done = await run(shell("touch here ~/there $TMPDIR/everywhere && ls $TMPDIR"), box, Limits(), output, able=able)
    assert done.succeeded
    assert output.text == "everywhere\n"
    assert (box.workspace / "here").exists()


async def test_inside_the_walls_nothing_of_the_host_is_to_be_seen(place: Path, output: Output) -> None:
    (place / "secret").write_text("hush")
    (place / "app").mkdir(mode=0o777)
    (place / "app").chmod(0o777)
    box = Sandbox(workspace=place / "app", scratch=place / "scratch")
    look = (
        f"cat {place}/secret; ls {place}; touch /usr/mine /etc/mine; ls -A /root /home /var /srv; "
        "ls /proc | grep -c '^[0-9]'; id -u"
    )
    done = await run(shell(look), box, Limits(), output)
    assert "hush" not in output.text
    assert done.succeeded
    *_, processes, user = output.text.split()
    assert int(processes) < 10
    assert int(user) != 0


async def test_secrets_are_in_no_process_list(box: Sandbox, able: Capabilities, output: Output) -> None:
    secret = uuid4().hex
    given = Sandbox(workspace=box.workspace, scratch=box.scratch, environment={"TOKEN": secret})
    task = asyncio.create_task(run(shell("echo on; sleep 60"), given, Limits(), output, able=able))
    await until(lambda: output.text == "on\n")
    assert running(secret) == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert secret not in repr(given)


async def test_no_variable_reaches_a_program_that_still_has_the_planes_rights(place: Path, output: Output) -> None:
    (place / "app").mkdir()
    hand_over(place / "app", capabilities())
    box = Sandbox(
        workspace=place / "app",
        scratch=place / "scratch",
        environment={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": "/app/seen"},
    )
    await run(["id", "-u"], box, Limits(), output)
    seen = [path.read_text() for path in box.workspace.glob("seen.*")]
    assert any("initialize program: id" in text for text in seen)
    assert not any("setpriv" in text for text in seen)


@pytest.mark.parametrize(
    "environment", [{"A": "b\0--bind\0/\0/host"}, {"A B": ""}, {"A=B": ""}, {"": "x"}, {"A;id": ""}]
)
async def test_variables_that_are_none_are_refused(environment: dict[str, str], box: Sandbox, output: Output) -> None:
    odd = Sandbox(workspace=box.workspace, scratch=box.scratch, environment=environment)
    with pytest.raises(SandboxUnavailable, match="cannot be given to a program"):
        await run(["env"], odd, Limits(), output)


async def test_a_variable_arrives_as_it_is(box: Sandbox, able: Capabilities, output: Output) -> None:
    value = 'it\'s "quoted" $HOME `id` \\ \n two lines\t$(id) \u00fc'
    given = Sandbox(workspace=box.workspace, scratch=box.scratch, environment={"ODD": value})
    await run(["/bin/sh", "-c", 'printf %s "$ODD"'], given, Limits(), output, able=able)
    assert output.text == value


@pytest.mark.parametrize("by", ["handle", "task"])
async def test_cancelling_ends_a_hostile_tree_within_a_second(
    by: str, box: Sandbox, able: Capabilities, output: Output
) -> None:
    mark, cancelled = uuid4().hex, asyncio.Event()
    command = [INTERPRETER, "-c", HOSTILE, mark]
    task = asyncio.create_task(run(command, box, Limits(), output, cancelled=cancelled, able=able))
    await until(lambda: output.text.count("ready") == 13 and len(running(mark)) >= 13)
    began = time.monotonic()
    if by == "handle":
        cancelled.set()
        assert (await task).reason is Reason.CANCELLED
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert time.monotonic() - began < 1
    assert running(mark) == []


async def test_what_a_command_leaves_in_the_background_ends_with_it(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    mark = uuid4().hex
    script = f"setsid sh -c 'sleep 60; : {mark}' >/dev/null 2>&1 & exit 0"
    assert (await run(shell(script), box, Limits(), output, able=able)).succeeded
    await until(lambda: running(mark) == [], 1)


async def test_a_command_that_outlives_its_time_is_ended_and_its_output_kept(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    done = await run(shell("echo before; sleep 60"), box, Limits(wall_seconds=0.4), output, able=able)
    assert done.reason is Reason.TIMED_OUT
    assert done.seconds < 2
    assert output.text == "before\n"


async def test_a_command_that_prints_too_much_is_ended(box: Sandbox, able: Capabilities, output: Output) -> None:
    done = await run(["yes"], box, Limits(output_bytes=100_000), output, able=able)
    assert done.reason is Reason.OUTPUT_LIMIT
    assert len(output.bytes) == 100_000


async def test_a_command_that_computes_too_long_is_ended(box: Sandbox, able: Capabilities, output: Output) -> None:
    done = await run(shell("while :; do :; done"), box, Limits(cpu_seconds=1), output, able=able)
    assert done.reason is Reason.CPU_LIMIT
    assert done.seconds < 20


async def test_a_command_that_takes_too_much_memory_is_held_to_its_limit(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    command = [INTERPRETER, "-c", "held = bytearray(400 << 20); print('had it all')"]
    done = await run(command, box, Limits(memory_bytes=100 << 20), output, able=able)
    assert "had it all" not in output.text
    assert done.reason is (Reason.OUT_OF_MEMORY if able.limits else Reason.EXITED)
    assert not done.succeeded


async def test_a_command_begins_within_its_control_group(place: Path, output: Output) -> None:
    (place / "app").mkdir(mode=0o755)
    box = Sandbox(workspace=place / "app", scratch=place / "scratch")
    await run(["cat", "/proc/self/cgroup"], box, Limits(), output, able=UNWALLED)
    assert (f"shipbook-run-{os.getpid()}-" in output.text) == bool(UNWALLED.limits)


async def test_a_command_that_cannot_be_limited_is_not_started(
    box: Sandbox, able: Capabilities, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ControlGroup("cgroup v2", dict.fromkeys(CONTROLLERS, box.scratch / "gone"))
    monkeypatch.setattr(limits, "make", lambda *_: gone)
    with pytest.raises(SandboxUnavailable, match="behind its limits"):
        await run(shell("touch began"), box, Limits(), output, able=able)
    assert not (box.workspace / "began").exists()


async def test_a_fork_bomb_meets_its_limit(box: Sandbox, able: Capabilities, output: Output) -> None:
    script = "for i in $(seq 200); do sleep 5 & done; echo all of them started"
    if able.limits or (able.namespaces and able.user is None):
        done = await run(shell(script), box, Limits(processes=50), output, able=able)
        assert "all of them started" not in output.text
        assert not done.succeeded


async def test_a_flood_of_output_does_not_make_us_grow(box: Sandbox, able: Capabilities) -> None:
    total = 0

    async def count(piece: bytes) -> None:
        nonlocal total
        total += len(piece)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = await run(shell("head -c 134217728 /dev/zero"), box, Limits(output_bytes=None), count, able=able)
    assert done.succeeded
    assert total == 128 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10


async def test_a_slow_reader_slows_the_command(box: Sandbox, able: Capabilities) -> None:
    counter = box.workspace / "counter"
    go, arrived = asyncio.Event(), asyncio.Event()

    async def slow(_: bytes) -> None:
        arrived.set()
        await go.wait()

    script = "i=0; while [ $i -lt 64 ]; do head -c 16384 /dev/zero; i=$((i+1)); echo $i > counter; done"
    task = asyncio.create_task(run(shell(script), box, Limits(), slow, able=able))
    await arrived.wait()
    await until(lambda: counter.exists() and int(counter.read_text() or 0) >= 4)
    await asyncio.sleep(0.2)  # a command that nothing slows would have ended long ago
    assert int(counter.read_text()) < 64
    go.set()
    assert (await task).succeeded


async def test_a_reader_that_fails_ends_the_command(box: Sandbox, able: Capabilities) -> None:
    mark = uuid4().hex

    async def fail(_: bytes) -> None:
        raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="the store is gone"):
        await run(shell(f"echo; sleep 60; : {mark}"), box, Limits(), fail, able=able)
    assert running(mark) == []


EXECUTOR = """
import asyncio, sys
from pathlib import Path
from adapters.runtime.limits import Limits
from adapters.runtime.running import run
from adapters.runtime.sandbox import Sandbox, capabilities
from tests.adapters.runtime.conftest import UNWALLED

async def show(piece):
    print(piece.decode(), end="", flush=True)

able = UNWALLED if sys.argv[3] == "False" else capabilities()
box = Sandbox(workspace=Path(sys.argv[1], "app"), scratch=Path(sys.argv[1], "scratch"))
asyncio.run(run(["/bin/sh", "-c", "setsid sleep " + sys.argv[2] + " & echo on; wait"], box, Limits(), show, able=able))
"""


async def test_when_the_executor_is_killed_its_commands_end(box: Sandbox, able: Capabilities) -> None:
    mark = f"1234567.{uuid4().int % 10**9}"
    arguments = [str(box.workspace.parent), mark, str(able.namespaces)]
    executor = subprocess.Popen(  # noqa: ASYNC220 - the loop that runs it belongs to the program itself
        [sys.executable, "-c", EXECUTOR, *arguments], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    with executor:
        try:
            await until(lambda: running(f"sleep\0{mark}") != [])
        finally:
            executor.kill()
        await until(lambda: running(mark) == [], 2)
    sweep()


async def test_limits_of_a_run_leave_no_group_behind(box: Sandbox, able: Capabilities, output: Output) -> None:
    await run(["true"], box, Limits(), output, able=able)
    assert control_groups(f"shipbook-run-{os.getpid()}-*") == []


async def test_files_that_a_command_makes_unreadable_can_still_be_removed(
    box: Sandbox, able: Capabilities, output: Output
) -> None:
    script = "mkdir -p a/b && touch a/b/c && chmod 000 a/b a"
    assert (await run(shell(script), box, Limits(), output, able=able)).succeeded
    # the fixture removes the tree


def test_the_machine_says_in_a_sentence_what_isolation_it_gives() -> None:
    assert capabilities().describe().startswith("Sandboxes: ")
    assert Finished(exit_code=0, reason=Reason.EXITED, seconds=1).succeeded
