"""Which appends of a batch may be recorded, and what they add: pure, decided on what is known of the log.

The appends of a batch are judged one after another, each as if those admitted before it were recorded already. So a
batch is a serial order, and one append's conflict is nobody else's.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.mapping import Stored
from commands.ports import Request, RequestReused, Sealed, VersionConflict
from domain.rejection import NameTaken
from domain.reservations import GiveBack, GiveBackAll, Reservation, Take

Name = tuple[str, str]
"""The scope and the name of a reservation."""

Answer = range | Exception
"""The positions of a submission's events, or why it was not recorded."""


@dataclass(eq=False, kw_only=True, slots=True)
class Submission:
    """What one caller wants recorded, whole or not at all, and where it waits for the answer."""

    runs: Sequence[Stored]
    reservations: Sequence[Reservation] = ()
    """Taken and given back by the first run's stream, in this order."""
    sealed: Sequence[Sealed] = ()
    request: Request | None = None
    in_doubt: bool = False
    """It was in a batch whose connection broke: it may have been recorded."""
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done without the committer once the caller has given up; then nothing must be recorded any more."""

    @property
    def stream(self) -> str:
        """The stream that holds what is reserved."""
        return self.runs[0].stream

    @property
    def size(self) -> int:
        """The number of events."""
        return sum(len(run.tags) for run in self.runs)

    @property
    def takes_only(self) -> bool:
        """Whether claims decide: that its streams stand so, and that what it takes is nobody else's."""
        return not (self.sealed or self.in_doubt) and all(isinstance(one, Take) for one in self.reservations)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the log holds of everything that a batch is about."""

    position: int = 0
    """The last one of the log, 0 when it is empty."""
    versions: Mapping[str, int]
    """The last version of each stream that has any."""
    holders: Mapping[Name, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """By causation id."""
    recorded: Mapping[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)
    """Position and state by stream and version, of submissions in doubt."""


class Admission:
    """Judges submissions in order, and keeps what the admitted ones add to the database."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._position = seen.position
        self._versions = dict(seen.versions)
        self._holders: dict[Name, str | None] = dict(seen.holders)
        self._fingerprints = dict(seen.fingerprints)
        self.runs: list[Stored] = []
        """What the admitted submissions add, in the order of their positions."""
        self.sealed: list[Sealed] = []
        self.requests: list[tuple[Request, str, int, int]] = []
        """With the stream, and the first and the last position."""

    def admit(self, submission: Submission) -> range:
        """The positions of the submission's events.

        Raises ``RequestReused``, ``VersionConflict`` or ``NameTaken``; then the submission has left no trace.
        """
        if submission.in_doubt and (positions := self._settled(submission)):
            return positions
        fresh = self._is_fresh(submission.request)
        versions = self._following(submission.runs)
        holders = self._reserved(submission)
        first = self._position + 1
        self._position += submission.size
        self._versions.update(versions)
        self._holders.update(holders)
        self.runs += submission.runs
        self.sealed += submission.sealed
        if submission.request and fresh:
            self._fingerprints[submission.request.causation_id] = submission.request.fingerprint
            self.requests.append((submission.request, submission.stream, first, self._position))
        return range(first, self._position + 1)

    @property
    def holders(self) -> Mapping[Name, str | None]:
        """The names whose holder changes, and who holds them afterwards."""
        before = self._seen.holders
        return {name: holder for name, holder in self._holders.items() if holder != before.get(name)}

    def _settled(self, submission: Submission) -> range | None:
        """The positions where the submission was recorded after all, if it was: the same bytes in the same places."""
        found = [
            (self._seen.recorded.get((run.stream, version)), state)
            for run in submission.runs
            for version, state in enumerate(run.states, run.first)
        ]
        if (first := found[0][0]) and all(place and place[1] == state for place, state in found):
            return range(first[0], first[0] + len(found))
        return None

    def _is_fresh(self, request: Request | None) -> bool:
        """Whether the request's name was never used. One request may append to several streams under its name."""
        if request is None:
            return False
        before = self._fingerprints.get(request.causation_id)
        if before not in {None, request.fingerprint}:
            raise RequestReused(f"The idempotency key of request {request.causation_id} came with another request.")
        return before is None

    def _following(self, runs: Sequence[Stored]) -> dict[str, int]:
        """The streams' last versions after the runs, each of which must follow what is before it."""
        versions: dict[str, int] = {}
        for run in runs:
            last = versions.get(run.stream, self._versions.get(run.stream))
            # A stream begins with version 1; the contract of the library eventsourcing also lets it begin with 0.
            if run.first not in ({0, 1} if last is None else {last + 1}):
                raise VersionConflict(f"{run.stream}@{run.first} cannot follow version {last or 0}.")
            versions[run.stream] = run.last
        return versions

    def _reserved(self, submission: Submission) -> dict[Name, str | None]:
        """The holders of all names that the submission takes or gives back."""
        stream = submission.stream if submission.reservations else ""
        changed: dict[Name, str | None] = {}
        for reservation in submission.reservations:
            match reservation:
                case Take(scope=scope, name=name):
                    holder = f"{stream} for good" if reservation.lasting else stream
                    if self._holder(changed, (scope, name)) not in {None, holder}:
                        raise NameTaken(scope, name)
                    changed[scope, name] = holder
                case GiveBack(scope=scope, name=name):
                    if self._holder(changed, (scope, name)) == stream:
                        changed[scope, name] = None
                case GiveBackAll():
                    held = {name for name in {**self._holders, **changed} if self._holder(changed, name) == stream}
                    changed |= dict.fromkeys(held)
        return changed

    def _holder(self, changed: Mapping[Name, str | None], name: Name) -> str | None:
        return changed[name] if name in changed else self._holders.get(name)
