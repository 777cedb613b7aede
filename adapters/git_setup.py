"""How git is set up for a repository that nobody vouches for: its configuration, its credential, its ssh."""

import base64
import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from adapters.repository_url import Location


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository is read with: user and token for https, or a private key for ssh."""

    username: str = "git"
    token: str = ""
    private_key: str = ""

    def __repr__(self) -> str:
        """Never the secret."""
        return "[redacted]"


def environment(location: Location, home: Path) -> dict[str, str]:
    """The variables that close git off from this machine's settings (git(1), ENVIRONMENT VARIABLES)."""
    return {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "config"),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": location.scheme,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ADVICE": "0",
        "LC_ALL": "C",
    }


def configuration(location: Location, bound: list[str]) -> str:
    """git's whole configuration (git-config(1)): the system's and the operator's are not read."""
    shown = [f"[{address}]" if ":" in address else address for address in bound]
    pinned = f"curloptResolve = {location.host}:{location.port}:{','.join(shown)}" if bound else ""
    return f"""
[core]
    hooksPath = /dev/null
    attributesFile = /dev/null
    fsmonitor = false
    fsync = none
    protectHFS = true
    protectNTFS = true
[credential]
    helper =
[protocol]
    allow = never
[protocol "{location.scheme}"]
    allow = always
[http]
    followRedirects = false
    {pinned if location.scheme in ("http", "https") else ""}
[transfer]
    fsckObjects = true
[fetch "fsck"]
    zeroPaddedFilemode = ignore
    missingSpaceBeforeDate = ignore
    badTimezone = ignore
    gitmodulesUrl = ignore
[submodule]
    recurse = false
[init]
    defaultBranch = main
[advice]
    detachedHead = false
[gc]
    auto = 0
[maintenance]
    auto = false
[safe]
    directory = *
"""


@contextlib.contextmanager
def handed_over(credential: Credential | None) -> Iterator[str]:
    """The credential in an anonymous file of this process: a path that is readable to our own user alone."""
    fd = os.memfd_create("credential", os.MFD_CLOEXEC)
    try:
        os.fchmod(fd, 0o600)
        if credential:
            key = credential.private_key
            os.write(fd, (f"{key.strip()}\n" if key else f"{credential.username}\n{credential.token}\n").encode())
        yield f"/proc/{os.getpid()}/fd/{fd}"
    finally:
        os.close(fd)


def answers(credential: Credential | None, secret: str, base: Path) -> dict[str, str]:
    """The program that answers git's questions for user and password (gitcredentials(7))."""
    script = base / "askpass"
    usable = credential is not None and credential.token
    line = f'case "$1" in User*) sed -n 1p {secret} ;; *) sed -n 2p {secret} ;; esac' if usable else "exit 1"
    script.write_text(f"#!/bin/sh\n{line}\n")
    script.chmod(0o700)
    return {"GIT_ASKPASS": str(script), "SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "never"}


def ssh(location: Location, bound: list[str], secret: str, known_hosts: Path) -> str:
    """The ssh command: one key, the checked address, and host keys of our own (ssh_config(5))."""
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "IdentityFile": secret,
        "IdentityAgent": "none",
        "StrictHostKeyChecking": "accept-new",
        "UserKnownHostsFile": str(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "HostName": bound[0],
        "HostKeyAlias": location.host if location.port == 22 else f"[{location.host}]:{location.port}",
        "ConnectTimeout": "15",
        "ForwardAgent": "no",
        "PermitLocalCommand": "no",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return shlex.join(["ssh", "-F", "/dev/null", *words])


def spellings(credential: Credential | None) -> Iterator[str]:
    """Every form in which the credential may show up in what git says."""
    if credential and credential.token:
        yield credential.token
        yield quote(credential.token, safe="")
        yield base64.b64encode(f"{credential.username}:{credential.token}".encode()).decode()
