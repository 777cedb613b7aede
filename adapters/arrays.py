"""Arrays in Postgres' binary format, joined a whole column at a time.

psycopg looks at each element of a list several times, for it may be of any type. Here the type is known.
"""

from collections.abc import Collection, Iterable
from itertools import repeat
from struct import Struct

from psycopg import AsyncConnection, postgres, pq
from psycopg.adapt import Dumper

_HEAD = Struct(">iiIii").pack  # dimensions, whether any element is NULL, the elements' type, their number, lower bound
_LENGTH = Struct(">i").pack
_INTEGER = Struct(">ii").pack


class Array(bytes):
    """An array as it travels."""


class Texts(Array):
    """``text[]``."""


class Integers(Array):
    """``integer[]``."""


class Blobs(Array):
    """``bytea[]``."""


def texts(values: Collection[str]) -> Texts:
    """An array of texts, most of which come several times: each is encoded once."""
    known = {value: _element(value.encode()) for value in set(values)}
    return Texts(_joined("text", len(values), map(known.__getitem__, values)))


def integers(values: Collection[int]) -> Integers:
    """An array of integers of four bytes."""
    return Integers(_joined("int4", len(values), map(_INTEGER, repeat(4), values)))


def blobs(values: Collection[bytes]) -> Blobs:
    """An array of byte strings."""
    return Blobs(_joined("bytea", len(values), map(_element, values)))


def _element(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _joined(name: str, count: int, elements: Iterable[bytes]) -> bytes:
    return _HEAD(1, 0, postgres.types[name].oid, count, 1) + b"".join(elements)


def _dumper(type_: int) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = pq.Format.BINARY
        oid = type_

        def dump(self, obj: bytes) -> bytes:
            return obj

    return ArrayDumper


_DUMPERS = [
    (kind, _dumper(postgres.types[name].array_oid))
    for kind, name in ((Texts, "text"), (Integers, "int4"), (Blobs, "bytea"))
]


def register(connection: AsyncConnection) -> None:
    """Let the connection take these arrays as parameters."""
    for kind, dumper in _DUMPERS:
        connection.adapters.register_dumper(kind, dumper)
