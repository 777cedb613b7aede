"""Steady load on a live URL: Debian's ``wrk`` where it is installed, else a small client of ours.

``python -m bench.load ADDRESS HOST CONNECTIONS`` is that client: it prints the same figures when it is interrupted.
"""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from bench.quantiles import quantile

CONNECTIONS = 16
PAUSE_SECONDS = 0.025
TIMEOUT_SECONDS = 10
_SCRIPT = Path(__file__).with_name("paced.lua")
_ROOT = Path(__file__).parents[1]


@dataclass
class Load:
    """A load that runs; the figures are there once it has ended."""

    command: list[str]
    output: str = ""
    seconds: float = 0.0
    """How long it ran."""

    @property
    def total(self) -> int:
        """How many requests were answered."""
        return int(self._found(r"(\d+) requests in") or 0)

    @property
    def failed(self) -> int:
        """Answers that were not 2xx or 3xx, and connections that were refused, broken or too slow."""
        broken = self._found(r"Socket errors: (.*)") or ""
        return int(self._found(r"Non-2xx or 3xx responses: (\d+)") or 0) + sum(map(int, re.findall(r"\d+", broken)))

    def latency(self, percent: int) -> str:
        """A percentile of the latency, with its unit."""
        return self._found(rf"^\s*{percent}%\s+(\S+)") or "unknown"

    @property
    def longest(self) -> str:
        """The longest latency, with its unit."""
        return self._found(r"^\s*Latency\s+\S+\s+\S+\s+(\d\S*)") or "unknown"

    @property
    def complaints(self) -> str:
        """What went wrong, in the words of the load's client."""
        return " · ".join(re.findall(r"(?:Socket errors|Non-2xx).*", self.output))

    @property
    def shown(self) -> str:
        """The command, as it can be typed."""
        return " ".join(f"'{word}'" if " " in word else word for word in self.command)

    def _found(self, pattern: str) -> str | None:
        found = re.search(pattern, self.output, re.MULTILINE)
        return found[1] if found else None


@contextmanager
def loaded(address: str, host: str, connections: int = CONNECTIONS) -> Iterator[Load]:
    """Load by so many connections for the length of the block."""
    if wrk := shutil.which("wrk"):
        pace = ["-t2", f"-c{connections}", "-d3600", f"--timeout={TIMEOUT_SECONDS}", "--latency"]
        script = str(_SCRIPT.relative_to(_ROOT))
        load = Load([Path(wrk).name, *pace, "-s", script, "-H", f"Host: {host}", f"http://{address}/"])
    else:
        print("wrk is not installed (apt-get install wrk): a client of ours makes the load.", file=sys.stderr)
        load = Load([sys.executable, "-m", "bench.load", address, host, str(connections)])
    began = perf_counter()
    with subprocess.Popen(load.command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield load
            load.seconds = perf_counter() - began
            assert process.poll() is None, "the load ended by itself"
            process.send_signal(signal.SIGINT)
            load.output = process.communicate(timeout=60)[0]
        finally:
            process.kill()


@dataclass
class _Client:
    """Connections that are kept, each with its next request a pause after the last answer."""

    address: str
    host: str
    connections: int
    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    refused: int = 0

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.connections):
                tasks.create_task(self._connection())

    async def _connection(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    reader, writer = await asyncio.open_connection(*self.address.rsplit(":", 1))
                try:
                    await self._keep_asking(reader, writer)
                finally:
                    writer.close()
            except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                self.errors += 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def _keep_asking(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = True
        while kept:
            kept = await self._asked(reader, writer)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection is kept afterwards. Raises where there is no whole answer."""
        began = perf_counter()
        writer.write(f"GET / HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
        self.latencies.append(perf_counter() - began)
        self.refused += head.split()[1][0] not in "23"
        return "connection: close" not in head

    def report(self, seconds: float) -> None:
        """Print the figures as wrk does."""
        if self.latencies:
            middle, rare, longest = (quantile(self.latencies, share) * 1000 for share in (0.5, 0.99, 1))
            print(f"  Latency {middle:.2f}ms - {longest:.2f}ms\n  50% {middle:.2f}ms\n  99% {rare:.2f}ms")
        print(f"  {len(self.latencies)} requests in {seconds:.1f}s")
        print(f"  Socket errors: {self.errors}\n  Non-2xx or 3xx responses: {self.refused}")


def main(address: str, host: str, connections: str) -> None:
    """Load until interrupted."""
    client, began = _Client(address, host, int(connections)), perf_counter()
    with suppress(KeyboardInterrupt):
        asyncio.run(client.run())
    client.report(perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
