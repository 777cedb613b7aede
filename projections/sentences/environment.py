"""Sentences about environments."""

from domain import environment
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentClosed,
    EnvironmentRestarted,
    EnvironmentRolledBack,
    EnvironmentStopped,
    InstancesMoved,
    ReleaseActivated,
    RestartCause,
    RestartPostponed,
    RestartStarted,
)
from domain.keeping import ReleaseExpired, ReleasePinned, ReleaseUnpinned
from projections.phrases import counted, deployment_reference, runtime_settings
from projections.sentences import keeping


def tell(fact: environment.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case ActivationStarted():
            reference = deployment_reference(fact.deployment_number)
            return f"Activation {fact.activation} began, to make the release of {reference} live."
        case EnvironmentRolledBack():
            return f"{who} rolled the environment back to the release {fact.release_id}{_why(fact.reason)}"
        case ReleaseActivated():
            served = f" with {counted(len(fact.upstreams), 'instance')}" if fact.upstreams else ""
            return f"The release {fact.release_id} became active{served}."
        case ActivationFailed():
            return f"Activation {fact.activation} failed, so nothing was switched: {fact.error}"
        case InstancesMoved():
            places = " and ".join(f"{place.host}:{place.port}" for place in fact.upstreams) or "no address"
            return f"The active release listens at {places}."
        case RestartStarted():
            return f"{who} {_RESTARTED[fact.cause]} with {runtime_settings(fact.runtime)}{_why(fact.reason)}"
        case RestartPostponed():
            return (
                f"A restart waits until the release that is being made live is, with {runtime_settings(fact.runtime)}"
            )
        case EnvironmentRestarted():
            served = f" with {counted(len(fact.upstreams), 'instance')}" if fact.upstreams else ""
            return f"The release {fact.release_id} runs anew{served}."
        case EnvironmentStopped():
            return f"{who} stopped the environment{_why(fact.reason)}"
        case ReleasePinned() | ReleaseUnpinned() | ReleaseExpired():
            return keeping.tell(fact, who)
        case EnvironmentClosed():
            return "Nothing is live in the environment any more, as it was deleted."


_RESTARTED = {
    RestartCause.ASKED: "restarts the active release",
    RestartCause.CONFIGURED: "restarts the active release, because the runtime was configured,",
    RestartCause.STOPPED: "starts the environment again",
}


def _why(reason: str | None) -> str:
    return f": {reason}" if reason else ""
