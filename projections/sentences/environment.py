"""Sentences about environments."""

from domain import environment
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentClosed,
    EnvironmentRolledBack,
    InstancesMoved,
    ReleaseActivated,
)
from projections.phrases import counted, deployment_reference


def tell(fact: environment.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case ActivationStarted():
            reference = deployment_reference(fact.deployment_number)
            return f"Activation {fact.activation} began, to make the release of {reference} live."
        case EnvironmentRolledBack():
            reason = f": {fact.reason}" if fact.reason else ""
            return f"{who} rolled the environment back to the release {fact.release_id}{reason}"
        case ReleaseActivated():
            served = f" with {counted(len(fact.upstreams), 'instance')}" if fact.upstreams else ""
            return f"The release {fact.release_id} became active{served}."
        case ActivationFailed():
            return f"Activation {fact.activation} failed, so nothing was switched: {fact.error}"
        case InstancesMoved():
            places = " and ".join(f"{place.host}:{place.port}" for place in fact.upstreams) or "no address"
            return f"The active release listens at {places}."
        case EnvironmentClosed():
            return "Nothing is live in the environment any more, as it was deleted."
