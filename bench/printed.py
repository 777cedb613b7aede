"""How long a line takes from the build that prints it to the frame at a client."""

import re
import socket
import time

from bench.planes import Plane, measured
from bench.quantiles import milliseconds, quantile
from bench.results import Figure, Finding, at_most
from tests.system.planes import App
from tests.system.repositories import repository

LINES_PER_SECOND = 1000
_STAMP = re.compile(rb"printed at ([\d.]+)")

_PRINT = """
const began = performance.now();
let printed = 0;
const timer = setInterval(() => {
  const due = Math.min(LINES, Math.floor((performance.now() - began) * RATE / 1000));
  while (printed < due) {
    process.stdout.write(`line ${++printed} printed at ${performance.timeOrigin + performance.now()}\\n`);
  }
  if (printed === LINES) {
    clearInterval(timer);
    require("fs").mkdirSync("dist");
    require("fs").writeFileSync("dist/index.html", "built");
  }
}, 1);
"""


def run(*, quick: bool) -> Finding:
    """Builds that print a line a millisecond, one after another, each with one reader."""
    rounds, lines = (1, 500) if quick else (5, 10_000)
    with measured() as (plane, directory):
        script = _PRINT.replace("LINES", str(lines)).replace("RATE", str(LINES_PER_SECOND))
        files = {"package.json": '{"name": "site", "scripts": {"build": "node print.js"}}', "print.js": script}
        app = plane.api.project(repository(directory / "site", files), "react", "printed")
        delays = [delay for _ in range(rounds) for delay in _delays(plane, app, lines)]
    how = (
        f"{rounds} real builds, one after another, print {lines:,} lines each at {LINES_PER_SECOND:,} lines/s. A line "
        "carries the time at which it is printed; it is compared with the time at which its frame was read from the "
        "socket of one reader of the deployment's event stream, on the same machine. All lines count."
    )
    figures = [
        at_most("p50", quantile(delays, 0.5) * 1000, 25, "ms"),
        at_most("p99", quantile(delays, 0.99) * 1000, 80, "ms"),
        Figure("from printed to read", milliseconds(delays)),
    ]
    return Finding("a line printed, to its frame at a client", how, figures)


def _delays(plane: Plane, app: App, lines: int) -> list[float]:
    """Seconds that each line of one deployment was under way."""
    deployment = app.trigger()
    host, port = plane.http.split(":")
    request = (
        f"GET /tenants/{plane.api.tenant}/deployments/{deployment['id']}/stream HTTP/1.1\r\nHost: {plane.http}\r\n"
        f"Authorization: Bearer {plane.credentials['token']}\r\nConnection: close\r\n\r\n"
    )
    found: list[float] = []
    rest = b""
    with socket.create_connection((host, int(port)), timeout=60) as reading:
        reading.sendall(request.encode())
        while data := reading.recv(1 << 18):
            came = time.time()
            *whole, rest = (rest + data).split(b"\n\n")
            stamps = [_STAMP.search(frame) for frame in whole]
            found += [came - float(stamp[1]) / 1000 for stamp in stamps if stamp]
    assert len(found) == lines, f"{len(found)} lines came of {lines}"
    app.ended(deployment)
    return found
