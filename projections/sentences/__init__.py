"""One English sentence for each fact, from this fact alone: what the audit trail and a deployment's history print.

No secret, hash or digest stands in a sentence; a git commit is named by its first seven digits.
"""

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from domain.catalogue import AnyFact
from projections.phrases import line
from projections.sentences import (
    account,
    audit,
    backup,
    custom_domain,
    database,
    deployment,
    environment,
    freeze,
    keyring,
    lines,
    notification,
    project,
    release,
    repository,
    retention,
    schedule,
    secret,
    workspace,
)


def sentence(fact: AnyFact, who: str) -> str:
    """What ``fact`` says happened; ``who`` is the actor's name. One line, whatever people wrote into it."""
    told = _last.told
    if told[0] is not fact or told[1] != who:
        told = _last.told = (fact, who, line(_TELLERS[type(fact)](fact, who)))
    return told[2]


class _Last:
    """The last sentence: two read models print each one, and need it one after the other."""

    told: tuple[AnyFact | None, str, str] = (None, "", "")


_last = _Last()

Teller = Callable[[Any, str], str]


def _told_by(tell: Teller) -> tuple[type[AnyFact], ...]:
    facts = get_type_hints(tell)["fact"]
    return get_args(facts) or (facts,)


_TELLERS: dict[type[AnyFact], Teller] = {
    fact: module.tell
    for module in (
        account,
        audit,
        backup,
        custom_domain,
        database,
        deployment,
        environment,
        keyring,
        freeze,
        lines,
        notification,
        project,
        release,
        repository,
        retention,
        schedule,
        secret,
        workspace,
    )
    for fact in _told_by(module.tell)
}
"""Who tells of each fact; looked up, as asking every union takes longer than telling."""
