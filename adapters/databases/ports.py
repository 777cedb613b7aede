"""The loopback ports of managed databases: of a range of their own, below the applications', who would take them."""

import random
import socket
from contextlib import suppress
from pathlib import Path

from adapters.databases.engine import HOST, EngineFailed

APPLICATIONS = 12_000
"""So many ports below those of outgoing connections are the applications' (``runtime.process``)."""
OURS = 8_000
TRIES = 200


def free_port() -> int:
    """A port that nobody listens at. Raises ``EngineFailed``."""
    for port in random.sample(_range(), TRIES):
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


def _range() -> range:
    """Below the ports that the kernel gives to outgoing connections, and the applications' where there is room."""
    first, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    top = first - APPLICATIONS
    return range(max(top - OURS, 1024), top) if top > OURS else range(1024, max(first, 2 * OURS))
