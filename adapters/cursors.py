"""Cursors: the place behind a row in a selection's order, as an opaque text that is good for this selection only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import fields

from domain.rejection import Detail, Invalid
from projections.changes import Row, Table
from projections.reading import Selection

LONGEST_CURSOR = 4096


def ordering(table: Table[Any], order_by: str) -> tuple[str, ...]:
    """The columns that order a table's rows totally."""
    return tuple(dict.fromkeys((order_by, *table.key)))


def behind(row: Row, table: Table[Any], selection: Selection) -> str:
    """The cursor of the place behind ``row``."""
    place = [getattr(row, column) for column in ordering(table, selection.order_by)]
    packed = msgspec.json.encode([_digest(table, selection), *place])
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def place(cursor: str, table: Table[Any], selection: Selection) -> list[object]:
    """The values that order the row before the place. Raises ``Invalid`` for what ``behind`` did not make of it."""
    digest, *values = _unpacked(cursor, _decoder(table, ordering(table, selection.order_by)))
    if digest != _digest(table, selection):
        raise _foreign()
    return list(values)


def _unpacked(cursor: str, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(urlsafe_b64decode(cursor[:LONGEST_CURSOR] + "=" * (-len(cursor) % 4)))
    except ValueError:  # base64's and msgspec's errors are such, too
        raise _foreign() from None


def _foreign() -> Invalid:
    wrong = Detail(field="cursor", message="is not one that this list has given")
    return Invalid("The cursor is not one of this list's. Start again without it.", details=[wrong])


@cache
def _decoder(table: Table[Any], columns: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    types = {field.name: field.type for field in fields(table.row)}
    return msgspec.json.Decoder(tuple[(str, *(types[column] for column in columns))])  # type: ignore[misc]


def _digest(table: Table[Any], selection: Selection) -> str:
    """Equal for pages of one list: a cursor must not be carried to another list, order or filter."""
    return sha256(msgspec.json.encode([table.name, selection])).hexdigest()[:16]
