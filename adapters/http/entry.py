"""What every request passes first and every answer last, whatever the route, even where there is none."""

import asyncio
import re
import time
from collections.abc import Callable
from http import HTTPStatus

import structlog
from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPResponseStartEvent,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
)

from adapters.http.errors import Answer, encoded
from adapters.http.exchange import KEY, Exchange, state_of
from adapters.http.outlet import outlet_of
from adapters.observability import REQUEST_SECONDS, REQUESTS
from domain.identifiers import RequestId, uuid7

ANSWER_SECONDS = 60.0
"""Within this time a request must have come in whole and its answer begun."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)

SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NOTHING_MAY_LOAD = b"default-src 'none'; frame-ancestors 'none'"
"""The content security policy of answers that bring none of their own."""

_log = structlog.get_logger(__name__)


class Entry:
    """The outermost layer around an application."""

    def __init__(self, app: ASGIApp, position: Callable[[], int]) -> None:
        """``position`` is how far the read models of this process are known to stand."""
        self._app = app
        self._position = position

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP passes as it is."""
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        inner: HTTPScope = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        exchange = Exchange(request_id=_request_id(scope), headless=inner is not scope)
        state_of(inner)[KEY] = exchange
        answer = _Answering(inner, exchange, send, self._position)
        started = time.perf_counter()
        try:
            await self._serve(inner, receive, answer)
        finally:
            _record(scope, inner, exchange, answer.status, time.perf_counter() - started)

    async def _serve(self, scope: HTTPScope, receive: Receive, answer: "_Answering") -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS) as deadline:
                answer.deadline = deadline
                if _holds_null(scope):
                    await answer.refuse(
                        Answer(status=400, code="invalid", message="The address holds a null character.")
                    )
                else:
                    await self._app(scope, receive, answer.send)
        except TimeoutError:
            if answer.status:
                raise
            late = "This took too long and was given up. Try again, with the same Idempotency-Key."
            await answer.refuse(Answer(status=503, code="too_slow", message=late, headers={"Retry-After": "5"}))


class _Answering:
    """Sends the answer with the headers that every answer has."""

    def __init__(self, scope: HTTPScope, exchange: Exchange, send: Send, position: Callable[[], int]) -> None:
        self._scope = scope
        self._exchange = exchange
        self._send = send
        self._position = position
        self.status = 0
        self.deadline: asyncio.Timeout | None = None

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.deadline is not None:
                self.deadline.reschedule(None)
            message = {**message, "headers": [*message["headers"], *self._added(message)]}
            if self.status == 101:  # not uvicorn's affair: it would add a body
                outlet_of(self._scope).switch([*message["headers"]])
                return
        await self._send(message)

    async def refuse(self, said: Answer) -> None:
        """Answer in place of the application."""
        body = encoded(said, self._exchange.request_id)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in said.headers.items()]
        await self.send({"type": "http.response.start", "status": said.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def _added(self, start: HTTPResponseStartEvent) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in start["headers"]}
        position = self._exchange.position or self._position()
        added = [
            (b"x-request-id", self._exchange.request_id.encode()),
            (b"x-shipbook-position", str(position).encode()),
            *SECURITY,
            (b"content-security-policy", NOTHING_MAY_LOAD),
            (b"cache-control", b"no-store"),
            *((name.lower().encode(), value.encode("latin-1")) for name, value in self._exchange.headers.items()),
        ]
        return [(name, value) for name, value in added if name not in present]


def _request_id(scope: HTTPScope) -> RequestId:
    """The caller's own id for its request where it is a decent one, else a fresh one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return RequestId(given if REQUEST_ID.fullmatch(given) else uuid7())


def _holds_null(scope: HTTPScope) -> bool:
    return "\x00" in scope["path"] or b"%00" in scope["query_string"] or b"\x00" in scope["query_string"]


def _record(scope: HTTPScope, inner: HTTPScope, exchange: Exchange, status: int, seconds: float) -> None:
    """Count and log the request; the query stays out, because people put tokens there."""
    route = str(inner.get("path_template") or "(none)")
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    REQUESTS.labels(method, route, status or 499).inc()
    if not exchange.streaming:
        REQUEST_SECONDS.labels(method, route).observe(seconds)
    _log.info(
        "request",
        method=method,
        path=scope["path"],
        status=status or 499,
        milliseconds=round(seconds * 1000, 1),
        request_id=exchange.request_id,
        caller=exchange.caller,
        **({"phrase": HTTPStatus(status).phrase} if status >= 500 else {}),
    )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
