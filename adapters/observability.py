"""What a process tells about itself: its log, without secrets, and what the API counts (``adapters.metrics``)."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal

import structlog
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("shipbook_http_requests", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram(
    "shipbook_http_request_seconds",
    "Seconds from a request to the end of its answer, without streams.",
    ("method", "route"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
STREAM_READERS = Gauge("shipbook_stream_readers", "Readers of live streams that are connected.", ("kind",))
STREAM_FRAMES = Counter("shipbook_stream_frames", "Frames sent to readers of live streams.", ("kind",))

REDACTED = "[redacted]"
SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|credential|private_key|api_key|verifier", re.IGNORECASE
)
SECRET_TEXTS = re.compile(
    r"shpat_\w+"  # our own tokens
    r"|(?<=://)[^/\s@'\"]+(?=@)"  # a user and password in a URL
    r"|(?<=Bearer )\S+",
    re.IGNORECASE,
)

APART = re.compile(r"""[\s="']""")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging(process: str, *, style: Literal["text", "json"] = "text", level: str = "info") -> None:
    """Let structlog and the standard library write one line an event to stderr, as text or as JSON.

    ``process`` names the writer in each line. Values under secret names and texts that look like secrets are masked.
    """
    told: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: list[Any] = [
        _named(process),
        structlog.processors.format_exc_info,
        redact,
        *([structlog.processors.JSONRenderer()] if style == "json" else [_on_one_line, _as_text]),
    ]
    structlog.configure(
        processors=[*told, *written],
        logger_factory=_Writer,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=told,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "asyncio", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Writer:
    """Writes lines of one logger to stderr, without the standard library's detours: each request is a line."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write the line in one piece; where nothing can be written, nobody can be told."""
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = msg


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor that masks secrets by the names of fields and by the looks of texts, however deep."""
    return {key: REDACTED if _names_secret(key) else _masked(value) for key, value in event.items()}


@lru_cache(1024)
def _names_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None


def _masked(value: Any) -> Any:
    match value:
        case str():
            return _without_secrets(value)
        case Mapping():
            return {key: REDACTED if _names_secret(str(key)) else _masked(one) for key, one in value.items()}
        case list() | tuple():
            return [_masked(one) for one in value]
        case int() | float() | None:
            return value
        case _:
            return _without_secrets(str(value))


def _without_secrets(text: str) -> str:
    folded = text.casefold()
    if "shpat_" in folded or "://" in folded or "bearer " in folded:  # what ``SECRET_TEXTS`` looks for, in a tenth
        return SECRET_TEXTS.sub(REDACTED, text)
    return text


def _on_one_line(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whatever a caller sent, it cannot begin a line of its own; only a trace has several."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "exception":
            event[key] = CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
    return event


def _as_text(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """When, how bad, what and who; then the fields by name; then a trace."""
    begin = f"{event.pop('timestamp')} [{event.pop('level'):<9}] {event.pop('event'):<30} [{event.pop('logger')}] "
    trace = event.pop("exception", None)
    line = begin + " ".join([f"{name}={_told_apart(event[name])}" for name in sorted(event)])
    return f"{line}\n{trace}" if trace else line


def _told_apart(value: Any) -> str:
    """In quotes where it could be taken for more than one value."""
    return value if isinstance(value, str) and not APART.search(value) else repr(value)


def _named(process: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"process": process, **event}

    return add
