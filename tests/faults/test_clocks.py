"""The clock of one process jumps by an hour or ten years: order, leases, ids and promises stay as they are."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from secrets import token_hex

import httpx
import pytest

from services.plane import OWN
from tests.faults.clocks import JUMPS, Clocks
from tests.faults.customers import Customer, all_get_on, customers
from tests.faults.history import Event, history, tagged
from tests.faults.oracle import judge
from tests.faults.reporting import Note
from tests.faults.trials import trials
from tests.faults.victims import kill
from tests.system.planes import Plane, running, until

TRIALS = trials(short=4, share=0.1)
SESSION_SECONDS = 30 * 24 * 3600
"""So long a session lasts."""

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(300 + 20 * TRIALS)]


def test_order_leases_and_promises_stay_whatever_a_clock_says(tmp_path: Path, record_property: Note) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - it can be run again
    clocks = Clocks(tmp_path / "clocks")
    clocks.right()
    with (
        running(tmp_path / "plane", clocks.launcher) as plane,
        session(plane) as browser,
        customers(plane, tmp_path, chance) as everybody,
    ):
        for part, seconds in islice(jumps(chance), TRIALS):
            clocks.wind(part, seconds)
            live_with_it(plane, part, everybody, chance)
            wanted = 401 if part == "api" and seconds > SESSION_SECONDS else 200
            until(lambda: browser.get("/auth/me").status_code == wanted, 10, "the session ends with its time")  # noqa: B023
            clocks.wind(part, 0)
        for customer in everybody:
            customer.finish()
        events = history(plane.database_url)
        record_property("jumps", f"{TRIALS}, over {len(events)} events")
        judge(plane, events, everybody)
        some_clock_was_wrong(events)
        leased_once(events)
        told_in_order(everybody)
        listed_in_order(everybody[0])


def jumps(chance: random.Random) -> Iterator[tuple[str, int]]:
    """Each part in its turn, for ever, by any jump."""
    while True:
        yield from ((part, chance.choice(JUMPS)) for part in OWN)


@contextmanager
def session(plane: Plane) -> Iterator[httpx.Client]:
    """Somebody who signed in before any clock jumped."""
    with httpx.Client(base_url=f"http://{plane.http}", timeout=30) as browser:
        account = {"email": "somebody@example.com", "password": token_hex(16)}
        assert browser.post("/auth/register", json=account).is_success
        yield browser


def live_with_it(plane: Plane, part: str, everybody: Sequence[Customer], chance: random.Random) -> None:
    """Builds that run, and those that begin, go on; all but the executor, whose builds would end, also start anew."""
    if part != "executor":
        kill(plane, [part], chance)
    all_get_on(everybody, 60)


def some_clock_was_wrong(events: Sequence[Event]) -> None:
    """The jumps were felt: facts of these minutes say other times."""
    now = datetime.now(UTC)
    at = [datetime.fromisoformat(event.context["at"]) for event in events]
    assert any(abs(moment - now) > timedelta(minutes=50) for moment in at)


def leased_once(events: Sequence[Event]) -> None:
    """No executor was lost, so no lease was taken from one."""
    leases = Counter(event.fact["deployment_id"] for event in tagged(list(events), "deployment.leased"))
    assert set(leases.values()) == {1}, leases


def told_in_order(everybody: Sequence[Customer]) -> None:
    """What somebody did later lies later in the log, and ids are unique."""
    for customer in everybody:
        positions = [told.position for told in customer.client.told]
        assert positions == sorted(positions), customer.name
    ids = [one.id for customer in everybody for one in customer.deployed]
    assert len(ids) == len(set(ids))


def listed_in_order(customer: Customer) -> None:
    """Lists show the newest first: by position, whatever the clocks said."""
    listed = customer.client.look(f"/projects/{customer.site.app.id}/deployments", limit=100)["items"]
    assert [one["id"] for one in listed] == [one.id for one in reversed(customer.deployed)][:100]
