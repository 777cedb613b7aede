"""What is asked of an engine of databases, whichever it is."""

from pathlib import Path
from typing import Protocol

import msgspec

from commands.ports import SecretValue

HOST = "127.0.0.1"


class EngineFailed(Exception):
    """It cannot be done; the message says why, for the customer, and holds no secret."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A database as it shall be."""

    id: str
    """Names its server and its files."""
    database: str
    user: str
    password: SecretValue
    port: int
    """Of the loopback address."""
    memory_mb: int
    existed: bool = False
    """It has run before: an empty one must not take the place of files that are lost."""
    scratch: bool = False
    """Nobody misses it after a crash of the machine."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """How a database that answers is at this moment."""

    size_bytes: int
    connections: int


class Engine(Protocol):
    """Each method may be cut off anywhere and called again. Each raises ``EngineFailed``."""

    async def start(self, order: Order) -> None:
        """Make what is missing, start it, and wait until it answers."""
        ...

    async def runs(self, order: Order) -> bool:
        """Whether its server runs, at a glance."""
        ...

    async def stop(self, order: Order) -> None:
        """End it in good order; what it holds is kept."""
        ...

    async def remove(self, order: Order) -> None:
        """Leave nothing of it; one that is not there is no error."""
        ...

    async def measure(self, order: Order) -> Measurement:
        """Ask it how it is."""
        ...

    async def dump(self, order: Order, into: Path) -> Path:
        """Write a backup of it into a directory that is ours, and return the file. It need not be on the disk yet."""
        ...

    async def restore(self, order: Order, file: Path, mark: str) -> None:
        """Replace all that it holds by a backup, or nothing. A restore of the same ``mark`` is not done twice."""
        ...

    async def found(self, order: Order) -> str:
        """What it holds, in a few words: ``3 tables``."""
        ...
