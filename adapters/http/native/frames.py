"""What a live stream of the native API says (document 002: ``{ type: "log"|"status"|"done", … }``)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, dataclass_transform

import msgspec

from adapters.http.native import words
from adapters.http.native.wire.deployments import StatusWord
from adapters.http.streams.framing import (
    COMMENT,
    EVENTS,
    NDJSON,
    PING,
    RETRY,
    WEBSOCKET,
    event,
    json_line,
    message,
)
from adapters.http.streams.script import Script
from adapters.linestore import Numbered, Run
from domain.identifiers import DeploymentId, ReleaseId
from domain.steps import StepKind
from projections.deployments import DeploymentRow


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Frame(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """One message."""


class LogFrame(Frame, tag="log", omit_defaults=True):
    """A line; ``seq`` is where to go on."""

    seq: int
    at: datetime
    stream: str
    step: str | None
    text: str
    source: str | None = None


class StatusFrame(Frame, tag="status"):
    """Where the deployment stands: first as it is, then whenever that has changed."""

    status: StatusWord
    step: StepKind | None
    ref: str
    deployment_id: DeploymentId
    commit: str | None
    release_id: ReleaseId | None
    error: str | None


class DoneFrame(Frame, tag="done", omit_defaults=True):
    """The last message: nothing follows ``seq``. A deployment's has its ``status``, and the ``error`` if it failed."""

    seq: int
    status: StatusWord | None = None
    error: str | None = None


_json = msgspec.json.Encoder()


def status_frame(row: DeploymentRow) -> StatusFrame:
    """Where a deployment stands."""
    return StatusFrame(
        status=words.deployments.STATUS[row.status],
        step=row.step,
        ref=row.ref,
        deployment_id=row.id,
        commit=row.commit,
        release_id=row.release_id,
        error=row.error,
    )


def done_frame(row: DeploymentRow | None, seq: int) -> DoneFrame:
    """The end of a deployment, or of a log alone."""
    return (
        DoneFrame(seq=seq, status=words.deployments.STATUS[row.status], error=row.error) if row else DoneFrame(seq=seq)
    )


def event_lines(runs: Sequence[Numbered]) -> bytes:
    """Events of lines; the id is the seq."""
    return "".join(map(_events, runs)).encode()


def json_lines(runs: Sequence[Numbered]) -> bytes:
    """Lines of JSON."""
    return "".join(map(_objects, runs)).encode()


def _events(run: Numbered) -> str:
    head, middle, tail = _around(run.run)
    lines = enumerate(_quoted(run.run), run.first_seq)
    return "".join([f"id: {seq}\ndata: {head}{seq}{middle}{text}{tail}\n\n" for seq, text in lines])


def _objects(run: Numbered) -> str:
    head, middle, tail = _around(run.run)
    lines = enumerate(_quoted(run.run), run.first_seq)
    return "".join([f"{head}{seq}{middle}{text}{tail}\n" for seq, text in lines])


def _around(run: Run) -> tuple[str, str, str]:
    """What stands before the seq, between it and the text, and behind the text in each ``LogFrame`` of the run."""
    frame = LogFrame(seq=0, at=run.moment, stream=run.stream, step=run.step, text="", source=run.source)
    head, _, rest = _json.encode(frame).decode().partition(":0,")
    middle, _, tail = rest.partition('"text":""')
    return f"{head}:", f',{middle}"text":', tail


def _quoted(run: Run) -> Sequence[str]:
    """Each line as JSON; there a line feed is escaped, so those that are left stand between the lines."""
    return _json.encode_lines(run.text.decode().split("\n")[:-1]).decode().split("\n")[:-1]


def messages(runs: Sequence[Numbered]) -> bytes:
    """A WebSocket's messages, one a line."""
    return b"".join(message(line.encode()) for run in runs for line in _objects(run).split("\n")[:-1])


def status_text(row: DeploymentRow) -> bytes:
    """Where a deployment stands, as JSON."""
    return _json.encode(status_frame(row))


def done_text(row: DeploymentRow | None, seq: int) -> bytes:
    """The end, as JSON."""
    return _json.encode(done_frame(row, seq))


class Scripts(NamedTuple):
    """What a log's readers are told, in each format."""

    events: Script
    json_lines: Script
    messages: Script


AS_EVENTS = Script(
    kind=EVENTS,
    opening=RETRY,
    ping=COMMENT,
    lines=event_lines,
    status=lambda row: event(status_text(row)),
    # With an id, so that a browser, which always comes back, learns that nothing follows.
    # Behind the last line: who has that one and no end comes back with its id, and must be told the end.
    done=lambda row, seq: event(done_text(row, seq), identity=seq + 1),
)

AS_JSON_LINES = Script(
    kind=NDJSON,
    opening=b"",
    ping=json_line(b'{"type":"ping"}'),
    lines=json_lines,
    status=lambda row: json_line(status_text(row)),
    done=lambda row, seq: json_line(done_text(row, seq)),
)

AS_MESSAGES = Script(
    kind=WEBSOCKET,
    opening=b"",
    ping=PING,
    lines=messages,
    status=lambda row: message(status_text(row)),
    done=lambda row, seq: message(done_text(row, seq)),
)

OF_LOGS = Scripts(AS_EVENTS, AS_JSON_LINES, AS_MESSAGES)
