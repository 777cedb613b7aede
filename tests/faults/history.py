"""The log as it is kept, read from Postgres itself: nothing of ours stands between it and the oracle."""

import json
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True)
class Event:
    """A row of the log."""

    position: int
    stream: str
    version: int
    tag: str
    fact: dict[str, Any]
    context: dict[str, Any]


def history(url: str) -> list[Event]:
    """The whole log in order."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT position, stream, version, tag, state FROM log.events ORDER BY position")
        return [_event(*row) for row in rows]


def _event(position: int, stream: str, version: int, tag: str, state: bytes) -> Event:
    entry = json.loads(state)
    return Event(position, stream, version, tag, entry["fact"], entry["context"])


def tagged(events: list[Event], *tags: str) -> list[Event]:
    """The events with one of these tags."""
    return [event for event in events if event.tag in tags]
