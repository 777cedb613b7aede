"""Fetch one commit of a repository that nobody vouches for.

git runs with a home and a configuration of its own: no hooks, no filters, no helpers, no prompts, no redirects, one
protocol, checked addresses only. A credential is handed over through an anonymous file of this process, so that it is
in no argument, no variable and on no disk. Time and size are bounded, and no process of git's outlives the call.
"""

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters import git_setup as setup
from adapters.git_complaints import NOT_BY_ITSELF, complaint, no_branch
from adapters.git_setup import Credential
from adapters.repository_url import (
    FetchPolicy,
    Location,
    RepositoryRefused,
    addresses,
    validate_branch,
    validate_commit,
    validate_url,
)
from adapters.runtime.limits import Limits
from adapters.runtime.running import Finished, Reason, run
from adapters.runtime.sandbox import Capabilities, Sandbox, remove_tree

UNWALLED = Capabilities(namespaces=False, overlay=False, user=None, limits=None)
"""git itself is trusted; only its tree is watched over."""
WATCH_SECONDS = 0.1
DEEPER = (50, 1000, 2_147_483_647)
"""Where a server does not give out single commits: how much history to look for it in, step by step."""
MOST_SUBMODULES = 32
MOST_DEPTH = 4
OnLine = Callable[[str], Awaitable[None]]

FETCH = """
cd "$into" &&
git fetch --quiet --depth "$depth" --no-tags --no-recurse-submodules -- "$url" "$wanted" &&
git checkout --quiet --force --detach "$commit" -- &&
git log -1 --no-show-signature --format='%H%n%an%n%cI%n%B' > "$HOME/commit" &&
{ test ! -e .gitmodules || git ls-tree -r -z --full-tree HEAD > "$HOME/tree"; }
"""
LIST = 'git ls-remote --quiet -- "$url" > "$HOME/refs"'


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch. Without a branch, the default branch; without a commit, the branch's last."""

    url: str
    branch: str | None = None
    commit: str | None = None
    credential: Credential | None = None
    submodules: bool = False


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that one fetch may take, with its submodules: ``bytes`` on disk, history included."""

    seconds: float = 600
    bytes: int = 2 << 30


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that was fetched."""

    commit: str
    author: str
    message: str
    committed_at: datetime


USUAL_LIMITS = FetchLimits()
USUAL_POLICY = FetchPolicy()


async def _nobody(_: str) -> None:
    """Listens to no line."""


async def fetch(
    source: Source,
    into: Path,
    limits: FetchLimits = USUAL_LIMITS,
    policy: FetchPolicy = USUAL_POLICY,
    *,
    on_line: OnLine = _nobody,
    known_hosts: Path | None = None,
) -> Checkout:
    """Put the commit's files into the directory ``into``, which is emptied first.

    What git says goes to ``on_line``, with the credential masked. ``known_hosts`` keeps the keys of ssh servers
    between calls: a server's first key is trusted, a later other one refused.

    Raises:
        RepositoryRefused: With a sentence for the user.
    """
    await asyncio.to_thread(_empty, into)
    effort = _Effort(into, limits, policy, on_line, known_hosts)
    try:
        async with asyncio.timeout(limits.seconds):
            return await _fetch_all(source, effort)
    except TimeoutError:
        raise RepositoryRefused(
            f"Fetching the repository took longer than {limits.seconds:g} s and was stopped."
        ) from None


async def resolve(
    source: Source,
    policy: FetchPolicy = USUAL_POLICY,
    known_hosts: Path | None = None,
    seconds: float = 60,
) -> str:
    """The id of the commit where the source's branch (else tag, else the default branch) stands.

    Raises:
        RepositoryRefused: With a sentence for the user.
    """
    async with _session(source, policy, known_hosts) as session:
        refs = await session.refs(seconds)
    if source.branch is None:
        names = ["HEAD"]
    else:
        branch = validate_branch(source.branch)
        names = [f"refs/heads/{branch}", f"refs/tags/{branch}^{{}}", f"refs/tags/{branch}"]
    for name in names:
        if name in refs:
            return refs[name]
    raise no_branch(source.branch, refs)


class _Effort(NamedTuple):
    """One call of ``fetch``: what holds for the repository and for every submodule alike."""

    into: Path
    limits: FetchLimits
    policy: FetchPolicy
    on_line: OnLine
    known_hosts: Path | None


async def _fetch_all(source: Source, effort: _Effort) -> Checkout:
    """The repository, and the submodules below it when they are asked for."""
    pending: list[tuple[Source, Path, int]] = [(source, effort.into, 0)]
    first: Checkout | None = None
    fetched = 0
    while pending:
        each, place, depth = pending.pop(0)
        async with _session(each, effort.policy, effort.known_hosts) as session:
            checkout = await session.fetch(place, effort)
            first = first or checkout
            below = session.submodules(place) if source.submodules else []
        fetched += len(below)
        if fetched > MOST_SUBMODULES or (below and depth == MOST_DEPTH):
            raise RepositoryRefused(f"More than {MOST_SUBMODULES} submodules, or {MOST_DEPTH} levels, are not fetched.")
        pending += [(_below(each, url, commit), place / path, depth + 1) for path, url, commit in below]
    if first is None:
        raise RepositoryRefused("Nothing was fetched.")
    return first


def _below(parent: Source, url: str, commit: str) -> Source:
    """A submodule as a source: the parent's credential goes along only to the parent's own server."""
    if url.startswith(("./", "../")):
        url = _joined(parent.url, url)
    same = _server(url) == _server(parent.url)
    return Source(url=url, commit=commit, credential=parent.credential if same else None, submodules=True)


def _joined(base: str, relative: str) -> str:
    """A submodule's relative address from that of its parent (git-submodule(1), add)."""
    base, between = base.rstrip("/"), "/"
    while relative.startswith(("./", "../")):
        step, _, relative = relative.partition("/")
        if step == "..":
            between = "/" if "/" in base else ":"
            base = base.rpartition(between)[0]
    return f"{base}{between}{relative}"


def _server(url: str) -> str:
    match = re.match(r"([a-z]+://[^/]+)/|([^/:]+):", url)
    return match.group(0) if match else ""


class _Session(msgspec.Struct):
    """git, set up for one repository."""

    source: Source
    location: Location
    home: Path
    environment: dict[str, str]
    said: str = ""

    async def fetch(self, place: Path, effort: _Effort) -> Checkout:
        """Fetch the commit: by itself where the server gives it out, else by way of its branch."""
        done = await (self._fetch_commit if self.source.commit else self._fetch_name)(place, effort)
        if not done.succeeded:
            raise await self._refusal(done, effort.limits)
        return self._checkout()

    async def _fetch_name(self, place: Path, effort: _Effort) -> Finished:
        branch = self.source.branch
        done = await self._fetch(place, effort, f"refs/heads/{branch}" if branch else "HEAD")
        if branch and not done.succeeded and "find remote ref" in self.said:
            done = await self._fetch(place, effort, f"refs/tags/{branch}")
        return done

    async def _fetch_commit(self, place: Path, effort: _Effort) -> Finished:
        commit = str(self.source.commit)
        done = await self._fetch(place, effort, commit, commit)
        branch = f"refs/heads/{self.source.branch}" if self.source.branch else "HEAD"
        for depth in DEEPER:
            if done.succeeded or not re.search(NOT_BY_ITSELF, self.said):
                break
            done = await self._fetch(place, effort, branch, commit, depth)
        return done

    async def refs(self, seconds: float) -> dict[str, str]:
        """Every name in the repository, and the commit where it stands."""
        done = await self._run(LIST, {}, Limits(wall_seconds=seconds, file_bytes=64 << 20), _nobody)
        if not done.succeeded:
            raise await self._refusal(done, FetchLimits(seconds=seconds))
        lines = (self.home / "refs").read_text(errors="replace").splitlines()
        return {name: commit for commit, _, name in (line.partition("\t") for line in lines)}

    def submodules(self, place: Path) -> list[tuple[str, str, str]]:
        """Path, address and commit of each submodule: the tree says which there are, .gitmodules where they live."""
        modules = place / ".gitmodules"
        if modules.is_symlink() or not modules.is_file():
            return []
        entries = [line.split("\t", 1) for line in (self.home / "tree").read_text(errors="replace").split("\0") if line]
        commits = {path: head.split()[2] for head, path in entries if head.startswith("160000 ")}
        urls = _urls(modules.read_text(errors="replace"))
        return [(path, urls[path], commit) for path, commit in commits.items() if path in urls]

    def _checkout(self) -> Checkout:
        commit, author, at, *message = (self.home / "commit").read_text(errors="replace").split("\n")
        return Checkout(
            commit=commit, author=author, message="\n".join(message).strip(), committed_at=datetime.fromisoformat(at)
        )

    async def _fetch(
        self, place: Path, effort: _Effort, wanted: str, commit: str = "FETCH_HEAD", depth: int = 1
    ) -> Finished:
        _begin(place)
        most = effort.limits.bytes
        names = {"into": str(place), "wanted": wanted, "commit": commit, "depth": str(depth)}
        bounds = Limits(wall_seconds=None, file_bytes=most, memory_bytes=None, cpu_seconds=None)
        large = asyncio.Event()
        watch = asyncio.create_task(_watch(effort.into, most, large))
        try:
            done = await self._run(FETCH, names, bounds, effort.on_line, large)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        full = "file size limit" in self.said.lower() or "file too large" in self.said.lower()
        if large.is_set() or full or await asyncio.to_thread(_size, effort.into) > most:
            raise RepositoryRefused(f"The repository is larger than the {most / 1e6:,.0f} MB that may be fetched.")
        return done

    async def _run(
        self, script: str, names: dict[str, str], bounds: Limits, on_line: OnLine, stop: asyncio.Event | None = None
    ) -> Finished:
        lines = _Lines(self.source.credential, on_line)
        sandbox = Sandbox(
            workspace=self.home,
            scratch=self.home.parent,
            environment=self.environment | names | {"url": self.location.url},
        )
        done = await run(["/bin/sh", "-c", script], sandbox, bounds, lines.feed, cancelled=stop, able=UNWALLED)
        await lines.finish()
        self.said = lines.tail
        return done

    async def _refusal(self, done: Finished, limits: FetchLimits) -> RepositoryRefused:
        """git's complaint as a sentence."""
        if done.reason is Reason.TIMED_OUT:
            return RepositoryRefused(
                f"{self.location.host or 'The repository'} did not answer in {limits.seconds:g} s."
            )
        if "find remote ref" in self.said:
            return no_branch(self.source.branch, await self.refs(60))
        return complaint(self.said, self.location.host, self.source.commit, done.exit_code)


class _Lines:
    """Cuts git's output into lines, without the credential."""

    def __init__(self, credential: Credential | None, on_line: OnLine) -> None:
        self._secrets = list(setup.spellings(credential))
        self._on_line = on_line
        self._rest = b""
        self.tail = ""

    async def feed(self, piece: bytes) -> None:
        *whole, self._rest = re.split(rb"[\r\n]+", self._rest + piece)
        for line in whole:
            await self._give(line)
        self._rest = self._rest[-8192:]

    async def finish(self) -> None:
        await self._give(self._rest)

    async def _give(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        if text:
            self.tail = f"{self.tail}{text}\n"[-8192:]
            await self._on_line(text)


@contextlib.asynccontextmanager
async def _session(source: Source, policy: FetchPolicy, known_hosts: Path | None) -> AsyncIterator[_Session]:
    """Check the source, and set git up for it in a directory that is gone afterwards."""
    location = validate_url(source.url, policy)
    if source.branch is not None:
        validate_branch(source.branch)
    if source.commit is not None:
        validate_commit(source.commit)
    bound = await addresses(location, policy)
    with tempfile.TemporaryDirectory(prefix="shipbook-git-") as name, setup.handed_over(source.credential) as secret:
        base = Path(name)
        home = base / "home"
        home.mkdir()
        (home / "config").write_text(setup.configuration(location, bound))
        environment = setup.environment(location, home) | setup.answers(source.credential, secret, base)
        if location.scheme == "ssh":
            environment["GIT_SSH_COMMAND"] = setup.ssh(location, bound, secret, known_hosts or base / "known_hosts")
        yield _Session(source=source, location=location, home=home, environment=environment)


def _urls(modules: str) -> dict[str, str]:
    """Address by path, from the text of a .gitmodules file (gitmodules(5))."""
    found: dict[str, str] = {}
    for section in re.split(r"^\s*\[", modules, flags=re.MULTILINE)[1:]:
        keys = dict(re.findall(r"^\s*(path|url)\s*=\s*(.*?)\s*$", section, flags=re.MULTILINE))
        if keys.keys() == {"path", "url"}:
            found[keys["path"].strip('"')] = keys["url"].strip('"')
    return found


def _empty(directory: Path) -> None:
    remove_tree(directory)
    directory.mkdir(parents=True)


def _begin(place: Path) -> None:
    """Make ``place`` a repository without a commit (gitrepository-layout(5)), which takes git a process."""
    for directory in ("objects", "refs"):
        (place / ".git" / directory).mkdir(parents=True, exist_ok=True)
    (place / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "ascii")


async def _watch(tree: Path, most: int, large: asyncio.Event) -> None:
    while await asyncio.to_thread(_size, tree) <= most:  # noqa: ASYNC110 - a size has no event
        await asyncio.sleep(WATCH_SECONDS)
    large.set()


def _size(tree: Path) -> int:
    total = 0
    for _, _, files, directory in os.fwalk(tree):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(name, dir_fd=directory, follow_symlinks=False).st_blocks * 512
    return total
