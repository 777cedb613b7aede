"""Sentences about repositories."""

from domain import repository
from domain.repository import RepositoryConnected, RepositoryDisconnected
from projections.phrases import shown_url


def tell(fact: repository.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case RepositoryConnected():
            how = " with a credential" if fact.credential else ""
            return f"{who} connected the repository '{fact.name}' at {shown_url(fact.url)}{how}."
        case RepositoryDisconnected():
            return f"{who} disconnected the repository '{fact.name}'."
