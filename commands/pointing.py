"""What the DNS of a custom domain must say, and whether it does."""

from domain.custom_domain import CustomDomainAdded, Proof, Seen, challenge_name
from domain.fact import Value

SHOWN_CHARACTERS = 100
"""So much of what somebody's DNS holds is told."""


class Target(Value):
    """Where a domain has to lead: the environment's own host name, and the installation's IP addresses, if known."""

    host: str
    addresses: tuple[str, ...] = ()


class Verdict(Value):
    """``proof``: the domain is its workspace's. ``pointing``: requests come here. ``problem``: what is still wrong."""

    proof: Proof | None
    pointing: bool
    problem: str | None = None


def judged(added: CustomDomainAdded, seen: Seen, target: Target) -> Verdict:
    """Compare what was seen with what must be.

    The challenge proves the domain to be the workspace's; so does an alias for the environment's own host name, which
    names the workspace as well. An address proves nothing: it is the same for every workspace.
    """
    if seen.failure:
        return Verdict(proof=None, pointing=False, problem=f"Its name servers could not be asked: {seen.failure}")
    aliased = seen.cname == target.host
    proof = Proof.TXT if added.challenge in seen.txt else Proof.CNAME if aliased else None
    pointing = aliased or (bool(seen.addresses) and set(seen.addresses) <= set(target.addresses))
    problem = (
        _no_proof(added, seen, target)
        if proof is None
        else None
        if pointing
        else _not_here(added.hostname, seen, target)
    )
    return Verdict(proof=proof, pointing=pointing, problem=problem)


def _no_proof(added: CustomDomainAdded, seen: Seen, target: Target) -> str:
    name = challenge_name(added.hostname)
    if seen.txt:
        found = f"The TXT record at {name} holds {_quoted(seen.txt)}, not '{added.challenge}'."
    else:
        found = f"There is no TXT record at {name}; it must hold '{added.challenge}'."
    if seen.cname:
        found += f" {added.hostname} is an alias for {_cut(seen.cname)}, not for {target.host}."
    return found


def _not_here(hostname: str, seen: Seen, target: Target) -> str:
    where = f"an alias for {_cut(seen.cname)}" if seen.cname else f"at {', '.join(seen.addresses)}"
    if not (seen.cname or seen.addresses):
        where = "nowhere: there is no CNAME, A or AAAA record"
    goal = f"CNAME {target.host}" + (f", or A and AAAA {', '.join(target.addresses)}" if target.addresses else "")
    return f"It is verified, but requests do not come here: {hostname} is {where}. Set {goal}."


def _quoted(values: tuple[str, ...]) -> str:
    return " and ".join(f"'{_cut(value)}'" for value in values)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
