"""What the DNS of a custom domain must say, and whether it does."""

from domain.custom_domain import CustomDomainAdded, Seen, base, challenge_name
from domain.fact import Value

SHOWN_CHARACTERS = 100
"""So much of what somebody's DNS holds is told."""


class Target(Value):
    """Where a domain has to lead: the environment's own host name, and the installation's IP addresses, if known."""

    host: str
    addresses: tuple[str, ...] = ()


class Verdict(Value):
    """``proven``: the domain is its workspace's. ``pointing``: requests come here. ``problem``: what is still wrong."""

    proven: bool
    pointing: bool
    problem: str | None = None


def judged(added: CustomDomainAdded, seen: Seen, target: Target) -> Verdict:
    """Compare what was seen with what must be.

    The challenge alone proves anything. An address is the same for every workspace; and an alias for an environment's
    host name may be older than the environment that has this name today.
    """
    if seen.failure:
        return Verdict(proven=False, pointing=False, problem=f"Its name servers could not be asked: {seen.failure}")
    if not seen.name_servers:
        return Verdict(proven=False, pointing=False, problem=f"Nobody has registered {base(added.hostname)}.")
    proven = added.challenge in seen.txt
    pointing = seen.cname == target.host or (bool(seen.addresses) and set(seen.addresses) <= set(target.addresses))
    problems = [_no_proof(added, seen)] if not proven else []
    problems += [_not_here(added.hostname, seen, target)] if not pointing else []
    return Verdict(proven=proven, pointing=pointing, problem=" ".join(problems) or None)


def _no_proof(added: CustomDomainAdded, seen: Seen) -> str:
    name = challenge_name(added.hostname)
    if seen.txt:
        return f"The TXT record at {name} holds {_quoted(seen.txt)}, not '{added.challenge}'."
    return f"There is no TXT record at {name}; it must hold '{added.challenge}'."


def _not_here(hostname: str, seen: Seen, target: Target) -> str:
    where = f"is an alias for {_cut(seen.cname)}" if seen.cname else f"is at {', '.join(seen.addresses)}"
    if not (seen.cname or seen.addresses):
        where = "has no CNAME, A or AAAA record"
    goal = f"CNAME {target.host}" + (f", or A and AAAA {', '.join(target.addresses)}" if target.addresses else "")
    return f"Requests do not come here: {hostname} {where}. Set {goal}."


def _quoted(values: tuple[str, ...]) -> str:
    return " and ".join(f"'{_cut(value)}'" for value in values)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
