"""The command line ``shipbook``. What a command needs is loaded when it runs: help and servers start at once."""

import io
import sys

from services.cli import (  # noqa: F401 - each declares its commands
    access,
    account,
    databases,
    deploying,
    domains,
    environments,
    keys,
    looking,
    notifications,
    releasing,
    retaining,
    running,
    serving,
)
from services.cli.declaring import app


def main() -> None:
    """Run the command that the arguments name, and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows "?", and fails at nothing
    app(prog_name="shipbook")
