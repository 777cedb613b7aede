"""What is counted by the day, and who was locked out, is forgotten when it is over."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.database import Database
from services.access_keeping import AccessKeeping

pytestmark = pytest.mark.anyio


async def test_places_of_days_that_are_over_are_forgotten_and_all_others_kept(database_url: str) -> None:
    today = datetime.now(UTC).date()
    kept = [f"deployment of {today}/acme", f"deployment of {today - timedelta(days=1)}/acme", "project place/acme"]
    over = f"deployment of {today - timedelta(days=2)}/acme"
    async with Database.open(database_url) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for scope in (*kept, over):
                connection.execute("INSERT INTO log.reservations VALUES (%s, '1', 'deployment-x for good')", [scope])
            old = "INSERT INTO access.attempts VALUES ('old', 3, now() - interval '2 days'), ('new', 3, now())"
            connection.execute(old)

        await AccessKeeping(database).forget()

        scopes = await database.fetch("SELECT scope FROM log.reservations")
        attempts = await database.fetch("SELECT subject FROM access.attempts")
    assert sorted(scope for (scope,) in scopes) == sorted(kept)
    assert attempts == [("new",)]
