"""Run as a program: ``python -m tests.system.supervised DATA_DIR HTTP EDGE NAME…`` supervises what is named.

``postgres``, ``nats`` and ``caddy`` are the embedded servers; any other name is a small program that writes when it
starts and stops to ``<DATA_DIR>/journal``, and needs the one named before it. ``stubborn`` does not stop when asked,
``broken`` ends at once.
"""

import asyncio
import sys
from pathlib import Path

from adapters.settings import Settings
from services.embedded import caddy, nats, postgres
from services.parts import forget_ready, said_ready
from services.preflight import claimed
from services.programs import CannotStart, Program
from services.supervising import supervise

_SCRIPT = """
trap '{stop}' TERM
echo "start {name}" >> {journal}
touch {ready}
while :; do sleep 0.02; done
"""


def stand_in(settings: Settings, name: str, needs: tuple[str, ...]) -> Program:
    journal = settings.data_dir / "journal"
    stop = "" if name == "stubborn" else f'echo "stop {name}" >> {journal}; exit 0'
    ready_file = settings.run_dir / f"{name}.ready"
    script = _SCRIPT.format(stop=stop or ":", name=name, journal=journal, ready=ready_file)

    async def ready() -> bool:
        return said_ready(settings.run_dir, name)

    return Program(
        name=name,
        argv=("/bin/sh", "-c", "echo no luck; exit 3" if name == "broken" else script),
        ready=ready,
        prepare=lambda: forget_ready(settings.run_dir, name),
        needs=needs,
        grace_seconds=20 if name == "patient" else 1,
    )


def programs(settings: Settings, names: list[str]) -> list[Program]:
    embedded = {"postgres": postgres, "nats": nats, "caddy": caddy}
    found: list[Program] = []
    for name in names:
        needs = tuple(program.name for program in found[-1:])
        found.append(embedded[name](settings) if name in embedded else stand_in(settings, name, needs))
    return found


def main(data_dir: str, http: str, edge: str, *names: str) -> None:
    settings = Settings.load({"data_dir": data_dir, "http": http, "edge": edge}, {})
    try:
        with claimed(settings):
            asyncio.run(
                supervise(
                    programs(settings, list(names)),
                    logs_dir=settings.logs_dir,
                    run_dir=settings.run_dir,
                    say=lambda line: print(line, flush=True),
                    ready=lambda: print("everything is ready", flush=True),
                )
            )
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    main(*sys.argv[1:])
