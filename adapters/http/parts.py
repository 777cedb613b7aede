"""What the HTTP application is put together from."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from adapters.databases.measuring import Measurements
from adapters.http.pages import Lines
from adapters.http.passwords import Passwords
from adapters.http.throttle import Throttle
from adapters.http.watching import Doorbell, Telling
from adapters.lockout import Lockout
from adapters.notifications.deliveries import Deliveries
from adapters.operations import Operations
from adapters.quotas import Quotas
from adapters.runtime.measurements import InstanceMeasurements
from adapters.settings import Settings
from adapters.uses import Uses
from commands.handling import Handler
from commands.ports import Clock, EventLog, Numbers, Vault
from domain.identifiers import TenantId
from projections.reading import Reader


class Log(EventLog, Protocol):
    """The event log, as the API needs it."""

    async def head(self) -> int:
        """The position of the last fact, 0 in an empty log."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How one part is. ``message`` says what is wrong, and how to mend it."""

    name: str
    state: Literal["ok", "degraded", "down"]
    message: str = ""


class Progress(Protocol):
    """How far the read models stand."""

    @property
    def known(self) -> int:
        """The position that all of them have passed, as far as it was heard here."""
        ...

    async def passed(self, position: int, timeout: float) -> bool:
        """Whether all of them pass ``position`` within ``timeout`` seconds."""
        ...


Probe = Callable[[], Awaitable[Sequence[Health]]]
"""Asks every part how it is."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that the application needs; whoever makes them also closes them."""

    log: Log
    handler: Handler
    numbers: Numbers
    vault: Vault
    reader: Reader
    within: Callable[[TenantId], Reader]
    """The same behind the wall of one workspace."""
    callers: Reader
    """The same for credentials, remembered as long as they hold."""
    progress: Progress
    told: Telling
    lines: Lines
    doorbell: Doorbell
    operations: Operations
    instances: InstanceMeasurements
    measurements: Measurements
    deliveries: Deliveries
    uses: Uses
    quotas: Quotas
    lockout: Lockout
    clock: Clock
    settings: Settings
    probe: Probe
    passwords: Passwords = field(default_factory=Passwords)
    attempts_by_address: Throttle = field(default_factory=lambda: Throttle(limit=60, period=300))
    requests: Throttle = field(default_factory=lambda: Throttle(limit=1, period=60))
    """Each caller's in each workspace, by the workspace's own limit."""
    readings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    """Repositories that are looked at side by side."""
