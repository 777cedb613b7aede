"""What this machine keeps for nobody is removed, and nothing else: real files, a real log, real read models."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.artifacts import PASSING as WRITTEN
from adapters.artifacts import Artifacts
from adapters.runtime.sandbox import capabilities
from adapters.runtime.toolchains import PASSING as FETCHED
from adapters.runtime.toolchains import Toolchains
from services.collecting import Collecting
from tests.dialects.executing import Execution
from tests.dialects.plane import Caller
from tests.dialects.test_native_retention import expire

AT_ONCE = timedelta(days=-1)


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    """The artifacts of this machine."""
    return Artifacts(tmp_path / "artifacts")


def published(store: Artifacts, place: Path, content: str) -> str:
    """The digest of an artifact that holds this."""
    place.mkdir(exist_ok=True)
    (place / "index.html").write_text(content)
    return asyncio.run(store.publish(place)).digest


def release(caller: Caller, project: Any, artifact: str) -> str:
    """A release of the artifact that is made live."""
    execution = Execution(caller, caller.deployment(project))
    execution.publish(artifact=artifact)
    execution.succeed()
    return str(execution.release)


def collect(
    caller: Caller, store: Artifacts, place: Path, grace: timedelta = AT_ONCE, untouched: timedelta = AT_ONCE
) -> None:
    """What an executor does in a round."""
    collecting = Collecting(
        caller.plane.core, store, Toolchains(place / "toolchains", capabilities()), grace, untouched
    )
    caller.plane.call(collecting.look())


def test_the_files_of_expired_releases_go_and_shared_and_kept_ones_stay(
    insider: Caller, outsider: Caller, store: Artifacts, tmp_path: Path
) -> None:
    mine, another = insider.project(), outsider.project()
    gone, shared, kept, replaced, live = (published(store, tmp_path / "site", f"page {number}") for number in range(5))
    for digest in (gone, shared, kept, replaced, live):
        found = release(insider, mine, digest)
        if digest == kept:
            insider.post(f"/releases/{found}/pin", {}, status=200)
    release(outsider, another, shared)
    insider.http.put(insider.base + "/retention", json={"releasesPerEnvironment": 1})

    collect(insider, store, tmp_path)
    assert all(store.has(one) for one in (gone, shared, kept, replaced, live))
    expire(insider)
    collect(insider, store, tmp_path, grace=timedelta(hours=1))
    assert store.has(gone)
    collect(insider, store, tmp_path, untouched=timedelta(days=1))
    assert store.has(gone)

    collect(insider, store, tmp_path)
    collect(insider, store, tmp_path)

    assert [store.has(one) for one in (gone, shared, kept, replaced, live)] == [False, True, True, True, True]


def test_files_of_which_no_release_is_known_stay_for_a_day(insider: Caller, store: Artifacts, tmp_path: Path) -> None:
    digest = published(store, tmp_path / "site", "a build that died before its release was cut")

    collect(insider, store, tmp_path, untouched=timedelta(days=1))
    assert store.has(digest)
    os.utime(store.path(digest), (1, 1))
    assert published(store, tmp_path / "site", "a build that died before its release was cut") == digest
    collect(insider, store, tmp_path, untouched=timedelta(days=1))
    assert store.has(digest)  # a build has just come to the same again
    os.utime(store.path(digest), (1, 1))
    collect(insider, store, tmp_path, untouched=timedelta(days=1))

    assert not store.has(digest)


def test_what_dead_processes_left_half_done_goes_and_what_living_ones_do_stays(
    insider: Caller, store: Artifacts, tmp_path: Path
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(10)
    left = [
        insider.plane.settings.builds_dir / "left",
        tmp_path / "artifacts" / WRITTEN / f"{dead.pid}-a",
        tmp_path / "toolchains" / "node" / f"{FETCHED}{dead.pid}-a",
    ]
    under_way = [
        tmp_path / "artifacts" / WRITTEN / f"{os.getpid()}-a",
        tmp_path / "toolchains" / "node" / f"{FETCHED}{os.getpid()}-a",
    ]
    for place in (*left, *under_way):
        (place / "bin").mkdir(parents=True)

    collect(insider, store, tmp_path)

    assert [place.exists() for place in (*left, *under_way)] == [False, False, False, True, True]


def test_an_expired_release_cannot_be_promoted(insider: Caller) -> None:
    project = insider.project()
    place = insider.post(f"/projects/{project['id']}/environments", {"name": "staging", "branch": "next"})
    first, *_ = (release(insider, project, "a" * 64) for _ in range(3))
    insider.http.put(insider.base + "/retention", json={"releasesPerEnvironment": 1})
    expire(insider)

    path = f"/projects/{project['id']}/environments/{place['id']}/promotions"
    refused = insider.post(path, {"releaseId": first}, status=409)

    assert refused["code"] == "release_expired"


def test_tools_go_that_nobody_asked_for_and_nothing_runs_with(
    insider: Caller, store: Artifacts, tmp_path: Path
) -> None:
    execution = Execution(insider, insider.deployment())
    execution.publish(tools=("node@20.1.0",))
    places = [tmp_path / "toolchains" / tool for tool in ("node/18.1.0", "node/20.1.0", "pnpm/9.1.0")]
    for place in places:
        (place / "bin").mkdir(parents=True)
    for place in places[:2]:
        os.utime(place, (1, 1))

    collect(insider, store, tmp_path)

    assert [place.exists() for place in places] == [False, True, True]
