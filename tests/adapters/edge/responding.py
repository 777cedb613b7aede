"""A responder as a process of its own, which may be killed: ``python -m tests.adapters.edge.responding``."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from adapters.edge.responder import Responder, Upstream


@contextmanager
def responding(socket: Path, host: str, upstream: Upstream) -> Iterator[Popen[bytes]]:
    """The process, once it answers; killed at the end."""
    argv = [sys.executable, "-m", __name__, str(socket), host, str(upstream.port)]
    with Popen(argv, stdout=PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


async def _serve(socket: str, host: str, port: str) -> None:
    async with Responder() as responder:
        responder.show(host, [Upstream("127.0.0.1", int(port))])
        await responder.start(Path(socket))
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
