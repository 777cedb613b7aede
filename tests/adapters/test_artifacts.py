"""The artifact store keeps each build result once, whole, unchanged, and known by its content."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.artifacts import ArtifactLimits, ArtifactRefused, Artifacts

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def tree(place: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return place


def names_in(place: Path) -> list[str]:
    return [path.name for path in place.iterdir()]


async def test_the_same_content_has_the_same_digest_whatever_its_times_modes_and_order(
    store: Artifacts, tmp_path: Path
) -> None:
    one = tree(tmp_path / "one", {"a/x": "1", "b": "2"})
    two = tree(tmp_path / "two", {"b": "2", "a/x": "1"})
    os.utime(two / "b", (1, 1))
    (two / "b").chmod(0o600)
    assert await store.publish(one) == await store.publish(two)


@pytest.mark.parametrize(
    "change", [{"a": "other"}, {"a": "1", "more": ""}, {"b": "1"}], ids=["content", "another file", "another name"]
)
async def test_any_difference_gives_another_digest(change: dict[str, str], store: Artifacts, tmp_path: Path) -> None:
    first = await store.publish(tree(tmp_path / "one", {"a": "1"}))
    assert (await store.publish(tree(tmp_path / "two", change))).digest != first.digest


async def test_whether_a_file_is_a_program_counts_and_is_kept(store: Artifacts, tmp_path: Path) -> None:
    source = tree(tmp_path / "one", {"run": "#!/bin/sh"})
    plain = await store.publish(source)
    (source / "run").chmod(0o700)
    program = await store.publish(source)
    assert plain.digest != program.digest
    modes = [store.path(each.digest).joinpath("run").stat().st_mode & 0o777 for each in (plain, program)]
    assert modes == [0o644, 0o755]


async def test_what_is_stored_is_what_was_built_and_can_be_verified(store: Artifacts, tmp_path: Path) -> None:
    artifact = await store.publish(tree(tmp_path / "site", {"index.html": "hello", "deep/er/x.css": "body"}))
    place = store.path(artifact.digest)
    assert (artifact.files, artifact.bytes) == (2, 9)
    assert (place / "deep/er/x.css").read_text() == "body"
    assert await store.verify(artifact.digest)
    (place / "index.html").write_text("changed")
    assert not await store.verify(artifact.digest)
    assert not await store.verify("0" * 64)


async def test_the_history_and_what_is_excluded_stay_out(store: Artifacts, tmp_path: Path) -> None:
    files = {"index.html": "x", ".git/config": "y", "node_modules/a/b": "z", ".env": "hush", "a/node_modules/c": "w"}
    artifact = await store.publish(tree(tmp_path / "site", files), exclude=("node_modules", ".env"))
    place = store.path(artifact.digest)
    assert sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()) == [
        "a/node_modules/c",
        "index.html",
    ]


@pytest.mark.parametrize(
    ("target", "kept"),
    [("x", True), ("../a/x", True), ("/etc/passwd", False), ("../../x", False), ("here/../../x", False), (".", True)],
)
async def test_a_link_is_kept_only_when_it_stays_inside(
    target: str, kept: bool, store: Artifacts, tmp_path: Path
) -> None:
    source = tree(tmp_path / "site", {"a/x": "1"})
    (source / "a" / "link").symlink_to(target)
    artifact = await store.publish(source)
    assert (store.path(artifact.digest) / "a" / "link").is_symlink() is kept
    trusted = await store.publish(source, foreign_links=True)
    assert (store.path(trusted.digest) / "a" / "link").readlink() == Path(target)
    assert await store.verify(trusted.digest)


async def test_pipes_sockets_and_devices_are_left_out(store: Artifacts, tmp_path: Path) -> None:
    source = tree(tmp_path / "site", {"x": "1"})
    os.mkfifo(source / "pipe")
    artifact = await asyncio.wait_for(store.publish(source), 5)
    assert names_in(store.path(artifact.digest)) == ["x"]


async def test_too_much_is_refused_with_what_to_do(tmp_path: Path) -> None:
    small = Artifacts(tmp_path / "artifacts", limits=ArtifactLimits(bytes=10, files=2))
    for files in ({"a": "x" * 11}, {"a": "", "b": "", "c": ""}):
        with pytest.raises(ArtifactRefused, match="outputDirectory"):
            await small.publish(tree(tmp_path / f"{len(files)}", files))
    assert names_in(tmp_path / "artifacts" / ".passing") == []


async def test_nothing_is_no_artifact(store: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactRefused, match="empty"):
        await store.publish(tmp_path / "empty")
    with pytest.raises(ArtifactRefused, match="no directory"):
        await store.publish(tmp_path / "missing")


async def test_many_may_publish_the_same_at_once(store: Artifacts, tmp_path: Path) -> None:
    source = tree(tmp_path / "site", {f"{number}": "x" * 1000 for number in range(200)})
    found = await asyncio.gather(*(store.publish(source) for _ in range(8)))
    assert len(set(found)) == 1
    assert await store.verify(found[0].digest)


async def test_a_removed_artifact_is_gone_and_may_come_back(store: Artifacts, tmp_path: Path) -> None:
    source = tree(tmp_path / "site", {"x": "1"})
    artifact = await store.publish(source)
    await store.remove(artifact.digest)
    await store.remove(artifact.digest)
    assert not store.has(artifact.digest)
    assert await store.publish(source) == artifact


PUBLISHER = """
import asyncio, sys
from pathlib import Path
from adapters import artifacts
original = artifacts._Tar._add_file
def slow(self, *words):
    original(self, *words)
    print("one file", flush=True)
    sys.stdin.readline()
artifacts._Tar._add_file = slow
asyncio.run(artifacts.Artifacts(Path(sys.argv[1])).publish(Path(sys.argv[2])))
"""


async def test_a_publisher_killed_half_way_leaves_only_what_is_swept(store: Artifacts, tmp_path: Path) -> None:
    source = tree(tmp_path / "site", {"a": "1", "b": "2"})
    program = [sys.executable, "-c", PUBLISHER, str(tmp_path / "artifacts"), str(source)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as publisher:  # noqa: ASYNC220 - another program
        assert publisher.stdout is not None
        publisher.stdout.readline()
        assert store.sweep() == 0
        publisher.send_signal(signal.SIGKILL)
    assert names_in(tmp_path / "artifacts") == [".passing"]
    assert store.sweep() == 1
    assert names_in(tmp_path / "artifacts" / ".passing") == []


@pytest.mark.parametrize("digest", ["", "..", "../" * 21 + "x", "A" * 64, "g" * 64, "a" * 63])
def test_only_a_digest_names_an_artifact(digest: str, store: Artifacts) -> None:
    with pytest.raises(ValueError, match="is not a SHA-256 digest"):
        store.path(digest)


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..", ".git")
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(names, st.binary(max_size=2000), min_size=1, max_size=8))
def test_every_name_and_content_survives(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    place = tmp_path_factory.mktemp("any")
    (place / "site").mkdir()
    for name, content in files.items():
        if len(os.fsencode(name)) < 200:
            (place / "site" / name).write_bytes(content)
    (place / "site" / "always").write_bytes(b"")
    store = Artifacts(place / "artifacts")
    artifact = asyncio.run(store.publish(place / "site"))
    kept = store.path(artifact.digest)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        path.name: path.read_bytes() for path in (place / "site").iterdir()
    }
    assert asyncio.run(store.verify(artifact.digest))


async def test_what_somebody_publishes_again_is_never_taken_away_for_being_old(
    store: Artifacts, tmp_path: Path
) -> None:
    source = tree(tmp_path / "one", {"a": "1"})
    digest = (await store.publish(source)).digest
    since = store.path(digest).stat().st_mtime - 60
    for _ in range(50):
        os.utime(store.path(digest), (1, 1))
        assert store.untouched(since) == [digest]
        await asyncio.gather(store.publish(source), store.remove(digest, since))
        assert store.has(digest)
        assert store.untouched(since) == []


async def test_what_was_counted_on_stays(store: Artifacts, tmp_path: Path) -> None:
    digest = (await store.publish(tree(tmp_path / "one", {"a": "1"}))).digest
    before = store.path(digest).stat().st_mtime - 60
    os.utime(store.path(digest), (1, 1))
    assert store.touch(digest)
    assert not await store.remove(digest, before)
    assert await store.remove(digest)
    assert (store.touch(digest), await store.remove(digest)) == (False, False)
