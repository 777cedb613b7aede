"""kill -9 of anything at any moment: nothing that was promised is lost, doubled, stuck or left behind."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from time import sleep

import pytest

from tests.faults import victims
from tests.faults.customers import Customer, customers
from tests.faults.history import history
from tests.faults.oracle import judge
from tests.faults.orphans import none_left
from tests.faults.reporting import READY_SECONDS, Note, shown
from tests.faults.trials import trials
from tests.faults.victims import BUILD
from tests.system.planes import Plane, running

KILLS = trials(short=100)
AT_ONCE = (1, 1, 2)
"""So many are killed at one moment, each as likely."""
DEPLOYMENTS = KILLS // 4
"""So many are under way meanwhile at the least; a quiet machine manages three times as many."""
LONGEST_PAUSE = 0.15
"""Between everything serving again and the next kill."""

pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.timeout(180 + 8 * KILLS)]


def test_nothing_is_lost_doubled_stuck_or_left_behind_whoever_is_killed(tmp_path: Path, record_property: Note) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - it can be run again
    with none_left(), running(tmp_path / "plane") as plane, customers(plane, tmp_path, chance) as everybody:
        blows = list(dealt(plane, chance))
        for customer in everybody:
            customer.finish()
        say(record_property, blows, everybody)
        judge(plane, history(plane.database_url), everybody)
    assert sum(len(customer.deployed) for customer in everybody) >= DEPLOYMENTS
    only_killed_builds_failed(everybody, sum(BUILD in blow.victims for blow in blows))
    assert median(blow.seconds for blow in blows) <= READY_SECONDS


@dataclass(frozen=True)
class Blow:
    """Who was killed at one moment, and the seconds until everything served again."""

    victims: Sequence[str]
    seconds: float


def dealt(plane: Plane, chance: random.Random) -> Iterator[Blow]:
    """Kill one, or two at once, at any moment of whatever the customers do; then the next when everything serves."""
    waiting = victims.in_rounds(chance)
    left = KILLS
    while left:
        chosen = list(islice(waiting, min(left, chance.choice(AT_ONCE))))
        left -= len(chosen)
        sleep(chance.random() * LONGEST_PAUSE)
        yield Blow(chosen, victims.kill(plane, chosen, chance))


def only_killed_builds_failed(everybody: Sequence[Customer], most: int) -> None:
    """One process killed fails one build at the most; else only who lost executor after executor may fail."""
    errors = [one.error for customer in everybody for one in customer.deployed if one.status != "succeeded"]
    killed = [error for error in errors if "executors were lost" not in error]
    assert len(killed) <= most, killed


def say(note: Note, blows: Sequence[Blow], everybody: Sequence[Customer]) -> None:
    """Put the figures into the run's summary."""
    note("kills", f"{KILLS} in {len(blows)} blows; ready again {shown([blow.seconds for blow in blows])}")
    for victim in victims.VICTIMS:
        alone = [blow.seconds for blow in blows if blow.victims == [victim]]
        note(f"ready again after {victim}", shown(alone))
    deployed = [one for customer in everybody for one in customer.deployed]
    failed = sum(one.status != "succeeded" for one in deployed)
    seconds = shown([one.seconds for one in deployed])
    note(
        "deployments",
        f"{len(deployed)}, {failed} of them failed, as their builds were killed; trigger to done {seconds}",
    )
    note("commands acknowledged", sum(len(customer.client.told) for customer in everybody))
    note("turned away", dict(sum((one.client.turned_away for one in everybody), Counter[str]())))
