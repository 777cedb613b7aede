"""The log keeps the recorder contract of the ``eventsourcing`` library: the library's own suites say so."""

import asyncio
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from anyio.from_thread import start_blocking_portal
from eventsourcing.persistence import ApplicationRecorder, TrackingRecorder
from psycopg_pool import ConnectionPool

from adapters.committing import Committer
from adapters.database import ensure_schema
from adapters.recorders import LogRecorder, PositionRecorder

# The suites' module also tests ciphers, with a package that Shipbook has no use for.
with patch.dict(sys.modules, {"eventsourcing.cipher": SimpleNamespace(AESCipher=None)}):
    from eventsourcing.tests.persistence import (
        ApplicationRecorderTestCase,
        NonInterleavingNotificationIDsBaseCase,
        TrackingRecorderTestCase,
    )


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[psycopg.Connection]]:
    with ConnectionPool(ensure_schema(database_url), min_size=1, max_size=8, kwargs={"autocommit": True}) as pool:
        yield pool


class _OurLog:
    """Our recorder over an empty log; ids of originators are texts."""

    @pytest.fixture(autouse=True)
    def _empty_log(self, pool: ConnectionPool[psycopg.Connection]) -> Iterator[None]:
        with start_blocking_portal() as portal:
            loop = portal.call(asyncio.get_running_loop)
            with portal.wrap_async_context_manager(Committer.open(pool.conninfo)) as committer:
                self.recorder = LogRecorder(pool, committer, loop)
                yield

    def create_recorder(self) -> LogRecorder:
        return self.recorder

    def new_originator_id(self) -> str:
        return f"thing-{uuid4()}"


class TestLogRecorder(_OurLog, ApplicationRecorderTestCase[ApplicationRecorder]):
    def test_subscriptions_deliver_what_is_recorded_and_what_will_be(self) -> None:
        self.optional_test_insert_subscribe()


class TestPositionsAreNotInterleaved(_OurLog, NonInterleavingNotificationIDsBaseCase):
    pass


class TestPositionRecorder(TrackingRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _no_positions(self, pool: ConnectionPool[psycopg.Connection]) -> None:
        self.recorder = PositionRecorder(pool)

    def create_recorder(self) -> TrackingRecorder:
        return self.recorder
