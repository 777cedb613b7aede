"""``python -m bench [NAME…]``: measure, print, and renew the sections of ``bench/RESULTS.md``."""

import argparse
import signal
import sys
from importlib import import_module
from pathlib import Path

from bench import machine, results

NAMES = (
    "start",
    "append",  # 64 callers of one event
    "batches",  # one writer, a hundred events at a time
    "commands",  # POST to durable and readable
    "lines",  # log lines in
    "printed",  # a line printed, to its frame at a client
    "replay",  # log lines out
    "fanout",  # one log, a thousand readers
    "idle",  # five thousand readers of nothing
    "events",  # an event committed, to its frame at a client
    "rebuild",  # all read models from the log
    "deploy",
    "rollback",
    "lists",  # a million deployments in a thousand tenants
    "history",  # ten million events
    "memory",
    "traffic",
)
"""The benches, in the order of the table that they fill; each is a module here with ``run(quick) -> Finding``."""


def main() -> None:
    """Run the benches that the arguments name, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Shipbook on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(NAMES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a few rounds only, to see that the benches work")
    parser.add_argument("--out", type=Path, help="the file to renew; bench/RESULTS.md, or none with --quick")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    out = given.out or (None if given.quick else results.FILE)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped, as after Ctrl-C
    where = machine.described(quick=given.quick)
    for name in given.names or NAMES:
        section = import_module(f"bench.{name}").run(quick=given.quick).section(name, where)
        print(section, flush=True)
        if out:
            results.keep(out, name, section)


if __name__ == "__main__":
    main()
