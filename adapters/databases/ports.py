"""The loopback ports of managed databases: of a range of their own, below the applications', who would take them."""

import random
import socket
from contextlib import suppress
from pathlib import Path

from adapters.databases.engine import HOST, EngineFailed

RANGE = range(12_000, 20_000)
TRIES = 200


def free_port() -> int:
    """A port that nobody listens at. Raises ``EngineFailed``."""
    for port in random.sample(RANGE, TRIES):
        if is_free(port):
            return port
    raise EngineFailed("This machine has no free port left for another database.")


def is_free(port: int) -> bool:
    """Whether a server could listen at it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def kept_port(file: Path) -> int:
    """The port that ``file`` names; a free one is chosen, and kept there, where there is none yet."""
    with suppress(FileNotFoundError, ValueError):
        return int(file.read_text())
    port = free_port()
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(str(port))
    draft.replace(file)
    return port
