"""Sentences about channels."""

from domain import notification
from domain.notification import (
    ChannelAdded,
    ChannelDisabled,
    ChannelPaused,
    ChannelRedirected,
    ChannelRemoved,
    ChannelRenamed,
    ChannelResumed,
    ChannelSubscribed,
    ChannelTested,
    DeliveryAbandoned,
    EmailTarget,
    RedeliveryRequested,
    ReplayRequested,
    SigningSecretRotated,
    SlackTarget,
    Subscription,
    Target,
    WebhookTarget,
)
from projections.phrases import counted, moment


def tell(fact: notification.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case ChannelAdded():
            return f"{who} added the channel '{fact.name}' to {_place(fact.target)} for {_events(fact.subscription)}."
        case ChannelRenamed():
            return f"{who} renamed the channel '{fact.former}' to '{fact.name}'."
        case ChannelRedirected():
            return f"{who} led the channel to {_place(fact.target)}."
        case ChannelSubscribed():
            return f"{who} subscribed the channel to {_events(fact.subscription)}."
        case ChannelPaused() | ChannelResumed():
            return f"{who} {'paused' if isinstance(fact, ChannelPaused) else 'resumed'} the channel."
        case ChannelDisabled():
            return f"The channel '{fact.name}' was disabled: {fact.reason}"
        case SigningSecretRotated():
            until = moment(fact.former_until)
            return (
                f"{who} gave the channel '{fact.name}' signing secret {fact.version}; the former signs until {until}."
            )
        case ChannelTested():
            outcome = "got through" if fact.delivered else "failed"
            return f"{who} sent a test message to the channel '{fact.name}', which {outcome}: {fact.answer}"
        case RedeliveryRequested() | ReplayRequested():
            return f"{who} asked the channel '{fact.name}' to {_again(fact)}."
        case DeliveryAbandoned():
            tries = counted(fact.attempts, "attempt")
            return f"The channel '{fact.name}' gave up telling of {fact.type} after {tries}: {fact.answer}"
        case ChannelRemoved():
            return f"{who} removed the channel '{fact.name}'."


def _again(fact: RedeliveryRequested | ReplayRequested) -> str:
    match fact:
        case RedeliveryRequested():
            return f"make the delivery {fact.delivery_id} again"
        case ReplayRequested():
            return f"tell of what happened behind position {fact.from_position}, up to {fact.to_position}"


def _place(target: Target) -> str:
    match target:
        case EmailTarget():
            return f"{', '.join(target.recipients)} by {target.host}"
        case SlackTarget() | WebhookTarget():
            return target.shown


def _events(subscription: Subscription) -> str:
    events = ", ".join("all events" if event == notification.EVERYTHING else event for event in subscription.events)
    if subscription.environment_id:
        return f"{events} of one environment"
    return f"{events} of one project" if subscription.project_id else events
