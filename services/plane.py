"""The programs of one machine: the embedded servers that are wanted, and our own processes."""

import os
import sys
from signal import SIGKILL, SIGTERM

from adapters.settings import Settings
from services.embedded import caddy, nats, postgres
from services.parts import forget_ready, said_ready
from services.programs import Program

OWN = ("edge", "worker", "api", "executor")
"""Our processes, in the order of starting; each is what ``shipbook <name>`` runs, and says when it is ready."""


def programs(settings: Settings) -> list[Program]:
    """Everything that ``shipbook up`` runs, in the order of starting."""
    servers = [] if settings.database_url else [postgres(settings)]
    servers += [] if settings.nats_url else [nats(settings)]
    needs = tuple(server.name for server in servers)
    return [*servers, caddy(settings), *(own(settings, name, needs) for name in OWN)]


def own(settings: Settings, name: str, needs: tuple[str, ...]) -> Program:
    """One of our processes; it loads the same ``settings`` from its environment."""

    async def ready() -> bool:
        return said_ready(settings.run_dir, name)

    def prepare() -> None:
        forget_ready(settings.run_dir, name)
        if name == "api" and not settings.credentials_file.exists():
            from services.bootstrap import bootstrap  # noqa: PLC0415 - large, and for the first start alone

            bootstrap(settings)

    return Program(
        name=name,
        argv=(sys.executable, "-m", "services.role", name),
        environ=dict(os.environ) | settings.environ(),
        prepare=prepare,
        ready=ready,
        needs=needs,
        ready_seconds=60,
        stop_signal=SIGTERM,
        grace_seconds=settings.drain_seconds + 5,
        orphan_signal=SIGKILL,
    )
