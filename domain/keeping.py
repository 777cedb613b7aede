"""Which releases of an environment can still be made live: those that did not expire, and those that never will."""

from msgspec.structs import replace

from domain.fact import Fact, Value
from domain.identifiers import EnvironmentId, ReleaseId


class ReleasePinned(Fact, tag="environment.release-pinned"):
    """Somebody wants the release to be kept, however many follow it."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_number: int
    reason: str | None = None


class ReleaseUnpinned(Fact, tag="environment.release-unpinned"):
    """The release is kept as long as any other."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_number: int


class ReleaseExpired(Fact, tag="environment.release-expired"):
    """The release is never made live here again, and what it was built to may be removed."""

    environment_id: EnvironmentId
    release_id: ReleaseId
    deployment_number: int


Event = ReleasePinned | ReleaseUnpinned | ReleaseExpired


class Keeping(Value):
    """The releases about which there is more to say than that they are kept for now."""

    pinned: frozenset[ReleaseId] = frozenset()
    expired: frozenset[ReleaseId] = frozenset()


def evolve(state: Keeping, fact: Event) -> Keeping:
    """What is kept after ``fact``."""
    match fact:
        case ReleasePinned():
            return replace(state, pinned=state.pinned | {fact.release_id})
        case ReleaseUnpinned():
            return replace(state, pinned=state.pinned - {fact.release_id})
        case ReleaseExpired():
            return Keeping(pinned=state.pinned - {fact.release_id}, expired=state.expired | {fact.release_id})
