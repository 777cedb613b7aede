"""The programs of one machine: the embedded servers that are wanted, and our own processes."""

import os
import sys
from signal import SIGKILL, SIGTERM

from msgspec.structs import replace

from adapters.settings import Settings
from services.embedded import caddy, nats, postgres
from services.parts import forget_ready, said_ready
from services.programs import Program

OWN = ("edge", "worker", "api", "executor")
"""Our processes, in the order of starting; each is what ``shipbook <name>`` runs, and says when it is ready."""


def role(name: str, *shown: str) -> tuple[str, ...]:
    """The command of one of our processes; ``shown`` is for people who list processes.

    Modules are looked for where Shipbook is installed, not in the directory in which somebody happened to start it.
    """
    return (sys.executable, "-P", "-m", "services.role", name, *shown)


def programs(settings: Settings) -> list[Program]:
    """Everything that ``shipbook up`` runs, in the order of starting."""
    servers = [] if settings.database_url else [postgres(settings)]
    servers += [] if settings.nats_url else [nats(settings)]
    needs = tuple(server.name for server in servers)
    return [*servers, caddy(settings), *(own(settings, name, needs) for name in OWN)]


def own(settings: Settings, name: str, needs: tuple[str, ...]) -> Program:
    """One of our processes; it loads the same ``settings`` from its environment.

    But for the port of ``metrics``, which they cannot share: the API shows the metrics of all.
    """

    async def ready() -> bool:
        return said_ready(settings.run_dir, name)

    def prepare() -> None:
        forget_ready(settings.run_dir, name)

    return Program(
        name=name,
        argv=role(name),
        environ=dict(os.environ) | replace(settings, metrics=None).environ(),
        prepare=prepare,
        ready=ready,
        needs=needs,
        ready_seconds=60,
        stop_signal=SIGTERM,
        grace_seconds=settings.drain_seconds + 5,
        orphan_signal=SIGKILL,
    )
