"""The oracle: what clients were told, held against what is kept and served."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256

from tests.faults.clients import Client
from tests.faults.customers import PRINTED, Customer, Deployed, Site, shows
from tests.faults.history import Event, tagged
from tests.system.planes import Plane

MARKS = {"deployment.queued": "note", "project.described": "description", "environment.rolled-back": "reason"}
"""Which field of an event holds the name of the request that caused it."""

SERVED_SECONDS = 15.0


def numbered_without_gap(events: Sequence[Event]) -> None:
    """Positions count from 1, and so do the versions of each stream."""
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    streams: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        streams[event.stream].append(event.version)
    for stream, versions in streams.items():
        assert versions == list(range(versions[0], versions[0] + len(versions))), stream
    assert {versions[0] for versions in streams.values()} <= {0, 1}


def told_and_kept(events: Sequence[Event], clients: Iterable[Client]) -> None:
    """What a client was told is in the log once, up to the position it was told; what it asked for, never twice."""
    kept: defaultdict[str, list[int]] = defaultdict(list)
    for event in tagged(list(events), *MARKS):
        kept[event.fact[MARKS[event.tag]] or ""].append(event.position)
    for client in clients:
        for key in client.asked:
            assert len(kept[key]) <= 1, f"{key} was done {len(kept[key])} times"
        for told in client.told:
            assert kept[told.key], f"{told.key} was acknowledged at position {told.position} and is not in the log"
            assert kept[told.key][0] <= told.position, told


def repeated_without_effect(clients: Iterable[Client]) -> None:
    """Who repeats a request under its name is told so, and gets the same thing."""
    for client in clients:
        for told in client.told[-3:]:
            again = client.repeat(told)
            assert again.headers.get("Idempotent-Replayed") == "true", told
            assert again.json().get("id") == told.answer.get("id"), told


def activated_once(events: Sequence[Event]) -> None:
    """Activations are numbered without a gap, each ends at most once, and a deployment makes its release live once."""
    begun: defaultdict[str, list[int]] = defaultdict(list)
    ended: Counter[tuple[str, int]] = Counter()
    by: dict[tuple[str, int], str] = {}
    for event in events:
        if event.tag in {"environment.activation-started", "environment.rolled-back"}:
            place, number = event.fact["environment_id"], event.fact["activation"]
            begun[place].append(number)
            by[place, number] = event.fact.get("deployment_id", f"rollback {event.position}")
        elif event.tag in {"environment.release-activated", "environment.activation-failed"}:
            ended[event.fact["environment_id"], event.fact["activation"]] += 1
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in begun.values()), dict(begun)
    assert set(ended.values()) <= {1}, ended
    activated = tagged(list(events), "environment.release-activated")
    causes = Counter(by[event.fact["environment_id"], event.fact["activation"]] for event in activated)
    assert set(causes.values()) <= {1}, [cause for cause, times in causes.items() if times > 1]


def ended_once(events: Sequence[Event], deployed: Iterable[Deployed]) -> None:
    """Nothing is stuck: every deployment that was queued has one end, the one that its customer saw."""
    words = ("succeeded", "failed", "cancelled", "rejected", "superseded")
    ends = {f"deployment.{word}": word for word in words}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for event in tagged(list(events), *ends):
        found[event.fact["deployment_id"]].append(ends[event.tag])
    queued = [event.fact["deployment_id"] for event in tagged(list(events), "deployment.queued")]
    assert {identifier: len(found[identifier]) for identifier in queued} == dict.fromkeys(queued, 1)
    for one in deployed:
        assert len(one.seen.done) == 1
        assert found[one.id] == [one.status]


def logs_whole(events: Sequence[Event], deployed: Iterable[Deployed], client: Client) -> None:
    """Each log has every line once, as its seal says, and its live reader saw just these."""
    sealed: defaultdict[str, list[Event]] = defaultdict(list)
    for event in tagged(list(events), "log.closed"):
        sealed[event.fact["log_id"]].append(event)
    for one in deployed:
        (seal,) = sealed[f"deployment-{one.id}"]
        lines = _lines(client, one.id)
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1)), one.id
        assert seal.fact["last_seq"] == len(lines), one.id
        assert seal.fact["sha256"] == sha256("".join(f"{line['text']}\n" for line in lines).encode()).hexdigest()
        assert [(line["seq"], line["text"]) for line in one.seen.lines] == [
            (line["seq"], line["text"]) for line in lines
        ]
        printed = [line["text"] for line in lines if line["text"].startswith("line ")]
        if printed and one.status == "succeeded":  # whoever began it, the last one printed everything
            assert printed[-PRINTED:] == [f"line {number}" for number in range(1, PRINTED + 1)], one.id


def _lines(client: Client, deployment: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while page := client.look(f"/deployments/{deployment}/logs", after=len(found), limit=1000)["items"]:
        found += page
    return found


def served_as_told(plane: Plane, events: Sequence[Event], sites: Iterable[Site]) -> None:
    """Every live URL serves the release of the last activation in the log."""
    commits = {event.fact["release_id"]: event.fact["commit"] for event in tagged(list(events), "release.cut")}
    live = {
        event.fact["environment_id"]: commits[event.fact["release_id"]]
        for event in tagged(list(events), "environment.release-activated")
    }
    for site in sites:
        if made := live.get(site.app.environment):
            shows(plane, site, made, SERVED_SECONDS)


def judge(plane: Plane, events: Sequence[Event], customers: Sequence[Customer]) -> None:
    """Hold everything that the customers of a plane at rest saw against its log."""
    clients = [customer.client for customer in customers]
    deployed = [one for customer in customers for one in customer.deployed]
    numbered_without_gap(events)
    told_and_kept(events, clients)
    activated_once(events)
    ended_once(events, deployed)
    logs_whole(events, deployed, clients[0])
    served_as_told(plane, events, [customer.site for customer in customers])
    repeated_without_effect(clients)
