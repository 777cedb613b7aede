"""F5: whoever reads a log live may be cut anywhere, be slow, and come back anywhere: it reads the log and its end."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from threading import Thread
from time import perf_counter

import pytest

from tests.dialects.executing import Execution
from tests.dialects.plane import Caller, Plane, running
from tests.faults.cutting import Found, Order, text
from tests.faults.trials import trials

ROOT = Path(__file__).parents[2]
CUTS = trials(1_500, share=334)
SEED = 4711
WRITTEN_AT_ONCE = 10
LIMIT = 900

pytestmark = [pytest.mark.xdist_group("plane"), pytest.mark.timeout(LIMIT)]


@pytest.fixture
def plane(database_url: str, tmp_path: Path) -> Iterator[Plane]:
    """A plane of its own."""
    with running(database_url, tmp_path) as plane:
        yield plane
        plane.close_clients()


def test_readers_that_are_cut_at_random_read_a_log_that_grows_byte_for_byte_and_its_end_once(
    plane: Plane, record_property: Callable[[str, object], None]
) -> None:
    caller = Caller(plane)
    execution = Execution(caller, caller.deployment())
    path = f"{caller.base}/deployments/{execution.id}/stream"
    address = plane.settings.http
    order = Order(address.host, address.port, path, caller.token, CUTS, SEED)
    began = perf_counter()

    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.cutting", json.dumps(asdict(order))], cwd=ROOT, stdout=subprocess.PIPE
    ) as cutting:
        try:
            last_seq = written_until_enough(execution, cutting)
            found = [Found(**json.loads(line)) for line in cutting.stdout or ()]
        finally:
            cutting.kill()

    whole = sha256("".join(f"{text(seq)}\n" for seq in range(1, last_seq + 1)).encode()).hexdigest()
    assert len(found) == 9
    for one in found:
        assert (one.last_seq, one.digest, one.done, one.afterwards) == (last_seq, whole, 1, 204), one
    assert plane.app.state["streams"]._readers == 0
    record_property("cuts", f"{sum(one.connections for one in found):,} in {perf_counter() - began:.0f} s, seed {SEED}")


def written_until_enough(execution: Execution, cutting: "subprocess.Popen[bytes]") -> int:
    """Write lines for as long as readers are to be cut, and then end the deployment; the last seq."""
    assert cutting.stdout
    last_seq = 0
    enough = Thread(target=cutting.stdout.readline)
    enough.start()
    while enough.is_alive():
        execution.log.lines([text(seq) for seq in range(last_seq + 1, last_seq + 1 + WRITTEN_AT_ONCE)])
        last_seq += WRITTEN_AT_ONCE
    assert execution.fail("enough") == last_seq
    return last_seq
