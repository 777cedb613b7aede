"""``shipbook up``: the whole plane on this machine."""

import asyncio
import os
import sys
from typing import NoReturn

from adapters.edge.responder import Responder
from adapters.settings import Settings
from services.plane import programs, role
from services.preflight import claimed
from services.supervising import supervise


def become(settings: Settings) -> NoReturn:
    """Turn this process into the supervisor, so that the command line's libraries take no memory while it watches."""
    argv = role("up", str(settings.data_dir))
    os.execve(argv[0], argv, os.environ | settings.environ())  # noqa: S606 - no shell is meant


def main(settings: Settings) -> int:
    """Run everything until Ctrl-C or SIGTERM. Raises ``CannotStart``.

    Applications outlive each of our processes, but not the deliberate end of the whole plane; its next start starts
    them again.
    """
    with claimed(settings):
        try:
            asyncio.run(_run(settings))
        finally:
            asyncio.run(_stop_applications(settings))
    _say("stopped")
    return 0


async def _run(settings: Settings) -> None:
    """Everything, and what Caddy cannot be without: addresses, which it asks for with each connection it opens."""
    async with Responder() as addresses:
        await addresses.start(settings.addresses_socket)
        await supervise(
            programs(settings),
            logs_dir=settings.logs_dir,
            run_dir=settings.run_dir,
            say=_say,
            ready=lambda: _greet(settings),
        )


async def _stop_applications(settings: Settings) -> None:
    if not settings.applications_dir.is_dir():
        return
    # Loaded at the end alone, so that the supervisor stays small while it only watches.
    from adapters.runtime.process import ProcessRuntime  # noqa: PLC0415
    from services.hosting import DOWN, STOP_SECONDS  # noqa: PLC0415

    runtime = ProcessRuntime(settings.applications_dir)
    running = [one for one in await runtime.instances() if one.state not in DOWN]
    if running:
        _say(f"stopping {len(running)} instances of applications")
        await asyncio.gather(*(runtime.stop(one.instance_id, STOP_SECONDS) for one in running))


def _say(line: str) -> None:
    print(f"shipbook: {line}", file=sys.stderr, flush=True)


def _greet(settings: Settings) -> None:
    _say(f"ready. The API is at http://{settings.http}, its description at http://{settings.http}/docs.")
    _say(f"Your credentials are in {settings.credentials_file}. Deploy a repository with: shipbook deploy --follow")
