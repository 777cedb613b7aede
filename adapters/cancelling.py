"""A request to stop is not lost, whatever the libraries in between make of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeded() -> Iterator[None]:
    """Raises ``CancelledError`` at its end, if the task was asked to stop meanwhile and something swallowed that.

    ``asyncio.wait_for`` of Python 3.11 swallows it where the answer comes at the same moment, and the clients of
    NATS and Postgres where an error comes out of their tidying up. The task would then run for ever.
    """
    before = _requests()
    try:
        yield
    except Exception as problem:
        if isinstance(problem, ExceptionGroup) and _requests() > before and (task := asyncio.current_task()):
            task.uncancel()  # a task group of Python 3.11 that ends by an error leaves a request of its own behind
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
