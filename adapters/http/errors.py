"""What is answered when a request is refused, or when we are broken: one table, one shape.

The shape is document 002's ``{statusCode, error, message}`` with ``code``, ``requestId`` and ``details``; whoever asks
for ``application/problem+json`` gets RFC 9457's. What went wrong inside is logged and never answered.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, UnsetType

from adapters.database import Unavailable
from adapters.http.exchange import exchange_of
from commands.ports import RequestReused
from domain.rejection import (
    Conflict,
    Detail,
    Forbidden,
    Invalid,
    NameTaken,
    NotFound,
    QuotaExceeded,
    Rejection,
    StaleLease,
    StaleVersion,
    Unauthenticated,
)

_log = structlog.get_logger(__name__)

STATUS: dict[type[Rejection], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    NameTaken: 409,
    StaleLease: 409,
    StaleVersion: 412,
    QuotaExceeded: 429,
}
"""Every rejection's status. A quota that does not reset by itself is 403 (document 002: ``429/403``)."""

PROBLEM = "application/problem+json"


class Refusal(Exception):
    """HTTP itself, not a rule of the business, refuses the request."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None, oldest_seq: int | None = None
    ) -> None:
        super().__init__(message)
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.answer = Answer(status=status, code=code, message=message, headers=headers, oldest_seq=oldest_seq)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it is answered, before it takes a shape."""

    status: int
    code: str
    message: str
    details: tuple[Detail, ...] = ()
    headers: Mapping[str, str] = {}
    oldest_seq: int | None = None


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is wrong."""

    field: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why the request was not done (document 002). ``code`` is stable for programs; ``requestId`` is for support."""

    status_code: int
    error: str
    message: str
    code: str
    request_id: str
    details: list[ErrorDetail] = []
    oldest_seq: int | UnsetType = UNSET


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The same as a problem of RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    details: list[ErrorDetail] = []
    oldest_seq: int | UnsetType = UNSET


def answer(problem: Exception) -> Answer | None:
    """What to answer to ``problem``; None where we are broken."""
    match problem:
        case Refusal():
            return problem.answer
        case QuotaExceeded(retry_after=None):
            return _rejected(problem, 403)
        case QuotaExceeded():
            return _rejected(problem, 429, {"Retry-After": str(problem.retry_after), **_quota(problem)})
        case Unauthenticated():
            return _rejected(problem, 401, {"WWW-Authenticate": 'Bearer realm="shipbook"'})
        case Rejection():
            return _rejected(problem, _status(type(problem)))
        case RequestReused():
            return Answer(
                status=422,
                code="idempotency_key_reused",
                message="This Idempotency-Key came with another request before. Use a new key for a new request.",
            )
        case Unavailable():
            return Answer(
                status=503,
                code="unavailable",
                message="The database does not answer for the moment. Try again in a second; repeat a write only "
                "with the same Idempotency-Key, because it may have been done.",
                headers={"Retry-After": str(problem.retry_after)},
            )
        case HTTPException():
            return _of_framework(problem)
        case _:
            return None


def _rejected(rejection: Rejection, status: int, headers: Mapping[str, str] = {}) -> Answer:
    return Answer(
        status=status, code=rejection.code, message=rejection.message, details=rejection.details, headers=headers
    )


def _quota(exceeded: QuotaExceeded) -> Mapping[str, str]:
    if exceeded.limit is None:
        return {}
    return {
        "RateLimit-Limit": str(exceeded.limit),
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(exceeded.retry_after),
    }


def _status(kind: type[Rejection]) -> int:
    return next(STATUS[parent] for parent in kind.__mro__ if parent in STATUS)


def _of_framework(problem: HTTPException) -> Answer:
    """Litestar's own refusals: of the router, of parameters, of the body's size."""
    match problem:
        case MethodNotAllowedException():
            allowed = sorted(set(str((problem.headers or {}).get("allow", "")).split(", ")) - {"OPTIONS", ""})
            message = f"This path takes {' and '.join(allowed)} only."
            return Answer(status=405, code="method_not_allowed", message=message, headers={"Allow": ", ".join(allowed)})
        case NotFoundException():
            message = "There is no such path. GET /openapi.json lists all of them, and /docs shows them."
            return Answer(status=404, code="no_such_route", message=message)
        case HTTPException(status_code=413):
            return Answer(status=413, code="too_large", message="The body is too large; 1 MiB is the most.")
        case _:
            code = HTTPStatus(problem.status_code).phrase.casefold().replace(" ", "_")
            return Answer(status=problem.status_code, code=code, message=problem.detail)


def _parameters(problem: ValidationException, names: Mapping[str, str]) -> Answer:
    """Parameters of the path or the query that cannot be read, or a body that is missing.

    ``names`` are those under which our own are known outside.
    """
    found = problem.extra if isinstance(problem.extra, list) else []
    if any(one.get("key", "").startswith("data") for one in found):
        return Answer(status=400, code="invalid", message="Send a JSON object as the body.")
    keys = [one.get("key", "") for one in found]
    details = tuple(
        Detail(field=names.get(key, key), message=_plain(one["message"])) for key, one in zip(keys, found, strict=True)
    )
    message = "; ".join(f"{one.field}: {one.message}" for one in details) or problem.detail
    return Answer(status=400, code="invalid", message=message, details=details)


def _plain(message: str) -> str:
    text = message.replace("`", "")
    return text[:1].lower() + text[1:]


def _outside_names(request: Request[Any, Any, Any]) -> Mapping[str, str]:
    """The names of the parameters of the handler and its dependencies in the address, by their names in our code."""
    handler: BaseRouteHandler = request.route_handler
    given = [provide.parsed_fn_signature for provide in handler.resolve_dependencies().values()]
    fields = [field for one in (handler.parsed_fn_signature, *given) for field in one.parameters.values()]
    return {
        field.name: field.kwarg_definition.name
        for field in fields
        if isinstance(field.kwarg_definition, ParameterKwarg) and field.kwarg_definition.name
    }


def respond(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    """The response to ``problem``. Where we are broken, the log gets the trace and the caller the request's id."""
    if isinstance(problem, ValidationException):
        said: Answer | None = _parameters(problem, _outside_names(request))
    else:
        said = answer(problem)
    if said is None:
        _log.error("request failed", request_id=exchange_of(request.scope).request_id, exc_info=problem)
        message = "Something is broken here. Try again, and tell the operator the requestId if it stays so."
        said = Answer(status=500, code="internal", message=message)
    as_problem = PROBLEM in request.headers.get("accept", "")
    body = encoded(said, exchange_of(request.scope).request_id, as_problem=as_problem)
    media_type = PROBLEM if as_problem else "application/json"
    return Response(body, status_code=said.status, headers=dict(said.headers), media_type=media_type)


def encoded(said: Answer, request_id: str, *, as_problem: bool = False) -> bytes:
    """The body of an error."""
    phrase = HTTPStatus(said.status).phrase
    shared: dict[str, Any] = {
        "code": said.code,
        "request_id": request_id,
        "details": [ErrorDetail(field=one.field, message=one.message) for one in said.details],
        "oldest_seq": UNSET if said.oldest_seq is None else said.oldest_seq,
    }
    if as_problem:
        kind = f"urn:shipbook:error:{said.code}"
        return msgspec.json.encode(
            ProblemBody(type=kind, title=phrase, status=said.status, detail=said.message, **shared)
        )
    return msgspec.json.encode(ErrorBody(status_code=said.status, error=phrase, message=said.message, **shared))


HANDLERS: ExceptionHandlersMap = {Exception: respond, HTTPException: respond}
"""For an application or a dialect that answers errors in this shape."""
