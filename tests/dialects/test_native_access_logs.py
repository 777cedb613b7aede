"""``access-logs?after=<id>`` and ``/access-logs/stream``: 4xx/5xx + non-GET, and everything with ``?all=true``."""

from typing import Any

import httpx
import msgspec
import pytest

from adapters.edge.requests import Request
from adapters.linestore import Stream
from adapters.masking import Masks
from domain.identifiers import EnvironmentId, access_log
from services.client import events
from services.retention import Retention
from tests.dialects.plane import Caller, Plane

TOMORROW = -1
AT = 1_800_000_000_000_000


class Site:
    """An environment and its access log."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        project = caller.project()
        self.environment = EnvironmentId(project["environments"][0]["id"])
        self.path = f"/projects/{project['id']}/environments/{self.environment}/access-logs"

    def answers(self, *asked: tuple[str, int]) -> None:
        """Requests by method and status, or with a status of 0 a notice."""
        self.caller.plane.call(self._answers(asked))

    async def _answers(self, asked: tuple[tuple[str, int], ...]) -> None:
        async with self.caller.plane.writers.open(access_log(self.environment), Masks()) as writer:
            for number, (method, status) in enumerate(asked):
                one = Request(AT + number, method, f"/{method}", status, 5, 1500, "192.0.2.1", "a.test", "tests", "r")
                stream: Stream = one.stream if status else "system"
                text = msgspec.json.encode(one) if status else method.encode()
                await writer.write(text + b"\n", stream=stream)
            await writer.flush()

    def shows(self, **query: Any) -> Any:
        return self.caller.get(self.path, params=query)

    def seqs(self, **query: Any) -> list[int]:
        return [one["seq"] for one in self.shows(**query)["items"]]


@pytest.fixture
def site(insider: Caller) -> Site:
    found = Site(insider)
    found.answers(("GET", 200), ("POST", 201), ("GET", 404), ("GET", 304), ("Some are missing.", 0), ("HEAD", 200))
    return found


def test_what_failed_or_was_no_get_is_shown_and_everything_to_who_asks_for_it(site: Site) -> None:
    assert site.seqs() == [2, 3, 5, 6]
    assert site.seqs(all="true") == [1, 2, 3, 4, 5, 6]
    [post, missing, notice, _] = site.shows()["items"]
    assert post == {
        "seq": 2,
        "at": "2027-01-15T08:00:00.000001Z",
        "method": "POST",
        "path": "/POST",
        "status": 201,
        "bytes": 5,
        "durationMs": 1.5,
        "clientAddress": "192.0.2.1",
        "host": "a.test",
        "userAgent": "tests",
        "releaseId": "r",
        "notice": None,
    }
    assert (missing["status"], notice["notice"], notice["status"]) == (404, "Some are missing.", None)


def test_a_number_means_the_same_in_both_views(site: Site) -> None:
    assert site.seqs(after=3) == [5, 6]
    assert site.seqs(after=3, all="true") == [4, 5, 6]
    first = site.shows(limit=1)
    assert (first["nextAfter"], first["hasMore"], first["lastSeq"]) == (2, True, 6)
    assert site.seqs(after=first["nextAfter"]) == [3, 5, 6]
    rest = site.shows(after=6)
    assert (rest["items"], rest["nextAfter"], rest["hasMore"]) == ([], 6, False)


def test_it_is_nobody_elses_and_each_environments_own(site: Site, outsider: Caller) -> None:
    assert outsider.http.get(site.caller.base + site.path).status_code == 404
    assert Site(site.caller).shows()["items"] == []


@pytest.mark.parametrize(("query", "wanted"), [({}, [2, 3, 5, 6, 8]), ({"all": "true"}, [1, 2, 3, 4, 5, 6, 7, 8])])
def test_a_stream_goes_on_with_what_comes(site: Site, query: dict[str, str], wanted: list[int]) -> None:
    found: list[int] = []
    with site.caller.http.stream("GET", f"{site.caller.base}{site.path}/stream", params=query) as answer:
        for event in events(answer.iter_bytes()):
            found.append(msgspec.json.decode(event)["seq"])
            if found[-1] == 6:
                site.answers(("GET", 200), ("GET", 500))
            if found[-1] == 8:
                break
    assert found == wanted


def test_a_reader_who_comes_back_goes_on_behind_what_its_view_does_not_show(site: Site) -> None:
    site.answers(("GET", 200), ("GET", 200))
    path = f"{site.caller.base}{site.path}/stream"
    with site.caller.http.stream("GET", path, headers={"Accept": "application/x-ndjson"}) as answer:
        lines = answer.iter_lines()
        assert [msgspec.json.decode(next(lines))["seq"] for _ in range(4)] == [2, 3, 5, 6]
    with site.caller.http.stream("GET", path, params={"after": 6}) as answer:
        told = next(chunk for chunk in answer.iter_text() if "id:" in chunk)
    assert "id: 8\n\n" in told
    assert "data:" not in told


def test_what_is_forgotten_is_said_to_be_and_numbers_go_on(plane: Plane, site: Site) -> None:
    plane.call(Retention(plane.core.database, plane.core.reader, TOMORROW).forget())
    gone: httpx.Response = site.caller.http.get(site.caller.base + site.path, params={"after": 0})
    assert (gone.status_code, gone.json()["oldestSeq"]) == (410, 7)
    assert site.shows()["items"] == []
    site.answers(("GET", 500))
    assert site.seqs() == [7]
