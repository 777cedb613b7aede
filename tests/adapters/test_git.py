"""Fetching takes exactly the commit that is asked for, from nowhere else, and runs nothing of it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.git import FetchLimits, Source, _joined, fetch, resolve
from adapters.git_setup import Credential, handed_over, ssh
from adapters.repository_url import FetchPolicy, RepositoryRefused, validate_url
from tests.adapters.git_server import commit, git, repository, serving

pytestmark = pytest.mark.anyio
OPEN = FetchPolicy(allow_local=True, allow_private=True)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "into"


class Lines(list[str]):
    async def __call__(self, line: str) -> None:
        self.append(line)


def files(place: Path) -> dict[str, str]:
    return {
        str(path.relative_to(place)): path.read_text()
        for path in place.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(place).parts
    }


async def test_a_branch_gives_its_last_commit(tmp_path: Path, into: Path) -> None:
    *_, last = repository(tmp_path / "origin", {"a": "1"}, {"a": "2"})
    found = await fetch(Source(url=str(tmp_path / "origin"), branch="main"), into, policy=OPEN)
    assert (found.commit, found.author, found.message) == (last, "Insider", "Change a\n\nFor a reason.")
    assert (datetime.now(UTC) - found.committed_at).total_seconds() < 60
    assert files(into) == {"a": "2"}
    assert git(into, "rev-list", "--count", "HEAD") == "1"


async def test_the_default_branch_and_tags_are_found(tmp_path: Path, into: Path) -> None:
    first, last = repository(tmp_path / "origin", {"a": "1"}, {"a": "2"})
    git(tmp_path / "origin", "tag", "--annotate", "v1", "--message", "one", first)
    url = (tmp_path / "origin").as_uri()
    assert (await fetch(Source(url=url), into, policy=OPEN)).commit == last
    assert (await fetch(Source(url=url, branch="v1"), into, policy=OPEN)).commit == first
    assert await resolve(Source(url=url), OPEN) == last
    assert await resolve(Source(url=url, branch="v1"), OPEN) == first


async def test_an_earlier_commit_is_fetched_by_its_id(tmp_path: Path, into: Path) -> None:
    first, _ = repository(tmp_path / "origin", {"a": "1"}, {"a": "2"})
    with serving(tmp_path) as (address, _):
        found = await fetch(Source(url=f"{address}/origin/.git", branch="main", commit=first), into, policy=OPEN)
    assert (found.commit, files(into)) == (first, {"a": "1"})


async def test_fetching_again_leaves_nothing_of_the_first_time(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "origin", {"a": "1"})
    left = into / "left"
    left.parent.mkdir()
    left.write_text("over")
    await fetch(Source(url=str(tmp_path / "origin")), into, policy=OPEN)
    assert files(into) == {"a": "1"}


async def test_a_credential_opens_the_repository_and_is_shown_to_nobody(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "origin", {"a": "1"})
    token = f"t:k/{uuid4().hex}@"
    credential = Credential(username="insider", token=token)
    lines = Lines()
    with serving(tmp_path, f"insider:{token}") as (address, _):
        url = f"{address}/origin/.git"
        await fetch(Source(url=url, credential=credential), into, policy=OPEN, on_line=lines)
        assert await resolve(Source(url=url, credential=credential), OPEN)
        for wrong in (None, Credential(username="insider", token="wrong")):
            with pytest.raises(RepositoryRefused, match="refused the credential"):
                await fetch(Source(url=url, credential=wrong), into, policy=OPEN, on_line=lines)
    assert files(into) == {}
    assert token not in "".join(lines) + repr(credential) + repr(Source(url=url, credential=credential))
    assert token not in "".join(path.read_text() for path in into.parent.rglob("config"))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"branch": "mian"}, "no branch or tag 'mian'. It has: main, mainline"),
        ({"commit": "0" * 40}, "no commit 0000000000"),
        ({"url": "/nowhere"}, "no repository at this address"),
        ({"url": "https://nowhere.invalid/x/y"}, "host nowhere.invalid is unknown"),
        ({"url": "http://127.0.0.1:1/x/y"}, "127.0.0.1 could not be reached"),
        ({"url": "ssh://127.0.0.1:1/x/y"}, "127.0.0.1 could not be reached"),
        ({"branch": "--upload-pack=touch x"}, "is not the name of a branch"),
        ({"commit": "main"}, "is not a commit's full id"),
    ],
)
async def test_what_cannot_be_fetched_is_refused_in_a_sentence(
    source: dict[str, str], sentence: str, tmp_path: Path, into: Path
) -> None:
    repository(tmp_path / "origin", {"a": "1"})
    git(tmp_path / "origin", "branch", "mainline")
    with pytest.raises(RepositoryRefused, match=sentence):
        await fetch(Source(**{"url": str(tmp_path / "origin")} | source), into, policy=OPEN)


async def test_an_empty_repository_says_so(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "origin")
    with pytest.raises(RepositoryRefused, match="is empty"):
        await fetch(Source(url=str(tmp_path / "origin")), into, policy=OPEN)


async def test_a_repository_that_is_not_there_over_http_says_so(tmp_path: Path, into: Path) -> None:
    with serving(tmp_path) as (address, _), pytest.raises(RepositoryRefused, match="no repository at this address"):
        await fetch(Source(url=f"{address}/nothing"), into, policy=OPEN)


async def test_redirects_are_not_followed(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "origin", {"a": "1"})
    with serving(tmp_path) as (address, seen), pytest.raises(RepositoryRefused, match="has moved"):
        await fetch(Source(url=f"{address}/moved/origin/.git"), into, policy=OPEN)
    assert all(path.startswith("/moved") for path in seen)


async def test_a_large_repository_is_stopped(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "origin", {f"{number}": str(uuid4()) * 20_000 for number in range(12)})
    with pytest.raises(RepositoryRefused, match="larger than the 4 MB"):
        await fetch(Source(url=str(tmp_path / "origin")), into, FetchLimits(bytes=4_000_000), OPEN)


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


async def test_a_server_that_never_answers_is_given_up(silent: int, into: Path) -> None:
    began = time.monotonic()
    with pytest.raises(RepositoryRefused, match=r"longer than 0\.5 s"):
        await fetch(Source(url=f"http://127.0.0.1:{silent}/x/y"), into, FetchLimits(seconds=0.5), OPEN)
    assert time.monotonic() - began < 3


async def test_cancelling_stops_at_once(silent: int, into: Path) -> None:
    task = asyncio.create_task(fetch(Source(url=f"http://127.0.0.1:{silent}/x/y"), into, policy=OPEN))
    await asyncio.sleep(0.3)  # long enough for git to be waiting
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1


async def test_nothing_of_the_repository_is_run(tmp_path: Path, into: Path) -> None:
    origin = tmp_path / "origin"
    repository(origin, {"a": "1"})
    trap = tmp_path / "sprung"
    commit(origin, {".gitattributes": "* filter=evil\n", ".gitconfig": f'[filter "evil"]\nsmudge = touch {trap}\n'})
    for hook in ("post-checkout", "reference-transaction", "post-merge"):
        (origin / ".git/hooks").mkdir(exist_ok=True)
        (origin / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (origin / ".git/hooks" / hook).chmod(0o755)
    await fetch(Source(url=str(origin)), into, policy=OPEN)
    assert not trap.exists()
    assert not (into / ".git/hooks").exists()


async def test_links_that_lead_outside_are_files_of_the_checkout_only(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "origin", {"a": "1"})
    (tmp_path / "origin" / "link").symlink_to("/etc/passwd")
    commit(tmp_path / "origin", {})
    await fetch(Source(url=str(tmp_path / "origin")), into, policy=OPEN)
    assert (into / "link").is_symlink()


async def test_submodules_come_along_only_when_asked_and_by_the_same_rules(tmp_path: Path, into: Path) -> None:
    repository(tmp_path / "library", {"code": "shared"})
    repository(tmp_path / "origin", {"a": "1"})
    git(tmp_path / "origin", "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", "../library", "lib")
    commit(tmp_path / "origin", {})
    with serving(tmp_path) as (address, _):
        url = f"{address}/origin"
        await fetch(Source(url=f"{url}/.git"), into, policy=OPEN)
        assert "lib/code" not in files(into)
    await fetch(Source(url=str(tmp_path / "origin"), submodules=True), into, policy=OPEN)
    assert files(into)["lib/code"] == "shared"
    with serving(tmp_path) as (address, seen):
        commit(tmp_path / "origin", {".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = ../../library/.git\n'})
        await fetch(Source(url=f"{address}/origin/.git", submodules=True), into, policy=OPEN)
        assert any(path.startswith("/library/.git/") for path in seen)
    assert files(into)["lib/code"] == "shared"
    modules = '[submodule "lib"]\n\tpath = lib\n\turl = ext::sh\n'
    commit(tmp_path / "origin", {".gitmodules": modules})
    with pytest.raises(RepositoryRefused, match="'::'"):
        await fetch(Source(url=str(tmp_path / "origin"), submodules=True), into, policy=OPEN)


@pytest.mark.parametrize(
    ("parent", "relative", "joined"),
    [
        ("https://example.org/team/site.git", "../lib.git", "https://example.org/team/lib.git"),
        ("https://example.org/team/site/", "./lib", "https://example.org/team/site/lib"),
        ("git@example.org:team/site", "../lib", "git@example.org:team/lib"),
        ("git@example.org:site", "../lib", "git@example.org:lib"),
        ("/srv/site", "../lib", "/srv/lib"),
    ],
)
def test_a_submodules_relative_address_is_found(parent: str, relative: str, joined: str) -> None:
    assert _joined(parent, relative) == joined


def test_ssh_uses_one_key_one_address_and_host_keys_of_our_own(tmp_path: Path) -> None:
    location = validate_url("git@example.org:team/site.git", FetchPolicy())
    command = ssh(location, ["192.0.2.7"], "/proc/1/fd/3", tmp_path / "known_hosts")
    assert command.startswith("ssh -F /dev/null ")
    for option in (
        "HostName=192.0.2.7",
        "HostKeyAlias=example.org",
        "IdentityFile=/proc/1/fd/3",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=accept-new",
        f"UserKnownHostsFile={tmp_path}/known_hosts",
        "BatchMode=yes",
    ):
        assert f"-o {option}" in command


def test_a_private_key_is_handed_over_without_touching_the_disk() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----"
    with handed_over(Credential(private_key=key)) as path:
        assert path.startswith("/proc/")
        assert Path(path).read_text() == f"{key}\n"
        assert Path(path).stat().st_mode & 0o077 == 0
    assert not Path(path).exists()
