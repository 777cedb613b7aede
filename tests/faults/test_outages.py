"""Postgres restarts, is away, or has no room: nobody is told that something is done which is not kept."""

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGQUIT, SIGSTOP
from time import monotonic, sleep

import pytest

from tests.faults.customers import Customer, all_get_on, customers
from tests.faults.history import history
from tests.faults.oracle import judge
from tests.faults.orphans import none_left
from tests.faults.reporting import Note, shown
from tests.faults.small_disk import PlaneOnSmallDisk, on_small_disk
from tests.faults.trials import WANTED, trials
from tests.faults.victims import PARTS
from tests.system.planes import Plane, running, until

RESTARTS = trials(short=2, share=0.05)
AWAY = trials(short=1, share=0.01)
AWAY_SECONDS = 30.0 if WANTED else 3.0
FULL_SECONDS = 10.0 if WANTED else 2.0
FULL = trials(short=1, share=0.02)
BACK_SECONDS = 30.0
GET_ON_SECONDS = 60.0

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(300 + 10 * (RESTARTS + FULL) + 60 * AWAY)]


def test_a_database_that_restarts_or_is_away_costs_no_promise_and_no_line(
    tmp_path: Path, record_property: Note
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - it can be run again
    with none_left(), running(tmp_path / "plane") as plane, customers(plane, tmp_path, chance) as everybody:
        outages = [0.0] * RESTARTS + [AWAY_SECONDS] * AWAY
        chance.shuffle(outages)
        seconds = [away(plane, length, everybody, chance) for length in outages]
        for customer in everybody:
            customer.finish()
        record_property("serves again after an outage", shown(seconds))
        record_property("turned away", dict(turned_away(everybody)))
        judge(plane, history(plane.database_url), everybody)
        everything_succeeded(everybody)
        no_stream_broke(everybody)


def away(plane: Plane, length: float, everybody: Sequence[Customer], chance: random.Random) -> float:
    """Postgres stops, orderly or at once, and starts again after so long; the seconds until everything serves."""
    all_get_on(everybody, GET_ON_SECONDS)
    postmaster = plane.pid("postgres")
    assert postmaster is not None
    with sleeping(plane.supervisor.pid):  # or else it starts Postgres again
        os.kill(postmaster, chance.choice((SIGINT, SIGQUIT)))  # "fast" and "immediate", as pg_ctl(1) calls them
        sleep(length)
    began = monotonic()
    until(lambda: plane.replaced("postgres", postmaster) and plane.ready(), BACK_SECONDS, "it does not serve again")
    return monotonic() - began


@contextmanager
def sleeping(pid: int) -> Iterator[None]:
    """The process does nothing for the length of the block."""
    os.kill(pid, SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, SIGCONT)


def everything_succeeded(everybody: Sequence[Customer]) -> None:
    """An outage only makes deployments late."""
    assert [one.error for customer in everybody for one in customer.deployed if one.status != "succeeded"] == []


def no_stream_broke(everybody: Sequence[Customer]) -> None:
    """Readers stayed connected all the time, for the API was there."""
    assert {one.seen.opened for customer in everybody for one in customer.deployed} == {1}


def test_a_full_disk_turns_clients_away_and_costs_no_promise(tmp_path: Path, record_property: Note) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - it can be run again
    with none_left(), on_small_disk() as plane, customers(plane, tmp_path, chance) as everybody:
        seconds = [without_room(plane, everybody, chance) for _ in range(FULL)]
        for customer in everybody:
            customer.finish()
        record_property("serves again once there is room", shown(seconds))
        record_property("turned away", dict(turned_away(everybody)))
        judge(plane, history(plane.database_url), everybody)


def without_room(plane: PlaneOnSmallDisk, everybody: Sequence[Customer], chance: random.Random) -> float:
    """The disk is full, then a part dies as well; the seconds until everything serves once there is room."""
    all_get_on(everybody, GET_ON_SECONDS)
    before = turned_away(everybody).total()
    victim = chance.choice(PARTS)
    with plane.full():
        until(lambda: turned_away(everybody).total() > before + 3, 40, "nobody was turned away")
        former = plane.pid(victim)
        plane.kill(victim)
        sleep(FULL_SECONDS)
        assert plane.supervisor.is_running()
    began = monotonic()
    until(lambda: plane.replaced(victim, former) and plane.ready(), BACK_SECONDS, f"{victim} does not serve again")
    return monotonic() - began


def turned_away(everybody: Sequence[Customer]) -> Counter[str]:
    """Why clients had to come back, and how often."""
    return sum((customer.client.turned_away for customer in everybody), Counter())
