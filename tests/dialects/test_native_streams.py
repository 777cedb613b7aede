"""Document 002, live streams: each test quotes the sentence that it keeps."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import httpx
import pytest

from commands.deployment import StartStep
from domain.identifiers import ReleaseId, runtime_log
from domain.steps import StepKind
from tests.dialects.executing import Execution, Writing, deployed
from tests.dialects.plane import Caller, Plane

EVENTS = {"Accept": "text/event-stream"}


class Event:
    """One event of a stream: its id, if it has one, and its JSON."""

    def __init__(self, identity: int | None, data: Any) -> None:
        self.id = identity
        self.data = data


class Reader:
    """Reads the events of one open connection, one after another."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments: list[str] = []
        self._lines = answer.iter_lines()

    def __iter__(self) -> Iterator[Event]:
        identity, data = None, ""
        for line in self._lines:
            field, _, value = line.partition(":")
            match field, value.removeprefix(" "):
                case "id", text:
                    identity = int(text)
                case "data", text:
                    data = text
                case "", text if line:
                    self.comments.append(text)
                case "", _ if data:
                    yield Event(identity, json.loads(data))
                    identity, data = None, ""

    def until(self, kind: str) -> list[Event]:
        """The events up to the first of a type."""
        found = []
        for event in self:
            found.append(event)
            if event.data["type"] == kind:
                return found
        raise AssertionError(f"the stream ended without a frame '{kind}'")


@contextmanager
def stream(caller: Caller, path: str, **options: Any) -> Iterator[Reader]:
    """An open stream."""
    with caller.http.stream("GET", caller.base + path, **{"headers": EVENTS, **options}) as answer:
        yield Reader(answer)


def test_live_build_logs_and_status(insider: Caller) -> None:
    """``GET (SSE) /tenants/<t>/deployments/<id>/stream — live build logs + status``, ``each message is a JSON frame
    { type: "log"|"status"|"done", … }``."""
    made = insider.deployment()
    with stream(insider, f"/deployments/{made['id']}/stream") as reader:
        first = next(iter(reader))
        assert (first.id, first.data["type"], first.data["status"]) == (None, "status", "queued")

        execution = Execution(insider, made)
        execution.step(StepKind.BUILD, ["one", "two"])
        logs = [event for event in reader.until("log") if event.data["type"] == "log"]
        assert (logs[0].id, logs[0].data["seq"], logs[0].data["text"]) == (1, 1, "one")
        assert (logs[0].data["step"], logs[0].data["stream"]) == ("build", "stdout")

        execution.publish()
        last_seq = execution.succeed()
        rest = reader.until("done")
        assert [event.data["text"] for event in rest if event.data["type"] == "log"] == ["two"]
        assert [event.data["status"] for event in rest if event.data["type"] == "status"][-1] == "succeeded"
        assert (rest[-1].id, rest[-1].data) == (last_seq + 1, {"type": "done", "seq": last_seq, "status": "succeeded"})
        assert list(reader) == []


def test_the_stream_of_a_failed_deploy_ends_with_its_error(insider: Caller) -> None:
    execution = Execution(insider, insider.deployment())
    execution.step(StepKind.BUILD, ["oh no"])
    execution.fail("The build failed.")

    with stream(insider, f"/deployments/{execution.id}/stream") as reader:
        done = reader.until("done")[-1].data

    assert (done["status"], done["error"]) == ("failed", "The build failed.")


def test_headers_of_a_stream(insider: Caller) -> None:
    with stream(insider, f"/deployments/{insider.deployment()['id']}/stream") as reader:
        headers = reader.answer.headers
        first = next(reader.answer.iter_lines())

    assert headers["content-type"] == "text/event-stream"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert first == "retry: 1000"


def test_reconnect_from_the_last_seq(insider: Caller) -> None:
    """``Reconnect from the last seq/cursor``."""
    found = deployed(insider, insider.project(), [f"line {number}" for number in range(1, 11)])
    path = f"/deployments/{found['id']}/stream"

    def seqs(**options: Any) -> list[int]:
        with stream(insider, path, **options) as reader:
            return [event.data["seq"] for event in reader.until("done") if event.data["type"] == "log"]

    assert seqs() == [*range(1, 11)]
    assert seqs(params={"after": 7}) == [8, 9, 10]
    assert seqs(params={"after": 2}, headers={**EVENTS, "Last-Event-ID": "8"}) == [9, 10]


def test_a_reconnect_at_the_end_is_204(insider: Caller) -> None:
    """A browser's EventSource always comes back; 204 tells it to stop."""
    found = deployed(insider, insider.project(), ["a", "b"])
    path = f"{insider.base}/deployments/{found['id']}/stream"

    with stream(insider, f"/deployments/{found['id']}/stream") as reader:
        end = reader.until("done")[-1]

    assert (end.id, end.data["seq"]) == (3, 2)
    assert insider.http.get(path, headers={"Last-Event-ID": "3"}).status_code == 204
    assert '"done"' in insider.http.get(path, params={"after": 2}).text
    refused = insider.http.get(path, headers={"Last-Event-ID": "x"})
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "Last-Event-ID")


def test_a_reader_that_is_cut_between_the_last_line_and_the_end_is_told_the_end(insider: Caller) -> None:
    found = deployed(insider, insider.project(), ["a", "b"])

    with stream(insider, f"/deployments/{found['id']}/stream", headers={**EVENTS, "Last-Event-ID": "2"}) as reader:
        assert reader.until("done")[-1].data["status"] == found["status"]


def test_lines_of_json_instead_of_events(insider: Caller) -> None:
    found = deployed(insider, insider.project(), ["a", "b"])

    answer = insider.http.get(
        f"{insider.base}/deployments/{found['id']}/stream", headers={"Accept": "application/x-ndjson"}
    )

    assert answer.headers["content-type"] == "application/x-ndjson"
    frames = [json.loads(line) for line in answer.text.splitlines()]
    assert [frame["type"] for frame in frames] == ["status", "log", "log", "done"]


def test_a_client_that_is_cut_again_and_again_reads_every_line_once(insider: Caller) -> None:
    execution = Execution(insider, insider.deployment())
    wanted = [f"line {number} " + "x" * 50 for number in range(1, 3001)]
    path = f"/deployments/{execution.id}/stream"

    def write() -> None:
        for start in range(0, len(wanted), 100):
            execution.log.lines(wanted[start : start + 100])
        execution.fail("enough")

    writer = Thread(target=write)
    writer.start()
    got: list[str] = []
    seen, ended = 0, False
    while not ended:
        with stream(insider, path, headers={**EVENTS, "Last-Event-ID": str(seen)} if seen else EVENTS) as reader:
            for count, event in enumerate(reader):
                ended = event.data["type"] == "done"
                if event.data["type"] == "log":
                    assert event.id == seen + 1
                    seen = event.id
                    got.append(event.data["text"])
                if count == 170:
                    break
    writer.join(30)

    assert got == wanted


def test_many_readers_of_one_log_all_get_everything(insider: Caller) -> None:
    execution = Execution(insider, insider.deployment())
    path = f"/deployments/{execution.id}/stream"
    results: list[list[str]] = []

    def read() -> None:
        with stream(insider, path) as reader:
            results.append([event.data["text"] for event in reader.until("done") if event.data["type"] == "log"])

    readers = [Thread(target=read) for _ in range(20)]
    for reader in readers:
        reader.start()
    for start in range(0, 500, 50):
        execution.log.lines([f"line {number}" for number in range(start, start + 50)])
    execution.fail("enough")
    for reader in readers:
        reader.join(30)

    assert results == [[f"line {number}" for number in range(500)]] * 20


def test_a_status_that_one_reader_brings_along_is_told_to_all(insider: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the next look, and nobody is passed over."""

    async def blind(*_: object, **__: object) -> None:
        pass

    execution = Execution(insider, insider.deployment())
    path = f"/deployments/{execution.id}/stream"
    with stream(insider, path) as early:
        events = iter(early)
        assert next(events).data["step"] is None
        monkeypatch.setattr("adapters.http.watching.Watching._look", blind)
        begun = StartStep(deployment_id=execution.id, fencing_token=1, step=StepKind.BUILD)
        insider.plane.do(insider.tenant, begun)
        with stream(insider, path) as late:
            assert next(iter(late)).data["step"] == "build"
        assert next(events).data["step"] == "build"


def test_a_reader_that_takes_nothing_holds_up_nobody_and_is_let_go(
    plane: Plane, insider: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.http.streams.reader.SEND_SECONDS", 2.0)
    execution = Execution(insider, insider.deployment())
    path, streams = f"/deployments/{execution.id}/stream", plane.app.state["streams"]
    with socket.create_connection((plane.settings.http.host, plane.settings.http.port)) as stalled:
        request = f"GET {insider.base}{path} HTTP/1.1\r\nHost: {plane.settings.http}\r\n"
        stalled.sendall(f"{request}Authorization: Bearer {insider.token}\r\n\r\n".encode())
        plane.wait(lambda: streams._readers == 1)
        with stream(insider, path) as reader:
            for _ in range(10):
                execution.log.lines(["x" * 16_000] * 100)
            execution.fail("enough")
            assert sum(event.data["type"] == "log" for event in reader.until("done")) == 1000
        plane.wait(lambda: streams._readers == 0)


def test_a_reader_who_leaves_frees_everything(plane: Plane, insider: Caller) -> None:
    path = f"/deployments/{insider.deployment()['id']}/stream"
    before = len(plane.app.state["watching"]._watched)

    for _ in range(5):
        with stream(insider, path) as reader:
            next(iter(reader))
            plane.wait(lambda: len(plane.app.state["watching"]._watched) == before + 1)

    plane.wait(lambda: len(plane.app.state["watching"]._watched) == before)
    assert plane.app.state["streams"]._readers == 0


def test_container_logs_live(insider: Caller) -> None:
    """``(SSE) /runtime-logs/stream — Node/Python container logs``."""
    found = deployed(insider, insider.project(type="node"), start_command="node server.js")
    writing = Writing(insider.plane, runtime_log(ReleaseId(found["releaseId"])))
    path = f"/releases/{found['releaseId']}/runtime-logs/stream"

    with stream(insider, path) as reader:
        writing.lines(["listening"], step=None)
        assert reader.until("log")[-1].data["text"] == "listening"
        writing.lines(["bye"], step=None)
        writing.close(insider.tenant)
        assert [event.data["type"] for event in reader.until("done")] == ["log", "done"]
    assert insider.http.get(insider.base + path, headers={"Last-Event-ID": "3"}).status_code == 204


def test_lines_that_are_no_longer_kept_are_said_to_be_so(plane: Plane, insider: Caller) -> None:
    """``Past retention: 410 with oldestSeq``."""
    found = deployed(insider, insider.project(), ["a", "b", "c"])
    plane.call(
        plane.core.database.fetch(
            "UPDATE lines.logs SET oldest_seq = 3 WHERE log_id = %s RETURNING 1", [f"deployment-{found['id']}"]
        )
    )

    for path in (f"/deployments/{found['id']}/logs", f"/deployments/{found['id']}/stream"):
        gone = insider.get(path, status=410)
        assert (gone["code"], gone["oldestSeq"]) == ("past_retention", 3)
        assert "follows seq 2" in gone["message"]
        assert insider.http.get(insider.base + path, params={"after": 2}).status_code == 200


def test_head_of_a_stream_ends_at_once(insider: Caller) -> None:
    answer = insider.http.head(f"{insider.base}/deployments/{insider.deployment()['id']}/stream")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


def test_a_browser_follows_with_its_cookie_alone(insider: Caller) -> None:
    """``connect with EventSource``, which cannot send Authorization."""
    found = deployed(insider, insider.project(), ["a"])

    assert '"text":"a"' in insider.browser.get(f"{insider.base}/deployments/{found['id']}/stream").text


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_a_silent_stream_is_kept_alive(insider: Caller, monkeypatch: pytest.MonkeyPatch, accept: str) -> None:
    """``comment ping every 15 s``."""
    monkeypatch.setattr("adapters.http.streams.feed.PING_SECONDS", 0.05)

    with stream(insider, f"/deployments/{insider.deployment()['id']}/stream", headers={"Accept": accept}) as reader:
        for line in reader.answer.iter_lines():
            if line in {": ping", '{"type":"ping"}'}:
                break
        else:
            raise AssertionError("no ping came")
