"""Reading bodies: strict JSON into a struct, and what is wrong with it in words that help.

Nothing is coerced, no unknown field is let pass, and no text holds a null character, which Postgres cannot keep.
"""

import re
from difflib import get_close_matches
from enum import EnumMeta
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from adapters.http.errors import Refusal
from domain.rejection import Detail, Invalid

NULL_CHARACTER = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""An escaped null character, and not an escaped backslash with ``u0000`` behind it."""

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*?)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_CHOICE = re.compile(r"Invalid enum value (?P<got>.*)", re.DOTALL)

_KINDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "uuid": "a UUID",
    "datetime": "a time such as 2027-01-31T12:00:00Z",
}


class JsonBody(AbstractDTO[Any]):
    """Decodes a handler's ``data`` as its annotation says, straight from the bytes."""

    def decode_bytes(self, value: bytes) -> Any:
        """The struct. Raises ``Invalid`` naming the field and the mending, or a ``Refusal`` for another media type."""
        _require_json(self.asgi_connection.headers.get("content-type", ""))
        field = self.asgi_connection.route_handler.parsed_data_field
        return decoded(value, field.annotation)

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Nothing is prepared: the annotation is the type that is decoded."""

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003 - the framework's signature
        schema_creator: Any,
    ) -> Reference | Schema:
        """The schema of the annotation itself."""
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema


def decoded(body: bytes, kind: Any) -> Any:
    """``body`` as ``kind``, or ``Invalid``."""
    try:
        if NULL_CHARACTER.search(body):
            raise Invalid("The body holds a null character (\\u0000). Leave it out.")
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as problem:
        raise explained(str(problem), kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Invalid(f"The body is not JSON: {_lowered(str(problem))}.", code="malformed_json") from None


def explained(message: str, kind: Any) -> Invalid:
    """What msgspec says about a body that should be ``kind``, for people."""
    said = _WHERE.fullmatch(message)
    what, where = (said["what"], said["where"] or "") if said else (message, "")
    if unknown := _UNKNOWN.fullmatch(what):
        return _invalid(_below(where, unknown["name"]), _suggestion(unknown["name"], _at(kind, where)))
    if missing := _MISSING.fullmatch(what):
        return _invalid(_below(where, missing["name"]), "is missing")
    if choice := _CHOICE.fullmatch(what):
        return _invalid(where, f"{choice['got']} is none of {_choices(_at(kind, where))}")
    if expected := _EXPECTED.match(what):
        return _invalid(where, f"must be {_kind(expected['wanted'])}, not {_kind(expected['got'])}")
    return _invalid(where, _lowered(what.replace("`", "").replace("Expected", "must be")))


def _require_json(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().casefold()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise Refusal(415, "unsupported_media_type", f"Send JSON with Content-Type: application/json, not {kind}.")


def _invalid(field: str, message: str) -> Invalid:
    if not field:
        return Invalid(f"The body {message}." if message else "The body is wrong.")
    return Invalid(f"{field}: {message}", details=[Detail(field=field, message=message)])


def _suggestion(name: str, struct: Any) -> str:
    known = [field.encode_name for field in msgspec.structs.fields(struct)] if struct else []
    near = get_close_matches(name, known, n=1)
    return f"is not known; did you mean {near[0]}?" if near else f"is not known; known are {', '.join(known) or 'none'}"


def _choices(enum: Any) -> str:
    members: list[Any] = list(enum) if isinstance(enum, EnumMeta) else []
    return ", ".join(str(member.value) for member in members) or "the known values"


def _at(kind: Any, where: str) -> Any:
    """The struct or enum that ``kind`` has at the path ``where``; None where it has none."""
    found = _named(kind)
    for part in filter(None, where.split(".")):
        if not _is_struct(found):
            return None
        types = {field.encode_name: field.type for field in msgspec.structs.fields(found)}
        found = _named(types.get(part))
    return found


def _named(kind: Any) -> Any:
    """The one struct or enum in an annotation."""
    if get_origin(kind) in {Union, UnionType}:
        return next((found for part in get_args(kind) if (found := _named(part))), None)
    if get_origin(kind) is not None:
        return _named(get_args(kind)[0])
    return kind if _is_struct(kind) or isinstance(kind, EnumMeta) else None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _kind(words: str) -> str:
    return " or ".join(_KINDS.get(word, word) for word in words.split(" | "))


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
