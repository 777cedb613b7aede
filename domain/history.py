"""Where a fact stands, and who caused it."""

from datetime import datetime
from typing import Literal

from domain.fact import Fact, Value
from domain.identifiers import AccountId, ApiTokenId, CausationId, RequestId, StreamName, TenantId


class Actor(Value):
    """Who did it: a person, a person's token, or a part of Shipbook itself."""

    kind: Literal["account", "token", "system"] = "system"
    account_id: AccountId | None = None
    token_id: ApiTokenId | None = None
    name: str = "shipbook"
    """An e-mail address, or the part's name; what the audit trail prints."""
    address: str | None = None
    user_agent: str | None = None


class Context(Value):
    """The circumstances of a command, kept beside each fact that it caused."""

    tenant_id: TenantId
    actor: Actor
    correlation_id: RequestId
    causation_id: CausationId
    at: datetime
    reason: str | None = None


class Recorded(Value):
    """A fact in its place: ``version`` counts from 1 in its stream, ``position`` from 1 in the whole log."""

    position: int
    stream: StreamName
    version: int
    fact: Fact
    context: Context

    @property
    def id(self) -> str:
        """The fact's own name, equal wherever and however often it is delivered."""
        return f"{self.stream}@{self.version}"
