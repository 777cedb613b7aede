"""Given these facts, every read model holds these rows."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from domain.fact import Fact
from domain.history import Actor, Context, Recorded
from domain.identifiers import CausationId, RequestId, StreamName, TenantId
from tests.projections.histories import BEGINNING
from tests.projections.memory import MemoryReadModels

T = TypeVar("T")
ACME = TenantId("acme")
OTHER = TenantId("other")


def recorded(fact: Fact, position: int = 1, tenant: TenantId = ACME, by: str = "insider@example.com") -> Recorded:
    """A fact of the one stream of a tenant, a second after the one before it."""
    context = Context(
        tenant_id=tenant,
        actor=Actor(kind="account", name=by),
        correlation_id=RequestId("request"),
        causation_id=CausationId("cause"),
        at=BEGINNING + timedelta(seconds=position),
        reason="because",
    )
    return Recorded(position=position, stream=StreamName("thing-1"), version=position, fact=fact, context=context)


def given(*facts: Fact, tenant: TenantId = ACME) -> MemoryReadModels:
    """The read models after these facts of one tenant."""
    models = MemoryReadModels()
    models.deliver(recorded(fact, position, tenant) for position, fact in enumerate(facts, 1))
    return models


def asked(query: Coroutine[Any, Any, T]) -> T:
    """The answer of a query."""
    return asyncio.run(query)
