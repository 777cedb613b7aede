"""``shipbook up``: the whole plane on this machine."""

import asyncio
import sys

from adapters.settings import Settings
from services.plane import programs
from services.preflight import claimed
from services.supervising import supervise


def main(settings: Settings) -> int:
    """Run everything until Ctrl-C or SIGTERM. Raises ``CannotStart``."""
    with claimed(settings):
        asyncio.run(
            supervise(
                programs(settings),
                logs_dir=settings.logs_dir,
                run_dir=settings.run_dir,
                say=_say,
                ready=lambda: _greet(settings),
            )
        )
    _say("stopped")
    return 0


def _say(line: str) -> None:
    print(f"shipbook: {line}", file=sys.stderr, flush=True)


def _greet(settings: Settings) -> None:
    _say(f"ready. The API is at http://{settings.http}, its description at http://{settings.http}/docs.")
    _say(f"Your credentials are in {settings.credentials_file}. Deploy a repository with: shipbook deploy --follow")
