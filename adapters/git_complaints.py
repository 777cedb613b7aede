"""What git complains about, as sentences for the user."""

import difflib
import re

from adapters.repository_url import RepositoryRefused

NOT_BY_ITSELF = r"not our ref|unadvertised object|reference is not a tree|unable to read tree"
"""git's words where a server does not give out a commit by its id."""

COMPLAINTS = (
    (
        r"authentication failed|could not read (username|password)|permission denied \(|error: 40[13]|access denied",
        "{host} refused the credential. Check user and token (or key), and that it may read this repository.",
    ),
    (
        r"host key verification failed|identification has changed",
        "{host} shows another host key than before, so it may not be the same server. Ask its administrator.",
    ),
    (
        r"error: 30\d|redirect",
        "{host} says that the repository has moved. Use its new address.",
    ),
    (
        r"could not resolve",
        "The host {host} is unknown: its name has no address.",
    ),
    (
        NOT_BY_ITSELF,
        "The repository has no commit {commit}, or not on this branch.",
    ),
    (
        r"error: 404|repository .*not found|not appear to be a git|does not exist|no such file|not found",
        "There is no repository at this address, or the credential may not see it.",
    ),
    (
        r"connection refused|failed to connect|couldn.t connect|timed out|unreachable|connection (closed|reset)",
        "{host} could not be reached. Check the address and its port.",
    ),
    (
        r"certificate|ssl|tls",
        "The encrypted connection to {host} failed: its certificate is not one that this machine trusts.",
    ),
    (
        r"no space left",
        "The disk of this machine is full.",
    ),
)


def complaint(said: str, host: str, commit: str | None, exit_code: int) -> RepositoryRefused:
    """The refusal for what git said at the end: known words as a sentence, others as git put them."""
    for pattern, sentence in COMPLAINTS:
        if re.search(pattern, said, re.IGNORECASE):
            return RepositoryRefused(sentence.format(host=host or "The repository", commit=commit))
    last = [line for line in said.splitlines() if line.strip()][-1:] or [f"exit code {exit_code}"]
    return RepositoryRefused(f"git could not fetch the repository: {last[0]}")


def no_branch(branch: str | None, refs: dict[str, str]) -> RepositoryRefused:
    """The refusal of a branch that is not among ``refs``; names the nearest that are."""
    names = [name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")]
    if not names:
        return RepositoryRefused("The repository is empty: it has no branch and no commit yet.")
    near = difflib.get_close_matches(branch or "main", names, n=3, cutoff=0.3) or sorted(names)[:3]
    missing = f"no branch or tag {branch!r}" if branch else "no default branch"
    return RepositoryRefused(f"The repository has {missing}. It has: {', '.join(near)}.")
