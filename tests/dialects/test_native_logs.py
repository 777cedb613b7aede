"""A log as a whole: as plain text, and after its lines were forgotten."""

import httpx

from adapters.linestore import LineStore
from adapters.linewriting import FLUSH_BYTES
from domain.identifiers import LogId, ReleaseId, build_log, runtime_log
from services.retention import Retention
from tests.dialects.executing import Writing, deployed
from tests.dialects.plane import Caller, Plane

TOMORROW = -1
"""Keeping lines from tomorrow on forgets those of today."""


def text(caller: Caller, path: str, after: int = 0) -> httpx.Response:
    return caller.http.get(caller.base + path, params={"after": after})


def test_a_log_is_downloaded_as_it_was_printed(insider: Caller, outsider: Caller) -> None:
    printed = [f'{number}: zwölf "Boxkämpfer" \\ \t %d' + "x" * 90 for number in range(FLUSH_BYTES // 50)]
    found = deployed(insider, insider.project(), printed)
    path = f"/deployments/{found['id']}/logs/text"

    for after in (0, 1, 3_000, len(printed) - 1, len(printed), len(printed) + 1):
        answer = text(insider, path, after)
        assert answer.text == "".join(f"{line}\n" for line in printed[after:])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert insider.http.head(insider.base + path).status_code == 200
    assert text(outsider, path).status_code == 404


def test_what_a_release_wrote_is_downloaded_while_it_still_writes(insider: Caller, outsider: Caller) -> None:
    found = deployed(insider, insider.project(type="node"), start_command="node server.js")
    path = f"/releases/{found['releaseId']}/runtime-logs/text"
    assert text(insider, path).text == ""

    Writing(insider.plane, runtime_log(ReleaseId(found["releaseId"]))).lines(["listening", "served /"], step=None)

    assert text(insider, path).text == "listening\nserved /\n"
    assert text(insider, path, 1).text == "served /\n"
    assert text(outsider, path).status_code == 404


def test_a_forgotten_log_is_gone_for_good_and_leaves_nothing_in_the_store(plane: Plane, insider: Caller) -> None:
    """``Past retention: 410 with oldestSeq``."""
    found = deployed(insider, insider.project(), ["a", "b", "c"])
    running = deployed(insider, insider.project(type="node"), start_command="node server.js")
    log_id = runtime_log(ReleaseId(running["releaseId"]))
    Writing(plane, log_id).lines(["listening"], step=None)

    plane.call(Retention(plane.core.database, plane.core.reader, TOMORROW).forget())

    assert plane.call(known(plane, build_log(found["id"]), log_id)) == {log_id}, "an open log goes on where it was"
    path = f"/deployments/{found['id']}"
    for ending in ("/logs", "/logs/text", "/stream"):
        gone = insider.get(path + ending, status=410)
        assert (gone["code"], gone["oldestSeq"]) == ("past_retention", 4)
    assert text(insider, f"{path}/logs/text", 3).text == ""
    assert insider.get(f"{path}/logs?after=3") == {"items": [], "hasMore": False, "closed": True}
    Writing(plane, log_id).lines(["still here"], step=None)
    assert text(insider, f"/releases/{running['releaseId']}/runtime-logs/text", 1).text == "still here\n"


async def known(plane: Plane, *log_ids: LogId) -> set[LogId]:
    return set(await LineStore(plane.core.database).last_seqs(log_ids))
