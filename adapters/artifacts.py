"""The store of build results: each is known by what it holds, never changes, and is kept once.

An artifact's digest is the SHA-256 of a deterministic tar of its tree: names sorted, no times, no owners, modes 0644
and 0755 only. It is stored unpacked, under ``<directory>/<first two digits>/<digest>``, so that a server can use it
in place. A tree appears under its digest whole or not at all.

The time of a tree's folder is when somebody last counted on it: whoever publishes or promotes touches it, so that it is
not removed before the release that refers to it can be read.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import math
import os
import stat
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from threading import Event
from uuid import uuid4

import msgspec

from adapters.runtime.sandbox import remove_tree

PASSING = ".passing"
"""The folder of trees that are being written; what is left in it by a dead process is swept."""
LOCK = ".lock"
"""Held for the moment in which a tree is touched or taken away."""
PIECE = 1 << 20


class ArtifactRefused(Exception):
    """The directory cannot become an artifact; the message says what to change."""


class ArtifactLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that one artifact may hold."""

    bytes: int = 2 << 30
    files: int = 200_000


USUAL = ArtifactLimits()


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A stored build result: ``digest`` in lower-case hex, ``bytes`` and ``files`` of its regular files."""

    digest: str
    bytes: int
    files: int


class Artifacts:
    """The store in ``directory``. ``owner``: the user its files belong to; None, the plane's own."""

    def __init__(self, directory: Path, owner: int | None = None, limits: ArtifactLimits = USUAL) -> None:
        """Open the store, making its folders when they are missing."""
        self._directory = directory
        self._owner = owner
        self._limits = limits
        (directory / PASSING).mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the artifact's tree is, whether it exists or not.

        Raises:
            ValueError: ``digest`` is no digest.
        """
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"{digest!r} is not a SHA-256 digest in lower-case hex.")
        return self._directory / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether the artifact is stored."""
        return self.path(digest).is_dir()

    async def publish(self, directory: Path, exclude: tuple[str, ...] = (), *, foreign_links: bool = False) -> Artifact:
        """Store a copy of ``directory`` and answer its digest; storing the same again changes nothing.

        ``exclude`` holds patterns of paths relative to ``directory`` (``node_modules``, ``*.log``). ``.git`` never
        comes along, nor do sockets, pipes and devices. A symbolic link that leads outside is left out, unless
        ``foreign_links``: an artifact that only ever runs in a sandbox may point at the system there, as every
        virtual environment does; one that a web server reads may not.

        Raises:
            ArtifactRefused: It is missing, empty or larger than the limits.
        """
        stop = Event()
        passing = self._directory / PASSING / f"{os.getpid()}-{uuid4().hex}"
        tar = _Tar(self._limits, stop, foreign_links=foreign_links, copy=passing)
        work = asyncio.create_task(asyncio.to_thread(self._store, directory, (".git", *exclude), tar, passing))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait({work})
            work.exception()
            raise

    async def verify(self, digest: str) -> bool:
        """Whether the stored tree still is what its digest says."""
        if not self.has(digest):
            return False
        tar = _Tar(self._limits, Event(), foreign_links=True)
        await asyncio.to_thread(tar.add_tree, self.path(digest), ())
        return tar.digest() == digest

    def touch(self, digest: str) -> bool:
        """Count on the artifact from this moment on; whether it is there."""
        with self._locked():
            try:
                os.utime(self.path(digest))
            except FileNotFoundError:
                return False
            return True

    def untouched(self, since: float) -> list[str]:
        """The digests of the artifacts that nobody has touched since then (seconds since the epoch)."""
        found = [path for folder in self._directory.glob("[0-9a-f][0-9a-f]") for path in folder.iterdir()]
        return [path.name for path in found if _touched(path) < since]

    async def remove(self, digest: str, untouched_since: float = math.inf) -> bool:
        """Delete an artifact, first from view, then from disk; whether this did.

        One that is not there is no error, and one that was touched since then stays.
        """
        gone = self._directory / PASSING / f"{os.getpid()}-{uuid4().hex}"
        with self._locked():
            if _touched(self.path(digest)) >= untouched_since:
                return False
            with contextlib.suppress(FileNotFoundError):
                self.path(digest).rename(gone)
        there = gone.is_dir()
        await asyncio.to_thread(remove_tree, gone)
        return there

    def sweep(self) -> int:
        """Remove what publishers that are no more have left half-written; answers how many."""
        left = [path for path in (self._directory / PASSING).iterdir() if not _alive(path.name.split("-")[0])]
        for path in left:
            remove_tree(path)
        return len(left)

    def _store(self, source: Path, exclude: tuple[str, ...], tar: "_Tar", passing: Path) -> Artifact:
        if source.is_symlink() or not source.is_dir():
            raise ArtifactRefused(f"There is no directory {source.name!r} to publish.")
        try:
            passing.mkdir()
            tar.add_tree(source, exclude)
            if not tar.files:
                raise ArtifactRefused(f"The directory {source.name!r} is empty, so there is nothing to publish.")
            found = Artifact(digest=tar.digest(), bytes=tar.bytes, files=tar.files)
            self._settle(passing, found.digest)
            return found
        finally:
            remove_tree(passing)

    def _settle(self, passing: Path, digest: str) -> None:
        """Give the finished tree its place. Whoever comes second finds the place taken by the same content."""
        if self.touch(digest):
            return
        place = self.path(digest)
        if self._owner is not None:
            _give(passing, self._owner)
        place.parent.mkdir(exist_ok=True)
        os.utime(passing)
        try:
            passing.rename(place)
        except OSError:
            if not self.touch(digest):
                raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._directory / LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _Tar:
    """Hashes a tree as a deterministic tar, and copies it on the way when ``copy`` is given."""

    def __init__(self, limits: ArtifactLimits, stop: Event, *, foreign_links: bool, copy: Path | None = None) -> None:
        self._limits, self._stop, self._copy, self._foreign_links = limits, stop, copy, foreign_links
        self._hash = hashlib.sha256()
        self.bytes = self.files = 0

    def digest(self) -> str:
        """The digest of what was added, ended as a tar ends: by two empty blocks."""
        whole = self._hash.copy()
        whole.update(bytes(2 * tarfile.BLOCKSIZE))
        return whole.hexdigest()

    def add_tree(self, root: Path, exclude: tuple[str, ...]) -> None:
        for path, status in _walk(root, exclude):
            if self._stop.is_set():
                raise ArtifactRefused("Publishing was cancelled.")
            name = path.relative_to(root)
            if stat.S_ISDIR(status.st_mode):
                self._add_folder(name)
            elif stat.S_ISLNK(status.st_mode):
                self._add_link(root, name)
            elif stat.S_ISREG(status.st_mode):
                self._add_file(path, name, status)

    def _add_folder(self, name: Path) -> None:
        self._head(name, tarfile.DIRTYPE, 0o755)
        if self._copy:
            (self._copy / name).mkdir(mode=0o755)

    def _add_link(self, root: Path, name: Path) -> None:
        target = (root / name).readlink()
        if not self._foreign_links and not _stays_inside(name, target):
            return
        self._head(name, tarfile.SYMTYPE, 0o777, link=str(target))
        if self._copy:
            (self._copy / name).symlink_to(target)

    def _add_file(self, path: Path, name: Path, status: os.stat_result) -> None:
        self.files += 1
        self.bytes += status.st_size
        if self.files > self._limits.files or self.bytes > self._limits.bytes:
            raise ArtifactRefused(
                f"The result of the build is larger than an artifact may be: {self._limits.files:,} files, "
                f"{self._limits.bytes / 1e6:,.0f} MB. Publish only what is served (outputDirectory)."
            )
        mode = 0o755 if status.st_mode & 0o111 else 0o644
        self._head(name, tarfile.REGTYPE, mode, size=status.st_size)
        self._body(path, name, mode, status.st_size)

    def _head(self, name: Path, kind: bytes, mode: int, size: int = 0, link: str = "") -> None:
        head = tarfile.TarInfo(name.as_posix())
        head.type, head.mode, head.size, head.linkname = kind, mode, size, link
        self._hash.update(head.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))

    def _body(self, path: Path, name: Path, mode: int, size: int) -> None:
        copy = (self._copy / name).open("xb") if self._copy else contextlib.nullcontext()
        reading = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(reading, "rb", buffering=0) as file, copy as writing:
            left = size
            while left and (piece := file.read(min(PIECE, left))):
                self._hash.update(piece)
                left -= len(piece)
                if writing:
                    writing.write(piece)
            if writing:
                os.fchmod(writing.fileno(), mode)
        if left:
            raise ArtifactRefused(f"{name} became shorter while it was published.")
        self._hash.update(bytes(-size % tarfile.BLOCKSIZE))


def _walk(root: Path, exclude: tuple[str, ...]) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below ``root`` but what is excluded: a folder before its content, names in byte order."""
    pending = [root]
    while pending:
        path = pending.pop()
        status = path.lstat()
        if path != root:
            yield path, status
        if stat.S_ISDIR(status.st_mode):
            if status.st_mode & 0o500 != 0o500:
                path.chmod(0o700)
            inside = sorted(os.scandir(path), key=lambda entry: os.fsencode(entry.name), reverse=True)
            pending += [Path(entry.path) for entry in inside if not _excluded(Path(entry.path), root, exclude)]
        elif stat.S_ISREG(status.st_mode) and not status.st_mode & 0o400:
            path.chmod(0o600)


def _excluded(path: Path, root: Path, exclude: tuple[str, ...]) -> bool:
    name = path.relative_to(root).as_posix()
    return any(fnmatch(name, pattern) for pattern in exclude)


def _stays_inside(name: Path, target: Path) -> bool:
    """Whether a link at ``name`` (from the root) to ``target`` leads to somewhere below the root.

    Steps up are allowed only at the front: after a step down through another link, "up" is anybody's guess.
    """
    parts = list(PurePosixPath(target).parts)
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return not target.is_absolute() and up < len(name.parts) and ".." not in parts[up:]


def _give(tree: Path, owner: int) -> None:
    os.chown(tree, owner, owner)
    for _, folders, files, directory in os.fwalk(tree):
        for name in (*folders, *files):
            os.chown(name, owner, owner, dir_fd=directory, follow_symlinks=False)


def _touched(tree: Path) -> float:
    """When it was touched; minus infinity where it is not there."""
    try:
        return tree.stat().st_mtime
    except FileNotFoundError:
        return -math.inf


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()
