"""The metrics of several processes as one text: each shows its own on a Unix socket, and one of them gathers all.

Metrics live in prometheus-client's default registry: whoever has something to count registers it there.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from prometheus_client import REGISTRY, Metric, disable_created_metrics, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from adapters.settings import Address

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ANSWER_SECONDS = 0.5
"""So long a question and its answer may take."""

_CONNECTIONS = 16
_HEAD_BYTES = 8192
_MOST_BYTES = 8 << 20
"""The longest text that is taken from another process."""

_END_OF_HEAD = b"\r\n\r\n"
_QUESTION = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

disable_created_metrics()  # type: ignore[no-untyped-call]  # times of creation mean nothing in this format


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest()


def socket_of(directory: Path, process: str) -> Path:
    """Where the process of this name shows its metrics."""
    return directory / f"metrics-{process}.sock"


@asynccontextmanager
async def shown_at(path: Path) -> AsyncIterator[None]:
    """This process's metrics at a Unix socket for us alone, for the length of the block. Raises OSError.

    It takes the place of whatever was there, and at the end is removed, unless another process took its place since.
    """
    listener, inode = _listener(path)
    try:
        async with await asyncio.start_unix_server(_Answering(), sock=listener, limit=_HEAD_BYTES):
            yield
    finally:
        _remove(path, inode)


@asynccontextmanager
async def shown_on(address: Address) -> AsyncIterator[None]:
    """This process's metrics at a TCP port, for whoever can reach it, for the length of the block. Raises OSError."""
    async with await asyncio.start_server(_Answering(), address.host, address.port, limit=_HEAD_BYTES):
        yield


async def gathered(directory: Path, own: str) -> bytes:
    """The metrics of this process, which is called ``own``, and of the others that answer in ``directory``.

    Each sample has a label ``process``. Who does not answer within ``ANSWER_SECONDS`` is left out.
    """
    others = _others(directory, own)
    texts = await asyncio.gather(*map(_asked, others.values()))
    ours = list(REGISTRY.collect())
    return await asyncio.to_thread(lambda: merged({own: ours, **dict(zip(others, map(parsed, texts), strict=True))}))


def parsed(text: bytes) -> Sequence[Metric]:
    """The families of an exposition; none where it cannot be read."""
    try:
        return list(text_string_to_metric_families(text.decode()))
    except (ValueError, IndexError):
        return ()


def merged(processes: Mapping[str, Sequence[Metric]]) -> bytes:
    """One exposition of the families of several processes, each family once.

    A sample that has a label ``process`` already keeps it. Of a family that has another type elsewhere, the first is
    shown.
    """
    families: dict[str, Metric] = {}
    for process, shown in processes.items():
        for found in shown:
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            if family.type == found.type:
                family.samples += [
                    sample._replace(labels={"process": process, **sample.labels}) for sample in found.samples
                ]
    return generate_latest(_Families(families.values()))


def _others(directory: Path, own: str) -> dict[str, Path]:
    """The sockets of the other processes, by name."""
    sockets = {path.stem.removeprefix("metrics-"): path for path in sorted(directory.glob("metrics-*.sock"))}
    return {name: path for name, path in sockets.items() if name != own}


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


async def _asked(path: Path) -> bytes:
    """What the process at ``path`` shows; nothing where it does not answer, or not as ours do."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await _ask(path)
    except (OSError, EOFError, asyncio.LimitOverrunError, ValueError):
        return b""


async def _ask(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=_HEAD_BYTES)
    try:
        writer.write(_QUESTION)
        length = _LENGTH.search(await reader.readuntil(_END_OF_HEAD))
        if length is None or int(length[1]) > _MOST_BYTES:
            raise ValueError(f"not the answer of one of our processes at {path}")
        return await reader.readexactly(int(length[1]))
    finally:
        writer.transport.abort()


class _Answering:
    """Answers whatever is asked with the metrics, and hangs up; so many at once, and in so much time."""

    def __init__(self) -> None:
        self._open = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _CONNECTIONS:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await _answer(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # whoever asked is gone, slow, or spoke something else
        finally:
            self._open -= 1
            writer.transport.abort()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(0)  # drained means: handed over, all of it
    await reader.readuntil(_END_OF_HEAD)
    body = exposition()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def _listener(path: Path) -> tuple[socket.socket, int]:
    """A socket at ``path``, and its inode. It is made beside its place, so that nobody finds half of one there."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(beside))
        beside.chmod(0o600)
        listener.listen(_CONNECTIONS)
        inode = beside.stat().st_ino
        beside.replace(path)
    except OSError:
        listener.close()
        raise
    return listener, inode


def _remove(path: Path, inode: int) -> None:
    with suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()
