"""What a process tells about itself holds no secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from adapters.http.tokens import new_token
from adapters.observability import configure_logging, redact
from domain.identifiers import ApiTokenId, uuid7

TOKEN = new_token(ApiTokenId(uuid7())).reveal


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers, logging.getLogger().level = handlers, level
    structlog.reset_defaults()


def test_secrets_are_masked_by_name_and_by_looks_however_deep() -> None:
    masked = redact(
        None,
        "info",
        {
            "event": f"fetch https://insider:hunter2@example.com/a.git with {TOKEN}",
            "password": "hunter2",
            "request": {"headers": [{"Authorization": "Bearer hunter2"}, ("cookie", "Bearer hunter2")]},
            "problem": ValueError("postgresql://shipbook:hunter2@db/x"),
            "count": 3,
        },
    )

    assert "hunter2" not in repr(masked)
    assert TOKEN not in repr(masked)
    assert masked["count"] == 3
    assert "example.com/a.git" in masked["event"]


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_an_event_from_whoever_logs(capsys: pytest.CaptureFixture[str], style: str) -> None:
    configure_logging("api", style=style)  # type: ignore[arg-type]  # parametrised

    structlog.get_logger("a").info("begun\nforged", path="/a\n[error] forged")
    logging.getLogger("b").warning("library says %s", TOKEN)
    structlog.get_logger("c").error("failed", exc_info=ValueError(f"broken {TOKEN}"))

    written = capsys.readouterr().err
    assert TOKEN not in written
    assert "library says [redacted]" in written
    assert "broken [redacted]" in written
    if style == "json":
        assert [json.loads(line)["process"] for line in written.splitlines()] == ["api"] * 3
    else:
        assert not any(line.startswith(("forged", "[error] forged")) for line in written.splitlines())


def test_no_value_of_a_field_looks_like_another_field(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("api")

    structlog.get_logger("a").info("request", path="/a status=200", agent='curl"', status=404, caller="nobody")

    told = capsys.readouterr().err.rstrip("\n").partition(" [a] ")[2]
    assert told == """agent='curl"' caller=nobody path='/a status=200' process=api status=404"""


def test_a_line_that_cannot_be_written_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("api")

    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123 - it is no path of ours
        monkeypatch.setattr("sys.stderr", full)
        structlog.get_logger("a").info("request")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.close()
