"""The runtime ``process`` keeps every runtime's promises, and its applications outlive us."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from adapters.runtime.identity import pid_of
from adapters.runtime.instance import InstanceSpec, InstanceState
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.sandbox import Capabilities, capabilities, hand_over
from tests.adapters.runtime.contract import PYTHON, RuntimeContract, get
from tests.adapters.runtime.waiting import running, until
from tests.trees import contents, control_groups

STARTER = """
import asyncio, json, sys
from pathlib import Path
from adapters.runtime.instance import InstanceSpec
from adapters.runtime.process import ProcessRuntime

async def main():
    runtime = ProcessRuntime(Path(sys.argv[1], "instances"))
    spec = InstanceSpec(
        instance_id=sys.argv[3], release_id="r", tenant_id="t", environment_id="e",
        artifact=Path(sys.argv[1], "artifact"), start_command=sys.argv[2],
    )
    print((await runtime.start(spec)).port, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def keeper_of(runtime: ProcessRuntime, instance_id: str) -> int:
    state = json.loads((runtime._directory / instance_id / "state.json").read_text())
    return pid_of(state["keeper"])


class TestProcessRuntime(RuntimeContract):
    @pytest.fixture
    async def runtime(self, place: Path, able: Capabilities) -> AsyncIterator[ProcessRuntime]:
        runtime = ProcessRuntime(place / "instances", able, backoff=(0.05, 0.2, 60))
        yield runtime
        for instance in await runtime.instances():
            await runtime.remove(instance.instance_id)

    @pytest.fixture(autouse=True)
    def _owned(self, artifact: Path) -> None:
        hand_over(artifact, capabilities())

    async def test_an_application_is_found_again_after_its_executor_was_killed(
        self, place: Path, spec: InstanceSpec
    ) -> None:
        mark = uuid4().hex
        program = [sys.executable, "-c", STARTER, str(place), f"{spec.start_command} {mark}", spec.instance_id]
        root = Path(__file__).parents[3]
        with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=root) as executor:  # noqa: ASYNC220 - another program
            assert executor.stdout is not None
            port = int(executor.stdout.readline())
            executor.send_signal(signal.SIGKILL)
        runtime = ProcessRuntime(place / "instances")
        try:
            (instance,) = await runtime.instances()
            assert (await runtime.healthy(instance, timeout=20)).well
            assert instance.port == port
            assert await get(instance) == "hello"
        finally:
            await runtime.remove(spec.instance_id)
        assert running(mark) == []

    async def test_an_application_ends_with_its_keeper_and_is_started_again_at_its_port(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await self.started(runtime, spec)
        os.kill(keeper_of(runtime, spec.instance_id), signal.SIGKILL)
        await until(lambda: _is(runtime, spec, InstanceState.LOST))
        again = await self.started(runtime, spec)
        assert (again.port, again.state) == (instance.port, InstanceState.RUNNING)

    async def test_a_lost_application_that_is_stopped_is_lost_no_more(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        await self.started(runtime, spec)
        os.kill(keeper_of(runtime, spec.instance_id), signal.SIGKILL)
        await until(lambda: _is(runtime, spec, InstanceState.LOST))
        await runtime.stop(spec.instance_id)
        assert await _is(runtime, spec, InstanceState.STOPPED)

    async def test_instances_are_found_by_what_their_ids_begin_with(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        await runtime.start(spec)
        await runtime.start(replace(spec, instance_id="other-0"))
        assert [one.instance_id for one in await runtime.instances("other-")] == ["other-0"]
        assert len(await runtime.instances()) == 2

    async def test_a_taken_port_gives_way_to_a_free_one_so_that_old_and_new_run_side_by_side(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        instance = await runtime.start(spec)
        beside = await runtime.start(replace(spec, instance_id=uuid4().hex, port=instance.port))
        assert beside.port != instance.port
        assert (await runtime.healthy(beside)).well

    async def test_an_instance_may_have_the_port_it_asks_for(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        port = (await runtime.start(spec)).port
        await runtime.remove(spec.instance_id)
        fields = {name: getattr(spec, name) for name in spec.__struct_fields__}
        assert (await runtime.start(InstanceSpec(**fields | {"port": port}))).port == port

    async def test_secrets_are_on_no_disk_and_in_no_process_list(
        self, place: Path, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        secret = uuid4().hex
        fields = {name: getattr(spec, name) for name in spec.__struct_fields__}
        guarded = InstanceSpec(**fields | {"environment": {"GREETING": secret}})
        instance = await self.started(runtime, guarded)
        assert await get(instance) == secret
        assert secret not in repr(guarded)
        assert running(secret) == []
        assert [file for file, content in contents(place) if secret.encode() in content] == []

    async def test_a_keeper_is_small(self, runtime: ProcessRuntime, spec: InstanceSpec) -> None:
        await self.started(runtime, spec)
        status = Path(f"/proc/{keeper_of(runtime, spec.instance_id)}/smaps_rollup").read_text()  # noqa: ASYNC240
        pss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Pss:"))
        assert pss < 16 << 10

    async def test_an_application_that_prints_without_end_keeps_serving_and_its_spool_stays_bounded(
        self, place: Path, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        fields = {name: getattr(spec, name) for name in spec.__struct_fields__}
        loud = InstanceSpec(
            **fields
            | {"start_command": f"head -c 60000000 /dev/zero | tr '\\0' 'a' | fold -w 100; exec {PYTHON} server.py"}
        )
        instance = await self.started(runtime, loud)
        assert await get(instance) == "hello from afar"
        size = sum(path.stat().st_size for path in (place / "instances" / spec.instance_id / "spool").iterdir())
        assert size < 20 << 20
        first = runtime.spool(spec.instance_id).read()[0]
        assert first.stream == "gap"
        assert "dropped" in first.text

    async def test_a_removed_instance_leaves_no_control_group(
        self, runtime: ProcessRuntime, spec: InstanceSpec
    ) -> None:
        await self.started(runtime, spec)
        await runtime.remove(spec.instance_id)
        assert control_groups(f"*{spec.instance_id}*") == []

    @pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "a b"])
    async def test_an_instance_id_cannot_lead_elsewhere(self, name: str, runtime: ProcessRuntime) -> None:
        with pytest.raises(ValueError, match="is no instance id"):
            await runtime.remove(name)


async def _is(runtime: ProcessRuntime, spec: InstanceSpec, state: InstanceState) -> bool:
    found = await runtime.instance(spec.instance_id)
    return found is not None and found.state is state
