"""What holds for every engine of managed databases."""

import os
import signal
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.databases.engine import HOST, EngineFailed
from adapters.databases.places import this_machine
from adapters.databases.redis import Redis
from adapters.databases.servers import Servers
from commands.ports import SecretValue
from tests.adapters.databases.customers import AWAY, Case
from tests.adapters.runtime.conftest import UNWALLED

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("databases")]


async def test_a_database_is_made_written_backed_up_restored_and_removed(case: Case, tmp_path: Path) -> None:
    """One long life, as each server takes a second to be made."""
    engine, order, customer = case.engine, case.order, case.customer
    await engine.start(order)
    await customer.write(order, 3)
    await engine.start(order)  # again: it runs, and is left as it is
    assert await customer.count(order) == 3
    await _keep_others_out(case)

    place = case.servers.workplace("a-backup")
    file = await engine.dump(order, place)
    assert file.stat().st_size > 0
    await customer.write(order, 2)

    await engine.restore(order, file, "first")
    assert await customer.count(order) == 3
    await customer.write(order, 1)
    await engine.restore(order, file, "first")  # what is done is not done again
    assert await customer.count(order) == 4
    await case.customer.leave_half_restored(case)
    await _fail_to_restore(case, tmp_path)

    measured = await engine.measure(order)
    assert measured.size_bytes > 0
    assert await engine.found(order) in {"1 table and 4 rows", "1 key"}
    await _survive_a_kill(case)
    await engine.stop(order)
    with pytest.raises(AWAY):
        await customer.count(order)
    await engine.start(replace(order, existed=True))
    assert await customer.count(order) == 4

    await engine.remove(order)
    assert not await engine.runs(order)
    await engine.remove(order)
    with pytest.raises(AWAY):
        await customer.count(order)


async def _keep_others_out(case: Case) -> None:
    """Neither a wrong password comes in, nor does the right one, or the server itself, see what is the plane's."""
    with pytest.raises(AWAY):
        await case.customer.count(replace(case.order, password=SecretValue("wrong")))
    with pytest.raises(AWAY):
        await case.customer.pry(case.order)
    instance = await case.servers.runtime.instance(case.server)
    assert instance is not None
    seen = Path(f"/proc/{instance.pid}/root")
    assert (seen / "app").is_dir()
    assert not seen.joinpath(*case.servers.places.data_dir.parts[1:]).exists()


async def _fail_to_restore(case: Case, tmp_path: Path) -> None:
    """A file that is no backup leaves everything as it was."""
    broken = tmp_path / "broken"
    broken.write_bytes(b"PGDMP and then nothing that makes sense")
    broken.chmod(0o644)
    with pytest.raises(EngineFailed):
        await case.engine.restore(case.order, broken, "second")
    assert await case.customer.count(case.order) == 4


async def _survive_a_kill(case: Case) -> None:
    """After ``kill -9`` its keeper starts the server again, and nothing that was said to be kept is lost."""
    instance = await case.servers.runtime.instance(case.server)
    assert instance is not None
    assert instance.pid is not None
    os.kill(instance.pid, signal.SIGKILL)
    await case.engine.start(replace(case.order, existed=True))
    assert await case.customer.count(case.order) == 4


async def test_what_was_there_and_is_gone_is_not_made_again_empty(case: Case) -> None:
    with pytest.raises(EngineFailed, match=r"not|any more"):
        await case.engine.start(replace(case.order, existed=True))


async def test_without_walls_there_is_no_database(case: Case) -> None:
    unwalled = Servers(case.servers.places, UNWALLED)
    with pytest.raises(EngineFailed, match="namespaces"):
        await Redis(unwalled, this_machine(unwalled.places)).start(case.order)


async def test_a_port_that_another_program_has_is_told(case: Case) -> None:
    with socket.create_server((HOST, case.order.port)), pytest.raises(EngineFailed, match=str(case.order.port)):
        await case.engine.start(case.order)
