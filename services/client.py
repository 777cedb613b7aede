"""The client of the native API: typed answers, and streams that survive their connection."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import msgspec

from services.exits import CommandFailed, Unreachable, WrongUsage
from services.logins import Login

T = TypeVar("T")

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
WAITS = (0.2, 0.6, 1.8)
"""Seconds before each repetition of a request that got no answer: a restarted API is back by then."""
SILENCE_SECONDS = 45.0
"""The longest silence in a stream: three of the pings that the plane sends."""
PATIENCE_SECONDS = 120.0
"""How long a stream may bring neither a line nor a connection that lasts."""
LASTING_SECONDS = 10.0
"""A connection to a stream that held so long was a good one."""
NOT_NOW = frozenset({502, 503, 504})
LONGEST_WAIT = 5.0
LARGEST_EVENT = 16 << 20
"""Bytes of one event of a stream."""
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Refusal(msgspec.Struct, frozen=True, rename="camel"):
    """The body of an answer that is no success (document 002: ``{statusCode, error, message}``)."""

    message: str | list[str] = ""
    code: str = ""


class Refused(CommandFailed):
    """The plane refused a request; ``status`` is the answer's, ``code`` its word for programs."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Frame(msgspec.Struct, frozen=True, rename="camel"):
    """A message of a stream. All but ``type`` belong to ``log``; ``source`` is the instance, where several run."""

    type: Literal["log", "status", "done"]
    seq: int = 0
    step: str | None = None
    stream: Literal["stdout", "stderr", "system"] = "stdout"
    source: str | None = None
    text: str = ""


class Event(msgspec.Struct, frozen=True):
    """A message of a stream, and the JSON in which it came."""

    frame: Frame
    data: bytes


class Client:
    """Speaks with one plane as one principal. Each write has an idempotency key, so that it may be repeated."""

    def __init__(self, login: Login, transport: httpx.BaseTransport | None = None) -> None:
        self.login = login
        headers = {"User-Agent": "shipbook-cli", "Accept": "application/json"}
        self._http = httpx.Client(
            base_url=login.api_url,
            headers=headers | _identity(login),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            trust_env=urlsplit(login.api_url).hostname not in LOOPBACK,  # a proxy does not know our loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, answer: type[T], **query: object) -> T:
        """What ``path`` holds. Raises Refused, Unreachable."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return _decoded(self.send("GET", path, query=given), answer)

    def post(self, path: str, body: object, answer: type[T]) -> T:
        """Send ``body`` to ``path``. Raises Refused, Unreachable."""
        return _decoded(self.send("POST", path, body), answer)

    def patch(self, path: str, body: object, answer: type[T]) -> T:
        """Change what ``path`` holds. Raises Refused, Unreachable."""
        return _decoded(self.send("PATCH", path, body), answer)

    def put(self, path: str, body: object, answer: type[T]) -> T:
        """Let ``path`` hold ``body``. Raises Refused, Unreachable."""
        return _decoded(self.send("PUT", path, body), answer)

    def delete(self, path: str, **query: object) -> None:
        """Remove what ``path`` holds. Raises Refused, Unreachable."""
        self.send("DELETE", path, query={name: str(value) for name, value in query.items() if value is not None})

    def send(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A successful answer; asked for again where there was none, or only "not yet". Raises Refused, Unreachable."""
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid4())}
        request = self._http.build_request(
            method,
            path,
            params=query,
            content=None if body is None else msgspec.json.encode(body),
            headers=headers if body is None else headers | {"Content-Type": "application/json"},
        )
        for pause in (*WAITS, None):
            try:
                answer = self._http.send(request)
            except httpx.TransportError as problem:
                if pause is None:
                    raise self._unreachable(str(problem) or type(problem).__name__) from problem
            else:
                if answer.is_success:
                    return answer
                if pause is None or not _later(answer):
                    raise _refused(answer)
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def download(self, path: str, body: object = None) -> Iterator[bytes]:
        """What ``path`` holds, or makes of ``body``, piece by piece. Raises Refused, Unreachable."""
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"} if body is not None else {}
        content = None if body is None else msgspec.json.encode(body)
        try:
            with self._http.stream("POST" if content else "GET", path, content=content, headers=headers) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refused(answer)
                yield from answer.iter_bytes()
        except httpx.TransportError as problem:
            raise self._unreachable(str(problem) or type(problem).__name__) from problem

    def follow(self, path: str, after: int) -> Iterator[Event]:
        """What the stream at ``path`` tells: each line after ``after`` once and in order, and how it stands.

        A broken connection is taken up again where it stopped. Ends where the plane says that there is no more (204),
        or where the caller stops. Raises Refused, Unreachable.
        """
        cursor, since, pause = after, time.monotonic(), WAITS[0]
        while True:
            opened, reason = time.monotonic(), "it breaks off every connection"
            try:
                with self._stream(path, after, cursor) as answer:
                    if answer.status_code == 204:
                        return
                    for data in events(answer.iter_bytes()):
                        frame = msgspec.json.decode(data, type=Frame)
                        if frame.type == "log" and frame.seq > cursor:
                            cursor, since, pause = frame.seq, time.monotonic(), WAITS[0]
                        elif frame.type == "log":
                            continue
                        yield Event(frame, data)
            except httpx.TransportError as problem:
                reason = str(problem) or type(problem).__name__
            if time.monotonic() - opened > LASTING_SECONDS:
                since, pause = time.monotonic(), WAITS[0]
            if time.monotonic() - since > PATIENCE_SECONDS:
                raise self._unreachable(reason)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)

    @contextmanager
    def _stream(self, path: str, after: int, cursor: int) -> Iterator[httpx.Response]:
        """One connection to a stream: its beginning after ``after``, or where it stopped."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(cursor)} if cursor > after else {})
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        with self._http.stream("GET", path, params={"after": after}, headers=headers, timeout=timeout) as answer:
            if answer.status_code in NOT_NOW:
                raise httpx.ReadError(f"status {answer.status_code}", request=answer.request)
            if not answer.is_success:
                answer.read()
                raise _refused(answer)
            yield answer

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"{self.login.api_url} does not answer ({reason}). Is the plane up? `shipbook up` starts one here; "
            "--api-url names another."
        )


def events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each event in a ``text/event-stream`` that comes in ``chunks`` (HTML Standard, 9.2.6).

    Comments and other fields are passed over: what an event's ``id`` would tell, its data tells.
    """
    data: list[bytes] = []
    for line in _lines(chunks):
        field, _, value = line.partition(b":")
        if not line:
            if data:
                yield b"\n".join(data)
            data = []
        elif field == b"data":
            data.append(value.removeprefix(b" "))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines without their ends; what follows the last end is dropped, as the standard says."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LARGEST_EVENT:
            raise CommandFailed(f"The stream holds a line of more than {LARGEST_EVENT >> 20} MB. Is this a Shipbook?")
        for line in whole:
            yield line.removesuffix(b"\r")


def _identity(login: Login) -> dict[str, str]:
    """A token, or the origin without which no session may write."""
    return {"Authorization": f"Bearer {login.token}"} if login.token else {"Origin": login.api_url}


def _decoded(answer: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as problem:
        raise CommandFailed(
            f"{answer.request.url} answered what this client cannot read: {problem}. "
            "Is it a Shipbook, and of this client's version?"
        ) from problem


def _later(answer: httpx.Response) -> bool:
    """Whether the plane asks us to come again in a moment: it catches up, or still works on this very request."""
    return answer.status_code in NOT_NOW or (answer.status_code == 409 and "Retry-After" in answer.headers)


def _refused(answer: httpx.Response) -> CommandFailed:
    try:
        refusal = msgspec.json.decode(answer.content, type=Refusal)
    except msgspec.MsgspecError:
        refusal = Refusal()
    said = "; ".join(refusal.message) if isinstance(refusal.message, list) else refusal.message
    message = said or f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}."
    match answer.status_code:
        case 401:
            return Unreachable(f"{message} Log in with `shipbook login`, or give another token.")
        case 403:
            return Unreachable(message)
        case 400 | 422:
            return WrongUsage(message)
        case status:
            return Refused(message, status, refusal.code)
