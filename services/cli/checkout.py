"""A modest look at a local git repository: which commits a deployment of it would build."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from services.exits import CommandFailed, WrongUsage

GIT_SECONDS = 30


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A repository on this machine: where we stand in it ("" at its root), and on which branch ("" when detached)."""

    root: Path
    folder: str
    branch: str
    changed: int
    """How many files differ from the last commit."""
    remote_url: str
    """The https URL of ``origin`` without a credential, or ""."""

    def has_commit(self, branch: str) -> bool:
        """Whether ``branch`` holds something to build."""
        return _git(self.root, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}") is not None


def look(path: Path) -> Checkout | None:
    """The repository at or above ``path``, None where there is none. Raises WrongUsage without git."""
    if not path.is_dir():
        return None
    path = path.resolve()
    top = _git(path, "rev-parse", "--show-toplevel")
    bare = None if top else _git(path, "rev-parse", "--absolute-git-dir")
    if not (top or bare):
        return None
    root = Path(top or bare or "").resolve()
    changes = _git(path, "status", "--porcelain", "-z", "--no-renames", "--", ".") if top else ""
    return Checkout(
        root=root,
        folder="" if path == root or bare else path.relative_to(root).as_posix(),
        branch=_git(path, "symbolic-ref", "--quiet", "--short", "HEAD") or "",
        changed=len([change for change in (changes or "").split("\0") if change]),
        remote_url=_without_credential(_git(path, "remote", "get-url", "origin") or ""),
    )


def _without_credential(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.scheme == "https" else ""


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers, None when it refuses."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError as problem:
        raise WrongUsage("git is not installed here, and a deployment is made of commits. Install git.") from problem
    except subprocess.TimeoutExpired as problem:
        raise CommandFailed(f"git {arguments[0]} in {folder} did not end within {GIT_SECONDS} s.") from problem
    return done.stdout.decode(errors="replace").rstrip("\n") if done.returncode == 0 else None
