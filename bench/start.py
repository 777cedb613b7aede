"""From ``shipbook up`` to ``GET /ready`` 200."""

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.planes import Measured
from bench.quantiles import median
from bench.results import Figure, Finding, at_most


def run(*, quick: bool) -> Finding:
    """First starts in new directories, and starts in a directory that was used before."""
    colds, warms = (1, 1) if quick else (3, 7)
    with TemporaryDirectory(prefix="shipbook-bench-") as directory:
        cold = [_started(Path(directory) / f"cold-{number}") for number in range(colds)]
        warm = [_started(Path(directory) / "cold-0") for _ in range(warms)]
    how = (
        "From the start of the process `shipbook up` until `GET /ready` first answers 200, asked every 20 ms. Warm: "
        f"the data directory was used before, {warms} starts. Cold: the first start, with initdb, the database's "
        f"layout and the administrator, {colds} starts."
    )
    figures = [
        at_most("warm, median", median(warm) * 1000, 5000, "ms"),
        at_most("warm, worst", max(warm) * 1000, 5000, "ms"),
        Figure("cold, median", f"{median(cold) * 1000:,.0f} ms"),
        Figure("cold, worst", f"{max(cold) * 1000:,.0f} ms"),
    ]
    return Finding("`shipbook up` to ready", how, figures)


def _started(directory: Path) -> float:
    plane = Measured(directory)
    began = perf_counter()
    try:
        plane.start()
        return perf_counter() - began
    finally:
        if plane.process and plane.process.poll() is None:
            plane.stop()
