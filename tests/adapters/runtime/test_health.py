"""Health and draining, apart from any runtime."""

import asyncio
import threading

import pytest

from adapters.runtime import health

pytestmark = pytest.mark.anyio


async def test_a_look_at_the_machines_connections_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    others_went_on = threading.Event()
    monkeypatch.setattr(health, "connections", lambda _: 0 if others_went_on.wait(5) else 1)
    asyncio.get_running_loop().call_soon(others_went_on.set)

    assert await health.drained(1, 0)
