"""The API's description, OpenAPI 3.1: generated from the routes, completed with what holds for all of them."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.types import Method

from adapters.http.errors import ErrorBody
from adapters.http.identity import COOKIE
from adapters.http.native import routes as native
from adapters.http.native.frames import DoneFrame, LogFrame, StatusFrame
from adapters.http.native.wire.shapes import In, Out
from adapters.http.streams.framing import EVENTS, NDJSON

VERSION = "1.0.0"

DESCRIPTION = """
Every endpoint that is needed to manage projects, deploys, logs and secrets: for CI, scripts, and AI agents.

**Begin** with `GET /auth/me`: `memberships[0].tenantId` is the `tenant_id` of the other paths.
**Authenticate** with `Authorization: Bearer shpat_…`, or with a session's cookie from `POST /auth/login`.
**Errors** are `{statusCode, error, message, code, requestId, details}`, or RFC 9457's for
`Accept: application/problem+json`.
**Repeat safely** with `Idempotency-Key` on every POST, PATCH and DELETE.
**Read your writes**: a write is answered when it can be read; `X-Shipbook-Position` says up to where an answer sees,
and `?min_position=` waits for that.
**Change what you have seen**: `ETag` is the version; send it back as `If-Match` or `If-None-Match`.
**Pages** by `page` and `pageSize`, or by `cursor` and `limit`, where deep pages cost no more; at most 200 items each.
**Limits**: a body 1 MiB, a secret 64 KiB, a page of log lines 1000, a stream an hour until it is to be resumed.
""".strip()

_STATUSES = {
    "400": "The request makes no sense; `details` names the fields.",
    "401": "Nobody is signed in, or the token is wrong, revoked or expired.",
    "403": "The caller may not do this.",
    "404": "There is no such thing, or the caller may not know that there is.",
    "409": "It cannot be done in the present state, or a name is taken.",
    "410": "These lines are no longer kept; `oldestSeq` is the first that is.",
    "412": "It has changed since it was read (`If-Match`).",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "The Idempotency-Key came with another request before.",
    "429": "Too many requests; `Retry-After` says how long to wait.",
    "503": "Something does not answer for the moment; `Retry-After` says when to try again.",
}
_ALWAYS = ("400", "401", "403", "404", "429", "503")
_WRITING = ("409", "413", "415", "422")
_GENERIC = re.compile(r"Listing_[\w.]*?\.(\w+?)Out_")
"""What the generator calls a list of something."""

_HEADERS = {
    "X-Request-Id": {"description": "The request's id, for support.", "schema": {"type": "string"}},
    "X-Shipbook-Position": {
        "description": "The answer shows everything up to this position of the event log.",
        "schema": {"type": "integer"},
    },
}


def _parameter(name: str, place: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


_IDEMPOTENCY = _parameter(
    "Idempotency-Key", "header", "Your own name for this request: a repeat answers as the first did.", maxLength=255
)
_IF_MATCH = _parameter("If-Match", "header", "The ETag that you read: another version is refused (412).")
_IF_NONE_MATCH = _parameter("If-None-Match", "header", "An ETag that you have: 304 if it is still the one.")
_MIN_POSITION = _parameter(
    "min_position", "query", "Wait until this position can be read, at most a second.", type="integer", minimum=0
)
_REASON = _parameter("reason", "query", "Why, for the audit trail.", maxLength=500)
_LAST_EVENT_ID = _parameter("Last-Event-ID", "header", "Go on behind this seq; beats `after`.")


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    config = OpenAPIConfig(
        title="Shipbook",
        version=VERSION,
        description=DESCRIPTION,
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, *_: _camel(handler.handler_name),
        components=Components(
            security_schemes={
                "token": SecurityScheme(
                    type="http", scheme="bearer", description="A personal access token, `shpat_…`."
                ),
                "session": SecurityScheme(
                    type="apiKey", name=COOKIE, security_scheme_in="cookie", description="From POST /auth/login."
                ),
            }
        ),
        security=[{"token": []}, {"session": []}],
        tags=[Tag(name=title) for title in native.CHAPTERS],
    )
    described = Litestar([native.router()], openapi_config=config, logging_config=None)
    generated = msgspec.json.encode(described.openapi_schema.to_schema()).decode()
    found: dict[str, Any] = msgspec.json.decode(_GENERIC.sub(r"ListOf\1", generated))
    _add_schemas(found["components"]["schemas"])
    found["components"]["responses"] = {
        "Error": {
            "description": "Why it was not done.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
        }
    }
    found["paths"] = {path: item for path, item in found["paths"].items() if not path.startswith("/schema")}
    for path, method, operation in operations(found):
        _complete(path, method, operation)
    return found


def operations(found: dict[str, Any]) -> Iterator[tuple[str, Method, dict[str, Any]]]:
    """Every operation of a description, with its path and method."""
    for path, item in found["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def _complete(path: str, method: Method, operation: dict[str, Any]) -> None:
    summary, _, rest = operation.get("description", "").partition("\n")
    operation["summary"] = summary.rstrip(".")
    operation["description"] = " ".join(rest.split())
    streaming = path.endswith("/stream")
    operation["parameters"] = [
        *operation.get("parameters", []),
        *_path_parameters(path, operation),
        *_shared_parameters(path, method, streaming=streaming),
    ]
    # The framework gives them in no order of its own.
    operation["parameters"].sort(key=lambda one: path.index(f"{{{one['name']}}}") if one["in"] == "path" else len(path))
    for parameter in operation["parameters"]:
        for noise in ("deprecated", "allowEmptyValue", "allowReserved"):
            parameter.pop(noise, None)
    operation.pop("deprecated", None)
    body = operation.get("requestBody")
    if body and _nullable(body):
        body["required"] = False
    _complete_responses(path, method, operation, streaming=streaming)


def _path_parameters(path: str, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that the handler itself does not look at."""
    named = {parameter["name"] for parameter in operation.get("parameters", [])}
    for part in path.split("/"):
        name = part.strip("{}")
        if part.startswith("{") and name not in named:
            yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}


def _shared_parameters(path: str, method: Method, *, streaming: bool) -> Iterator[dict[str, Any]]:
    if method == "GET":
        yield _MIN_POSITION
        if streaming:
            yield _LAST_EVENT_ID
        elif not path.endswith(("/text", "/download")):
            yield _IF_NONE_MATCH
    elif not path.startswith("/auth/"):
        yield _IDEMPOTENCY
    if method in {"PATCH", "DELETE"}:
        yield _IF_MATCH
    if method == "DELETE":
        yield _REASON


def _complete_responses(path: str, method: Method, operation: dict[str, Any], *, streaming: bool) -> None:
    responses = {code: answer for code, answer in operation["responses"].items() if code < "300"}
    for answer in responses.values():
        answer["headers"] = {**_HEADERS, **answer.get("headers", {})}
        answer["description"] = "Done."
    responses.get("204", {}).pop("content", None)  # RFC 9110, section 15.3.5: it ends with its headers
    if streaming:
        responses["200"]["content"] = _frames()
        responses["204"] = {"description": "You had everything already."}
    if path.endswith("/text"):
        responses["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    if path.endswith("/export"):
        responses["200"]["content"] = {kind: {"schema": {"type": "string"}} for kind in (NDJSON, "text/csv")}
    if path.endswith("/download"):
        responses["200"]["content"] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    codes = [*_ALWAYS, *(_WRITING if method != "GET" else ())]
    codes += ["410"] if streaming or "logs" in path else []
    codes += ["409"] if path.endswith("/download") else []
    codes += ["412"] if method in {"PATCH", "DELETE"} else []
    for code in sorted(codes):
        reference = {"$ref": "#/components/schemas/ErrorBody"}
        responses[code] = {"description": _STATUSES[code], "content": {"application/json": {"schema": reference}}}
    operation["responses"] = responses


def _frames() -> dict[str, Any]:
    frames = {"oneOf": [{"$ref": f"#/components/schemas/{frame.__name__}"} for frame in _FRAMES]}
    line = '{"type":"log","seq":7,"at":"2027-01-31T12:00:00Z","stream":"stdout","step":"build","text":"ok"}'
    example = f"id: 7\ndata: {line}\n\n"
    return {
        EVENTS: {
            "schema": {"type": "string", "contentMediaType": "application/json", "contentSchema": frames},
            "example": example,
        },
        NDJSON: {"schema": frames},
    }


_FRAMES = (LogFrame, StatusFrame, DoneFrame)


def _add_schemas(schemas: dict[str, Any]) -> None:
    """Add the structs that no route's annotation names, and what each struct is."""
    _, components = msgspec.json.schema_components([ErrorBody, *_FRAMES], ref_template="#/components/schemas/{name}")
    for name, schema in components.items():
        schemas.setdefault(name, schema)
    for schema in schemas.values():
        if "enum" in schema:
            schema.pop("description", None)  # the generator takes it from any one of the fields that use it
    for struct in (*_below(In), *_below(Out)):
        if struct.__name__ in schemas and struct.__doc__:
            schemas[struct.__name__]["description"] = " ".join(struct.__doc__.split())


def _below(kind: type) -> Iterator[type]:
    children: list[type] = kind.__subclasses__()
    for child in children:
        yield child
        yield from _below(child)


def _nullable(body: dict[str, Any]) -> bool:
    kinds = body["content"]["application/json"]["schema"].get("oneOf", [])
    return {"type": "null"} in kinds


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
