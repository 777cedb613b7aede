"""What every runtime promises. A runtime's test module subclasses ``RuntimeContract`` and gives it a ``runtime``."""

import asyncio
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.runtime.instance import SERVING, Instance, InstanceSpec, InstanceState
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.spool import SpoolLine
from tests.adapters.runtime.waiting import running, until

SERVER = """
import http.server, os, signal, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(7)
        if self.path == "/slow":
            time.sleep(0.7)
        status = {"/missing": 404, "/broken": 500, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(os.environ.get("GREETING", "hello").encode())
    def log_message(self, *words):
        pass
def end(*_):
    print("ending", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("serving on", os.environ["PORT"], flush=True)
print("careful", file=sys.stderr, flush=True)
if os.path.exists("written"):
    print("found what was written", flush=True)
open("written", "w").close()
server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
server.serve_forever()
"""
PYTHON = "$(command -v /usr/bin/python3 || command -v python3)"

DEAF = f"exec {PYTHON} -uc 'import signal, time; signal.signal(15, signal.SIG_IGN); print(\"deaf\"); time.sleep(60)'"


async def get(instance: Instance, path: str = "/") -> str:
    """The body of an answer, or its status where that is none of 200."""

    def ask() -> str:
        try:
            with urllib.request.urlopen(f"http://{instance.host}:{instance.port}{path}", timeout=5) as answer:
                body: bytes = answer.read()
                return body.decode()
        except urllib.error.HTTPError as error:
            with error:
                return str(error.code)
        except OSError as error:
            return f"broken: {error}"

    return await asyncio.to_thread(ask)


class RuntimeContract:
    """The promises."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def artifact(self, place: Path) -> Path:
        """A small server."""
        tree = place / "artifact"
        tree.mkdir()
        (tree / "server.py").write_text(SERVER)
        return tree

    @pytest.fixture
    def spec(self, artifact: Path) -> InstanceSpec:
        """One instance of it."""
        return InstanceSpec(
            instance_id=uuid4().hex,
            release_id="release",
            tenant_id="tenant",
            environment_id="environment",
            artifact=artifact,
            start_command=f"exec {PYTHON} server.py",
            environment={"GREETING": "hello from afar"},
        )

    async def started(self, runtime: ProcessRuntime, spec: InstanceSpec) -> Instance:
        instance = await runtime.start(spec)
        health = await runtime.healthy(instance, timeout=20)
        assert health.well, health.reason
        found = await runtime.instance(spec.instance_id)
        assert found is not None
        return found

    async def printed(self, runtime: ProcessRuntime, spec: InstanceSpec, text: str) -> list[SpoolLine]:
        await until(lambda: any(text in line.text for line in runtime.spool(spec.instance_id).read()))
        return runtime.spool(spec.instance_id).read()

    async def test_an_instance_serves_with_its_port_and_its_variables(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await self.started(runtime, spec)
        assert await get(instance) == "hello from afar"
        assert (instance.state, instance.release_id, instance.restarts) == (InstanceState.RUNNING, "release", 0)

    async def test_starting_twice_starts_once(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        first, second = await asyncio.gather(runtime.start(spec), runtime.start(spec))
        assert first.port == second.port
        assert len(await runtime.instances()) == 1

    async def test_two_instances_run_side_by_side(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        other = InstanceSpec(
            **{name: getattr(spec, name) for name in spec.__struct_fields__} | {"instance_id": uuid4().hex}
        )
        one, two = await self.started(runtime, spec), await self.started(runtime, other)
        assert one.port != two.port
        assert [await get(one), await get(two)] == ["hello from afar"] * 2

    async def test_what_an_application_prints_is_kept_in_order_with_its_stream(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await self.started(runtime, spec)
        lines = await self.printed(runtime, spec, "careful")
        assert {(line.stream, line.text) for line in lines} == {
            ("stdout", f"serving on {instance.port}"),
            ("stderr", "careful"),
        }
        assert runtime.spool(spec.instance_id).read(lines[0].offset) == lines[1:]

    async def test_a_crashed_application_starts_again_at_its_port(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await self.started(runtime, spec)
        await get(instance, "/crash")

        async def again() -> bool:
            found = await runtime.instance(spec.instance_id)
            return found is not None and found.restarts == 1 and await get(found) == "hello from afar"

        await until(again)
        found = await runtime.instance(spec.instance_id)
        assert found is not None
        assert (found.port, found.exit_code) == (instance.port, 7)
        await self.printed(runtime, spec, "ended with exit code 7")

    async def test_a_health_check_fails_at_once_when_the_application_ends(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        broken = InstanceSpec(
            **{name: getattr(spec, name) for name in spec.__struct_fields__} | {"start_command": "echo no; exit 3"}
        )
        instance = await runtime.start(broken)
        health = await asyncio.wait_for(runtime.healthy(instance, timeout=60), 10)
        assert not health.well
        assert "exit code 3" in health.reason

    @pytest.mark.parametrize(
        ("path", "well"),
        [("/", True), ("/fine", True), ("/moved", True), ("/missing", False), ("/broken", False)],
    )
    async def test_a_chosen_path_must_answer_below_400(
        self, path: str, well: bool, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await self.started(runtime, spec)
        health = await runtime.healthy(instance, path, timeout=0.3)
        assert health.well is well
        if not well:
            assert f"GET {path}" in health.reason
            assert "answered" in health.reason

    async def test_a_stopped_application_is_asked_first(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        instance = await self.started(runtime, spec)
        await runtime.stop(spec.instance_id, 10)
        assert runtime.spool(spec.instance_id).tail()[-1].text == "ending"
        assert (await get(instance)).startswith("broken")
        found = await runtime.instance(spec.instance_id)
        assert found is not None
        assert (found.state, found.pid, found.exit_code) == (InstanceState.STOPPED, None, 0)
        await runtime.stop(spec.instance_id)

    async def test_an_application_that_will_not_stop_is_killed_after_its_grace(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        mark = uuid4().hex
        deaf = InstanceSpec(
            **{name: getattr(spec, name) for name in spec.__struct_fields__} | {"start_command": f"{DEAF} {mark}"}
        )
        await runtime.start(deaf)
        await self.printed(runtime, deaf, "deaf")
        await asyncio.wait_for(runtime.stop(spec.instance_id, 0.3), 5)
        assert running(mark) == []
        found = await runtime.instance(spec.instance_id)
        assert found is not None
        assert found.state is InstanceState.STOPPED

    async def test_a_removed_instance_leaves_nothing(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        instance = await self.started(runtime, spec)
        await runtime.remove(spec.instance_id)
        await runtime.remove(spec.instance_id)
        assert await runtime.instances() == []
        assert (await get(instance)).startswith("broken")

    async def test_a_stopped_instance_can_be_started_again(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        first = await self.started(runtime, spec)
        await runtime.stop(spec.instance_id)
        assert (await self.started(runtime, spec)).port == first.port

    async def test_an_application_may_write_and_its_artifact_stays_as_it_was(
        self, runtime: ProcessRuntime, spec: InstanceSpec, artifact: Path
    ) -> None:
        instance = await self.started(runtime, spec)
        await get(instance, "/crash")
        await self.printed(runtime, spec, "found what was written")
        assert list(artifact.iterdir()) == [artifact / "server.py"]  # noqa: ASYNC240 - nothing else runs in this loop

    async def test_an_instance_is_drained_when_its_last_connection_ends(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await self.started(runtime, spec)
        assert await runtime.drained(instance, 5)
        request = asyncio.create_task(get(instance, "/slow"))
        await until(lambda: _busy(runtime, instance))
        assert await runtime.drained(instance, 5)
        assert await request == "hello from afar"

    async def test_memory_is_limited_and_the_log_says_so(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        hog = InstanceSpec(
            **{name: getattr(spec, name) for name in spec.__struct_fields__}
            | {
                "start_command": f"exec {PYTHON} -c 'held = bytearray(400 << 20)'",
                "limits": SERVING.__class__(memory_bytes=64 << 20, wall_seconds=None, cpu_seconds=None),
            }
        )
        await runtime.start(hog)
        await self.printed(runtime, spec, "The application ")
        assert any("memory" in line.text.lower() for line in runtime.spool(spec.instance_id).read())


async def _busy(runtime: ProcessRuntime, instance: Instance) -> bool:
    return not await runtime.drained(instance, 0)
