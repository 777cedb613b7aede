"""Who is killed, and how soon the plane serves again."""

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from signal import SIGKILL
from time import monotonic, sleep

import psutil

from tests.system.planes import Plane, until

PARTS = ("api", "worker", "executor", "edge", "nats", "postgres", "caddy")
BACKEND, BUILD = "a backend of postgres", "a process of a build"
VICTIMS = (*PARTS, BACKEND, BUILD)

BACK_SECONDS = 30.0
"""Far more than the goal: the test says what it was, and a loaded machine is no fault of the plane."""


def in_rounds(chance: random.Random) -> Iterator[str]:
    """Victims for ever: each of them once in each round, in any order."""
    while True:
        yield from chance.sample(VICTIMS, len(VICTIMS))


def kill(plane: Plane, victims: Sequence[str], chance: random.Random) -> float:
    """kill -9 the victims, all at one moment; the seconds until everything served again."""
    former = {victim: plane.pid(victim) for victim in victims if victim in PARTS}
    for victim in sorted(victims, key=VICTIMS.index, reverse=True):  # a build first, while its executor lives
        _kill(plane, victim, chance)
    return _back(plane, lambda: all(plane.replaced(*one) for one in former.items()), " and ".join(victims))


def _kill(plane: Plane, victim: str, chance: random.Random) -> None:
    if victim in PARTS:
        plane.kill(victim)
    else:
        find = _backends if victim == BACKEND else _builds
        until(lambda: _killed(find(plane), chance), BACK_SECONDS, f"there was no {victim} to kill")


def _back(plane: Plane, replaced: Callable[[], bool], victim: str) -> float:
    began = monotonic()
    while not (replaced() and _ready(plane)):
        assert monotonic() < began + BACK_SECONDS, f"not ready after {victim} was killed"
        sleep(0.01)
    return monotonic() - began


def _ready(plane: Plane) -> bool:
    """Whether everything serves, NATS as well."""
    connection = HTTPConnection(plane.http, timeout=5)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        return answer.status == 200 and "nats" not in json.load(answer).get("degraded", [])
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _killed(candidates: list[int], chance: random.Random) -> bool:
    if not candidates:
        return False
    with suppress(ProcessLookupError):
        os.kill(chance.choice(candidates), SIGKILL)
        return True
    return False


def _backends(plane: Plane) -> list[int]:
    """Whatever the postmaster has started: sessions, and the server's own workers."""
    return _below(plane.pid("postgres"))


def _builds(plane: Plane) -> list[int]:
    """What the executor has started: git, sandboxes, and what runs in them. Applications have left it."""
    return _below(plane.pid("executor"))


def _below(pid: int | None) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)] if pid else []
    return []
