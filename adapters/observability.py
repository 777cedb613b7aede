"""What a process tells about itself: its log, without secrets, and what the API counts (``adapters.metrics``)."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
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

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging(process: str, *, style: Literal["text", "json"] = "text", level: str = "info") -> None:
    """Let structlog and the standard library write one line an event to stderr, as text or as JSON.

    ``process`` names the writer in each line. Values under secret names and texts that look like secrets are masked.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    rendering: list[Any] = (
        [structlog.processors.JSONRenderer()] if style == "json" else [_on_one_line, _text_renderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _named(process),
            structlog.processors.format_exc_info,
            redact,
            *rendering,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "asyncio", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor that masks secrets by the names of fields and by the looks of texts, however deep."""
    return {key: REDACTED if SECRET_NAMES.search(key) else _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    match value:
        case str():
            return SECRET_TEXTS.sub(REDACTED, value)
        case Mapping():
            return {key: REDACTED if SECRET_NAMES.search(str(key)) else _masked(one) for key, one in value.items()}
        case list() | tuple():
            return [_masked(one) for one in value]
        case int() | float() | None:
            return value
        case _:
            return SECRET_TEXTS.sub(REDACTED, str(value))


def _on_one_line(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Whatever a caller sent, it cannot begin a line of its own; only a trace has several."""
    return {
        key: CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
        if isinstance(value, str) and key != "exception"
        else value
        for key, value in event.items()
    }


def _named(process: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"process": process, **event}

    return add


def _text_renderer() -> Any:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
