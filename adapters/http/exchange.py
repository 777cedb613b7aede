"""One request and its answer, as they are known outside of the routes."""

from dataclasses import dataclass, field
from typing import Any

from litestar.types import Scope

from domain.identifiers import RequestId

KEY = "exchange"


@dataclass(slots=True)
class Exchange:
    """What is gathered on the way: ``headers`` and ``position`` go with the answer, ``caller`` into the access log."""

    request_id: RequestId
    position: int = 0
    """The answer shows everything up to this position of the log."""
    headers: dict[str, str] = field(default_factory=dict)
    caller: str = "nobody"
    headless: bool = False
    """The request is a HEAD, and wants no body."""
    streaming: bool = False
    """The answer goes on as long as both sides want."""


def exchange_of(scope: Scope) -> Exchange:
    """The exchange of a request."""
    exchange: Exchange = state_of(scope)[KEY]
    return exchange


def state_of(scope: Scope) -> dict[str, Any]:
    """Where the layers leave things for one another, for the time of one request."""
    return scope.setdefault("state", {})
