"""A workspace prints as much in a day as its limit says, over all executors together."""

from typing import Any

import pytest

from adapters.database import Database
from adapters.quotas import MEGABYTE
from adapters.volumes import LEFT_OUT, Volumes
from domain.identifiers import TenantId
from domain.limits import Limits
from services.journal import Journal

pytestmark = pytest.mark.anyio

ACME, OTHER = TenantId("acme"), TenantId("other")


class Paper:
    """What was written to a log."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def write(self, data: bytes, **_: Any) -> None:
        self.texts.append(data.decode())

    async def say(self, text: str, **_: Any) -> None:
        self.texts.append(text)


async def one_megabyte(tenant_id: TenantId) -> Limits:
    """The limit of one workspace."""
    return Limits(log_mb_per_day=1 if tenant_id == ACME else None)


async def test_two_executors_print_no_more_than_the_limit_together(database_url: str) -> None:
    async with Database.open(database_url) as database:
        first, second = Volumes(database, one_megabyte), Volumes(database, one_megabyte)
        assert (await first.of(ACME)).take(MEGABYTE - 10)
        await first.add_up(ACME)

        assert not (await second.of(ACME)).take(11)
        assert (await second.of(ACME)).take(10)
        await second.add_up(ACME)
        await first.add_up(ACME)
        assert not (await first.of(ACME)).take(1)
        assert (await first.of(OTHER)).take(100 * MEGABYTE)


async def test_what_a_build_prints_behind_the_limit_is_left_out_and_that_is_said_once(database_url: str) -> None:
    paper: Any = Paper()
    async with Database.open(database_url) as database:
        volume = await Volumes(database, one_megabyte).of(ACME)
        journal = Journal(paper, volume=volume)
        await journal.line("first")
        volume.take(MEGABYTE - volume.fresh)
        await journal.line("second")
        await journal.line("third")
        await journal.say("Of our own.")

    assert paper.texts == ["first\n", LEFT_OUT, "Of our own."]
