"""A request to stop is not lost, whatever the libraries in between make of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_ASK_AGAIN_SECONDS = 0.5


@contextmanager
def heeded() -> Iterator[None]:
    """Raises ``CancelledError`` at its end, if the task was asked to stop meanwhile and something swallowed that.

    ``asyncio.wait_for`` of Python 3.11 swallows it where the answer comes at the same moment, and the clients of
    NATS and Postgres where an error comes out of their tidying up. The task would then run for ever. Not for what runs
    a task group: one of Python 3.11 that ends by an error may leave a request of its own behind.
    """
    before = _requests()
    try:
        yield
    except Exception as problem:
        if _requests() > before:
            raise asyncio.CancelledError from problem
        raise
    if _requests() > before:
        raise asyncio.CancelledError


def _requests() -> int:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no task can be cancelled in a thread without a loop
        return 0
    return task.cancelling() if task else 0


async def ended(task: "asyncio.Task[None]") -> None:
    """Have the task end, by whatever error: it is asked to as often as it takes, for it may lose a request."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_ASK_AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()  # taken note of, or asyncio complains that nobody did
