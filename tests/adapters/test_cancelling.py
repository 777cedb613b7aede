"""Whoever is asked to stop stops, also where a library loses the request."""

import asyncio
from contextlib import suppress

import psycopg
import pytest

from adapters.cancelling import heeded
from adapters.database import Database, Unavailable, unavailable
from services.offices import hold

pytestmark = pytest.mark.anyio


async def lost(problem: Exception | None) -> None:
    """Waits for ever; a request to stop becomes an error or nothing at all."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    if problem:
        raise problem


async def stopped(task: asyncio.Task[object]) -> bool:
    """Whether the task ends when it is asked to once."""
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    return bool(done) and task.cancelled()


@pytest.mark.parametrize("problem", [None, OSError("while tidying up")], ids=["an answer", "an error"])
async def test_a_request_to_stop_outlives(problem: Exception | None) -> None:
    async def work() -> None:
        with heeded():
            await lost(problem)

    assert await stopped(asyncio.create_task(work()))


async def test_an_error_without_a_request_to_stop_is_as_it_was() -> None:
    with pytest.raises(OSError, match="as it was"), heeded():
        raise OSError("as it was")


async def test_an_earlier_request_that_is_being_carried_out_is_not_raised_again() -> None:
    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with heeded():
                await asyncio.sleep(0)
            return "tidied up"
        return ""

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "tidied up"


def test_a_thread_without_tasks_may_use_the_database() -> None:
    with pytest.raises(Unavailable), unavailable():
        raise psycopg.OperationalError("away")


async def test_an_office_is_left_though_its_work_turned_the_request_to_stop_into_an_error(database_url: str) -> None:
    began = asyncio.Event()

    async def work(_: object) -> None:
        began.set()
        await lost(psycopg.OperationalError("the connection is lost"))

    async with Database.open(database_url) as database:
        holding = asyncio.create_task(hold(database, "an office", work))
        await asyncio.wait_for(began.wait(), 10)
        assert await stopped(holding)


async def test_an_office_goes_on_after_a_task_group_ended_by_what_passes(database_url: str) -> None:
    began = asyncio.Semaphore(0)

    async def failing() -> None:
        raise OSError

    async def work(_: object) -> None:
        began.release()
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            group.create_task(lost(None))

    async with Database.open(database_url) as database:
        holding = asyncio.create_task(hold(database, "an office", work))
        for _ in range(3):
            await asyncio.wait_for(began.acquire(), 10)
        assert await stopped(holding)
