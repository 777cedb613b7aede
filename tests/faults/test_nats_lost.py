"""NATS is lost again and again with all it held, and absent at the start: work is late, and nothing is lost or doubled.

What waits is worked on soon after its return; what happens meanwhile reaches its readers by polling.
"""

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from tests.adapters.nats.servers import NatsServer
from tests.faults import customers
from tests.faults.customers import PRINTED, Customer, Deployer, Site, at_work
from tests.faults.history import Event, history, tagged
from tests.faults.oracle import judge
from tests.faults.reporting import Note, shown
from tests.faults.trials import WANTED, trials
from tests.system.followers import Follower
from tests.system.planes import Plane, running
from tests.system.repositories import built, repository, static

OUTAGES = trials(short=3, share=0.07)
SHORTEST, LONGEST = 0.2, 1.5
"""Seconds of an ordinary outage."""
FULL = 60.0
"""Seconds of the outage that is added when faults are asked for."""
BACK_SECONDS = 2.0
"""So soon after its return everything that waits is worked on."""
POLLED_SECONDS = 1.0
"""So late a line may reach its reader while nobody rings."""
BUSY_SECONDS = 1.0
"""What a machine that runs other tests meanwhile may add to either."""

pytestmark = [pytest.mark.xdist_group("nats lost"), pytest.mark.timeout(240 + 20 * OUTAGES)]


@dataclass(frozen=True)
class Outage:
    """When NATS was away."""

    how: str
    began: datetime
    ended: datetime

    def covers(self, moment: datetime) -> bool:
        """Whether it was away then."""
        return self.began <= moment <= self.ended


@dataclass
class Timed(Follower):
    """Notes when each line was printed, and the seconds until it was here."""

    lags: list[tuple[datetime, float]] = field(default_factory=list)

    def _take(self, message: str) -> None:
        before = len(self.lines)
        super()._take(message)
        for line in self.lines[before:]:
            printed = datetime.fromisoformat(line["at"])
            self.lags.append((printed, (datetime.now(UTC) - printed).total_seconds()))


def test_nothing_is_lost_or_doubled_while_nats_is_wiped_and_absent(
    tmp_path: Path, record_property: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customers, "Follower", Timed)
    monkeypatch.setattr(customers, "END_SECONDS", FULL + 60)
    seed = random.SystemRandom().randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - it can be run again
    nats = NatsServer(tmp_path)
    settings = {"SHIPBOOK_NATS_URL": nats.url, "SHIPBOOK_BUILDS_AT_ONCE": "8"}
    try:
        with running(tmp_path / "plane", **settings) as plane, busy(plane, tmp_path, chance) as everybody:
            outages = list(suffered(nats, chance))
            for customer in everybody:
                customer.finish()
            events = history(plane.database_url)
            judge(plane, events, everybody)
    finally:
        nats.kill()
    waited = list(waits(events, outages))
    lags = [lag for one in followers(everybody) for printed, lag in one.lags if any(o.covers(printed) for o in outages)]
    longest = max((one.ended - one.began).total_seconds() for one in outages)
    record_property("outages", f"{len(outages)}, the longest of {longest:.1f} s")
    record_property("leased after its return", shown(waited))
    record_property("lines printed meanwhile, until they were read", shown(lags))
    assert all(one.status == "succeeded" for customer in everybody for one in customer.deployed)
    assert worked_on_once(events)
    assert waited
    assert max(waited) <= BACK_SECONDS + BUSY_SECONDS
    assert max(lags, default=0) <= POLLED_SECONDS + BUSY_SECONDS


@contextmanager
def busy(plane: Plane, directory: Path, chance: random.Random) -> Iterator[list[Customer]]:
    """Two sites that are deployed without a pause, one of them with a build.

    Nobody does anything else: while NATS is away the next line is seen because it is looked for, and for no other news.
    """
    prints = (
        f"for i in $(seq 1 {PRINTED}); do echo line $i; sleep 0.02; done; mkdir -p dist; cp page.html dist/index.html"
    )
    coming: list[Customer] = []
    for kind, files, shown_page in (("static", static(), "index.html"), ("react", built(prints), "page.html")):
        place = repository(directory / kind, files)
        site = Site(plane.api.project(place, kind, kind), place, files, shown_page)
        coming.append(Deployer(plane, site, kind, random.Random(chance.random())))  # noqa: S311 - likewise
    with at_work(coming):
        yield coming


def suffered(nats: NatsServer, chance: random.Random) -> Iterator[Outage]:
    """The outages, one after another: first NATS is not there yet, then it comes back empty each time."""
    ways: list[Callable[[NatsServer], None]] = [wiped_while_away, wiped_while_it_runs, replaced_by_another]
    yield from outage("absent at the start", nats, chance)
    lengths = [*[None] * (OUTAGES - 1), *[FULL] * bool(WANTED)]
    for number, seconds in enumerate(lengths, 1):
        sleep(chance.uniform(0.5, 1.5))
        way = ways[number % len(ways)]
        way(nats)
        yield from outage(way.__name__, nats, chance, seconds)


def outage(how: str, nats: NatsServer, chance: random.Random, seconds: float | None = None) -> Iterator[Outage]:
    """NATS, which was ended, stays away for a time."""
    began = datetime.now(UTC)
    sleep(seconds or chance.uniform(SHORTEST, LONGEST))
    nats.start()
    yield Outage(how, began, datetime.now(UTC))


def wiped_while_away(nats: NatsServer) -> None:
    """It is killed, and what it kept is deleted."""
    nats.kill()
    nats.wipe()


def wiped_while_it_runs(nats: NatsServer) -> None:
    """What it keeps is deleted below its feet, before it is killed."""
    shutil.rmtree(nats.directory / "jetstream", ignore_errors=True)  # it goes on writing
    sleep(0.3)
    nats.kill()
    shutil.rmtree(nats.directory / "jetstream", ignore_errors=True)


def replaced_by_another(nats: NatsServer) -> None:
    """Another server takes its place, in which there is nothing."""
    nats.kill()
    nats.directory = nats.directory / "another"
    nats.directory.mkdir()


def waits(events: Sequence[Event], outages: Sequence[Outage]) -> Iterator[float]:
    """How long NATS had been back when each deployment was leased that had been queued while it was away.

    One that was not leased before NATS went away again waits for its next return.
    """
    leased = {event.fact["deployment_id"]: when(event) for event in tagged(list(events), "deployment.leased")}
    returns = [outage.ended for outage in outages]
    for event in tagged(list(events), "deployment.queued"):
        taken = leased[event.fact["deployment_id"]] + timedelta(seconds=0.1)
        if any(outage.covers(when(event)) and taken > outage.ended for outage in outages):
            yield max(0.0, (taken - max(back for back in returns if back < taken)).total_seconds() - 0.1)


def when(event: Event) -> datetime:
    return datetime.fromisoformat(event.context["at"])


def worked_on_once(events: Sequence[Event]) -> bool:
    """Whether each deployment had one lease."""
    leased = [event.fact["deployment_id"] for event in tagged(list(events), "deployment.leased")]
    return len(leased) == len(set(leased))


def followers(everybody: Sequence[Customer]) -> Iterator[Timed]:
    """The readers of all deployments' logs."""
    for customer in everybody:
        for one in customer.deployed:
            assert isinstance(one.seen, Timed)
            yield one.seen
