"""``Idempotency-Key``: the client's own name for its request becomes the causation id (architecture, rule 6).

What was asked is kept, as a digest, in the transaction that records what it caused; so a repetition is known for
ever, on any machine, and another request under the same key is refused.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from litestar import Request as HttpRequest

from adapters.http.errors import Refusal
from commands.ports import EventLog, Request, RequestReused
from domain.identifiers import AccountId, CausationId, TenantId, derived
from domain.rejection import Invalid

HEADER = "idempotency-key"
KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def named(request: HttpRequest[Any, Any, Any], tenant: TenantId | None, account: AccountId) -> Request | None:
    """The request under the name that its client gave it, or None where it has none."""
    key = request.headers.get(HEADER)
    if key is None or request.method not in {"POST", "PATCH", "DELETE"}:
        return None
    if not KEY.fullmatch(key):
        raise Invalid("The Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID.")
    place = CausationId(f"{tenant}/{account}/{request.method} {request.url.path}")
    fingerprint = sha256(f"{place}\n".encode() + await request.body()).hexdigest()
    return Request(causation_id=CausationId(derived(place, key)), fingerprint=fingerprint)


async def repeated(log: EventLog, request: Request) -> bool:
    """Whether the request was done before. Raises ``RequestReused`` where another one was, under the same name."""
    before = await log.request(request.causation_id)
    if before is not None and before.fingerprint != request.fingerprint:
        raise RequestReused
    return before is not None


class UnderWay:
    """The named requests that this process is working on."""

    def __init__(self) -> None:
        self._names: set[CausationId] = set()

    @contextmanager
    def alone(self, request: Request | None) -> Iterator[None]:
        """Nobody else works on the request meanwhile; refuses where somebody does."""
        if request is None:
            yield
            return
        if request.causation_id in self._names:
            raise Refusal(409, "in_flight", "The first request with this Idempotency-Key still runs.", retry_after=1)
        self._names.add(request.causation_id)
        try:
            yield
        finally:
            self._names.discard(request.causation_id)
