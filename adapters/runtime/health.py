"""Whether a running application is well, and whether anybody still uses it."""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from adapters.runtime.instance import Instance, InstanceState

ESTABLISHED = b"01"
"""Of the states in ``/proc/net/tcp`` (proc_net(5))."""
LOOK_SECONDS = 0.25
"""Between looks at the machine's connections, each of which takes up to 50 ms of CPU where there are thousands."""
HEAD_BYTES = 8192
USUAL_PATH = "/"
SERVES = (InstanceState.STARTING, InstanceState.RUNNING)
Look = Callable[[], Awaitable[Instance | None]]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a health check: well, or the reason why not, in a sentence for the user."""

    well: bool
    reason: str = ""


async def healthy(
    instance: Instance, look: Look, path: str = USUAL_PATH, timeout: float = 60, interval: float = 0.1
) -> Health:
    """Ask the application for ``path`` until it answers well, or ``timeout`` seconds have passed, or it has ended.

    A path that somebody chose must answer below 400; for the usual ``/`` everything below 500 shows that the
    application serves. ``look`` gives the instance as it stands, so that one that has ended fails at once.
    """
    began = time.monotonic()
    accepted = 500 if path == USUAL_PATH else 400
    answer = "gave no answer"
    while (left := timeout - (time.monotonic() - began)) > 0:
        stands = await look()
        if stands is None or stands.restarts > instance.restarts or stands.state not in SERVES:
            return Health(well=False, reason=_ended(stands))
        status, answer = await _ask(instance, path, min(left, 5.0))
        if status is not None and status < accepted:
            return Health(well=True)
        await asyncio.sleep(min(interval, max(left, 0)))
    return Health(well=False, reason=_unwell(instance, path, timeout, answer))


async def drained(port: int, timeout: float) -> bool:
    """Wait until no connection to ``port`` of this machine is open; False when ``timeout`` seconds pass first."""
    until = time.monotonic() + timeout
    while await asyncio.to_thread(connections, port):
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


def connections(port: int) -> int:
    """How many established connections the server at ``port`` of this machine has."""
    here = re.compile(rb":%04X [0-9A-F]+:[0-9A-F]{4} %b " % (port, ESTABLISHED))
    found = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            found += len(here.findall(Path(table).read_bytes()))
    return found


async def _ask(instance: Instance, path: str, timeout: float) -> tuple[int | None, str]:
    """The status of one GET, and what happened in words that follow "it"."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(instance.host, instance.port, limit=HEAD_BYTES)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: shipbook-health\r\n"
                writer.write(f"{request}Accept: */*\r\nConnection: close\r\n\r\n".encode())
                first = (await reader.readline()).decode("latin-1").split()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return None, "accepted the connection but gave no answer"
    except ConnectionRefusedError:
        return None, "listened on no such port"
    except (OSError, ValueError) as problem:
        return None, f"broke the connection ({problem})"
    if len(first) < 2 or not first[0].startswith("HTTP/") or not first[1].isdigit():
        return None, "gave an answer that is not HTTP"
    return int(first[1]), f"answered {first[1]}"


def _unwell(instance: Instance, path: str, timeout: float, answer: str) -> str:
    return (
        f"GET {path} on port {instance.port} was not answered well within {timeout:g} s: the application {answer}. "
        "It must listen on 127.0.0.1 at the port in the variable PORT; the path and the time to wait for it are "
        "healthCheckPath and healthTimeoutSeconds of the runtime configuration."
    )


def _ended(instance: Instance | None) -> str:
    code = "" if instance is None or instance.exit_code is None else f" with exit code {instance.exit_code}"
    return f"The application ended{code} before it was healthy. The end of its log says why."
