"""The subjects on NATS: how they are made, and how they are read.

``facts.<tenant>.<tag>``, ``work.build.<tenant>.<deployment>``, ``work.activate.<tenant>.<environment>.<activation>``
and ``bell.<name>``. A token is a part between dots. Ids, tags and bells' names have only characters that mean nothing
to NATS; anything else raises ValueError, so that no id can widen a subject to another tenant's.
"""

import re
from typing import Literal

from commands.policies import ActivationWork, BuildWork, WorkItem
from domain.fact import tag_of
from domain.history import Recorded
from domain.identifiers import DeploymentId, EnvironmentId, LogId, TenantId

Kind = Literal["build", "activate"]

ALL_FACTS = "facts.>"
ALL_WORK = "work.>"
ALL_BELLS = "bell.>"

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)
"""One token or several; no wildcard, no white space, no empty token."""


def fact(recorded: Recorded) -> str:
    """Where a fact is published."""
    return f"facts.{_token(recorded.context.tenant_id)}.{_name(tag_of(recorded.fact))}"


def facts(tag: str, tenant_id: TenantId | None = None) -> str:
    """The filter of all facts with a tag, of one tenant or of all."""
    return f"facts.{'*' if tenant_id is None else _token(tenant_id)}.{_name(tag)}"


def tenant_and_tag(subject: str) -> tuple[TenantId, str]:
    """Whose fact was published on ``subject``, and its tag."""
    match subject.split(".", 2):
        case ["facts", tenant, tag]:
            return TenantId(_token(tenant)), _name(tag)
        case _:
            raise ValueError(f"Not the subject of a fact: {subject!r}")


def work(item: WorkItem) -> str:
    """Where an item of work is queued; no two items have the same subject."""
    tenant = _token(item.tenant_id)
    match item:
        case BuildWork():
            return f"work.build.{tenant}.{_token(item.deployment_id)}"
        case ActivationWork():
            return f"work.activate.{tenant}.{_token(item.environment_id)}.{item.activation}"


def work_of(kind: Kind) -> str:
    """The filter of all items of a kind."""
    return f"work.{kind}.>"


def item(subject: str) -> WorkItem:
    """The item of work that is queued on ``subject``."""
    match subject.split("."):
        case ["work", "build", tenant, deployment]:
            return BuildWork(tenant_id=TenantId(_token(tenant)), deployment_id=DeploymentId(_token(deployment)))
        case ["work", "activate", tenant, environment, activation] if activation.isdecimal():
            return ActivationWork(
                tenant_id=TenantId(_token(tenant)),
                environment_id=EnvironmentId(_token(environment)),
                activation=int(activation),
            )
        case _:
            raise ValueError(f"Not the subject of an item of work: {subject!r}")


def bell(name: str) -> str:
    """Where a bell is rung."""
    return f"bell.{_name(name)}"


def bell_name(subject: str) -> str:
    """The bell that is rung on ``subject``."""
    return _name(subject.removeprefix("bell."))


def log_bell(log_id: LogId) -> str:
    """The name of the bell that is rung when a log has more lines."""
    return f"log.{_token(log_id)}"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"Not a name for a subject: {text!r}")
    return text


def _token(text: str) -> str:
    if "." in text:
        raise ValueError(f"Not a token of a subject: {text!r}")
    return _name(text)
