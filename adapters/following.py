"""Every line after a seq, once, in order, until the log closes."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Protocol

from adapters.database import Unavailable
from adapters.linestore import Line, LineStore
from domain.identifiers import LogId

POLL_SECONDS = 1.0
"""So long a lost ring can delay a line."""

LastSeq = Callable[[], Awaitable[int | None]]
"""The last seq of a log that has closed (``LogClosed``), None while it is open."""


class Doorbell(Protocol):
    """Says that there may be news of a log; it may ring late, doubly or not at all. ``adapters.bell.Bell`` is one."""

    def clear(self) -> None:
        """Forget earlier rings."""
        ...

    async def wait(self, timeout: float) -> bool:
        """Until a ring since the last ``clear``, or for ``timeout`` seconds; whether it rang."""
        ...


async def follow(
    store: LineStore, log_id: LogId, bell: Doorbell, closed: LastSeq, *, after: int = 0
) -> AsyncGenerator[Sequence[Line], None]:
    """The lines behind ``after`` in batches as they are stored; ends behind the last line of a closed log.

    A reader holds nothing but its cursor, so it may be slow, be cut anywhere and go on from the last seq it had. While
    the database is away it waits. Raises ``PastRetention``.
    """
    while True:
        bell.clear()
        try:
            lines = await store.read(log_id, after)
            last_seq = None if lines else await closed()
        except Unavailable:
            await bell.wait(POLL_SECONDS)
            continue
        if lines:
            yield lines
            after = lines[-1].seq
        elif last_seq is not None and after >= last_seq:
            return
        else:
            await bell.wait(POLL_SECONDS)
