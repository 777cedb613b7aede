"""TCP ports of this machine: whether one is free, and one that is kept from start to start."""

import errno
import secrets
import socket
from contextlib import ExitStack
from pathlib import Path


def bindable(host: str, port: int) -> OSError | None:
    """None when a server could listen at ``host`` and ``port``, else why not."""
    try:
        with ExitStack() as held:
            _bind(held, host, port)
    except OSError as problem:
        return problem
    return None


def kept_port(file: Path) -> int:
    """The loopback port that ``file`` names while it is free, else a free one, written to ``file``."""
    if (kept := _written_port(file)) and not bindable("127.0.0.1", kept):
        return kept
    port = _free_port()
    growing = file.with_name(f".{file.name}.new")
    growing.write_text(str(port), "ascii")
    growing.replace(file)
    return port


def _written_port(file: Path) -> int | None:
    return _number(file.read_text("ascii")) if file.exists() else None


def _free_port() -> int:
    """Below the ports that Linux gives to outgoing connections (32768 and up), which come and go."""
    for _ in range(1000):
        port = 20_000 + secrets.randbelow(12_768)
        if not bindable("127.0.0.1", port):
            return port
    raise OSError(errno.EADDRINUSE, "no port from 20000 to 32767 was found free")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 65536 else None


def _bind(held: ExitStack, host: str, port: int) -> None:
    """Listen for as long as ``held``. SO_REUSEADDR: connections that are ending do not count as taken."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = held.enter_context(socket.socket(family, kind))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(1)
