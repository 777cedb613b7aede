"""Customers of a plane, each a thread: they deploy, follow, look, roll back, and note what they were told."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpx

from tests.faults.clients import Client
from tests.system.followers import Follower
from tests.system.planes import App, Plane, until
from tests.system.repositories import built, commit, repository, static

END_SECONDS = 60.0
"""A deployment that has not ended by then is stuck."""

PAUSE_SECONDS = 0.1
"""The longest pause between two acts."""

ROLLBACKS = 0.25
"""The share of deployments after which one goes back to an earlier release."""


PRINTED = 40
"""Lines that a printing build prints, one every 20 ms."""


@dataclass(frozen=True)
class Deployed:
    """A deployment as its customer saw it to its end."""

    id: str
    commit: str
    seen: Follower
    seconds: float

    @property
    def status(self) -> str:
        """How it ended, in the words of the stream's last frame."""
        return str(self.seen.done[0]["status"])

    @property
    def error(self) -> str:
        """Why it failed."""
        return str(self.seen.done[0].get("error", ""))


@dataclass(frozen=True)
class Site:
    """A repository and its project. ``shown`` is what the page of each commit holds."""

    app: App
    directory: Path
    files: dict[str, str]
    page: str
    shown: dict[str, str] = field(default_factory=dict)

    def change(self, text: str) -> str:
        """Commit a page that shows ``text``; the commit."""
        made = commit(self.directory, {**self.files, self.page: title(text)}, text)
        self.shown[made] = text
        return made


class Customer(Thread, ABC):
    """Does the same again and again until told that it is enough; what went wrong is raised by ``finish``."""

    def __init__(self, plane: Plane, site: Site, name: str, chance: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self.plane = plane
        self.site = site
        self.client = Client(plane, name)
        self.chance = chance
        self.deployed: list[Deployed] = []
        self.acts = 0
        """How often it did its thing, and saw it done."""
        self._enough = Event()
        self._problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._enough.wait(self.chance.random() * PAUSE_SECONDS):
                self.act()
                self.acts += 1
        except BaseException as problem:  # noqa: BLE001 - the test raises it
            self._problem = problem

    @abstractmethod
    def act(self) -> None:
        """Once."""

    def enough(self) -> None:
        """Come to an end."""
        self._enough.set()

    def complain(self, problem: BaseException) -> None:
        """Raise what went wrong for this customer, if anything did: it is why the test met ``problem``."""
        if self._problem:
            raise self._problem from problem

    def finish(self) -> None:
        """Wait until it has seen the last thing it began to its end."""
        self.enough()
        self.join(3 * END_SECONDS)
        assert not self.is_alive(), f"{self.name} hangs"
        if self._problem:
            raise self._problem


class Scribe(Customer):
    """Sends commands of one event."""

    def act(self) -> None:
        self.client.send("PATCH", f"/projects/{self.site.app.id}", "description")


class Deployer(Customer):
    """Changes its site, deploys it, follows the build to its end, looks at the page, and rolls back now and then."""

    def act(self) -> None:
        self._deploy()
        if self.chance.random() < ROLLBACKS:
            self._roll_back()

    def _deploy(self) -> None:
        made = self.site.change(f"{self.name} {len(self.deployed) + 1}")
        app, began = self.site.app, monotonic()
        path = f"/projects/{app.id}/environments/{app.environment}/deployments"
        asked = self.client.send("POST", path, "note").answer["id"]
        seen = Follower(self.plane, f"/deployments/{asked}/stream", cut_seconds=None).follow(END_SECONDS)
        self.deployed.append(Deployed(asked, made, seen, monotonic() - began))
        if self.deployed[-1].status == "succeeded":
            self._sees(made)

    def _roll_back(self) -> None:
        runtime = self._runtime()
        earlier = [one for one in self._releases() if one["id"] != (runtime["activeRelease"] or {}).get("id")]
        if earlier:
            wanted = self.chance.choice(earlier)
            self.client.send("POST", "/rollback", "reason", {"releaseId": wanted["id"]})
            self._sees(wanted["commit"])

    def _releases(self) -> list[dict[str, Any]]:
        return list(self.client.look(f"/projects/{self.site.app.id}/releases")["items"])

    def _runtime(self) -> dict[str, Any]:
        app = self.site.app
        return self.client.look(f"/projects/{app.id}/environments/{app.environment}/runtime")

    def _sees(self, made: str) -> None:
        """What the plane said is live comes to be what it serves."""
        shows(self.plane, self.site, made, END_SECONDS)


def shows(plane: Plane, site: Site, made: str, seconds: float) -> None:
    """Wait until the site's live page is the one of this commit; an edge that restarts is waited for."""
    wanted = title(site.shown[made])

    def looks_so() -> bool:
        try:
            return wanted in plane.page(site.app.host).text
        except httpx.TransportError:
            return False

    until(looks_so, seconds, f"{site.app.host} does not come to show {wanted}")


def all_get_on(everybody: Sequence[Customer], seconds: float) -> None:
    """Wait until each customer has done its thing once more, unless one has given up: that shows when it finishes."""
    before = [customer.acts for customer in everybody]

    def got_on() -> bool:
        if not all(customer.is_alive() for customer in everybody):
            return True
        return all(customer.acts > known for customer, known in zip(everybody, before, strict=True))

    until(got_on, seconds, "nothing goes on")


def title(text: str) -> str:
    """How a page shows its text."""
    return f"<title>{text}</title>"


@contextmanager
def customers(plane: Plane, directory: Path, chance: random.Random) -> Iterator[list[Customer]]:
    """Four sites that are deployed without a pause, two of them with a build, and one whose description changes."""
    prints = (
        f"for i in $(seq 1 {PRINTED}); do echo line $i; sleep 0.02; done; mkdir -p dist; cp page.html dist/index.html"
    )
    kinds: dict[str, tuple[type[Customer], str, dict[str, str], str]] = {
        "static": (Deployer, "static", static(), "index.html"),
        "plain": (Deployer, "static", static(), "index.html"),
        "printing": (Deployer, "react", built(prints), "page.html"),
        "typing": (Deployer, "react", built(prints), "page.html"),
        "described": (Scribe, "static", static(), "index.html"),
    }
    coming = []
    for name, (who, kind, files, page) in kinds.items():
        place = repository(directory / name, files)
        site = Site(plane.api.project(place, kind, name), place, files, page)
        coming.append(who(plane, site, name, random.Random(chance.random())))  # noqa: S311 - likewise
    with at_work(coming):
        yield coming


@contextmanager
def at_work(coming: Sequence[Customer]) -> Iterator[None]:
    """They come and go for the length of the block."""
    for one in coming:
        one.start()
    try:
        yield
    except BaseException as problem:
        for one in coming:
            one.complain(problem)
        raise
    finally:
        for one in coming:
            one.enough()
            one.client.close()
