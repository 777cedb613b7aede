"""What may happen in a workspace, as templates of rows of the log: encoded once, filled in as often as wanted.

Slots are ``<name>`` in a text, ``"#name#"`` for a whole JSON value, and ``#name#`` for a number beside the facts. A
template is the text that COPY takes, with all rows of one chapter in their order.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from adapters.mapping import Mapper
from domain import identifiers as ids
from domain.account import AccountRegistered, ApiTokenIssued, Scope, SessionEnded, SessionStarted
from domain.deployment import (
    CommitResolved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
    Outcome,
    Recipe,
    StepFinished,
    StepStarted,
)
from domain.environment import ActivationFailed, ActivationStarted, EnvironmentRolledBack, ReleaseActivated, Upstream
from domain.fact import Fact
from domain.history import Actor, Context
from domain.lines import LogClosed
from domain.project import (
    BuildConfig,
    EnvironmentAdded,
    EnvironmentPlan,
    ProjectCreated,
    ProjectType,
    RuntimeConfig,
    RuntimeType,
)
from domain.release import ReleaseCut
from domain.repository import RepositoryConnected
from domain.reservations import Take, reservations
from domain.steps import StepKind
from domain.workspace import MemberJoined, Role, WorkspaceCreated

Slots = Mapping[bytes, object]
"""What fills the slots: a text or a JSON value as bytes, a position or a version as an integer."""

TENANT, ACCOUNT, EMAIL = ids.TenantId("<tenant>"), ids.AccountId("<account>"), "<tenant>@example.com"
PROJECT, CONNECTION = ids.ProjectId("<project>"), ids.ConnectionId("<connection>")
ENVIRONMENT, DEPLOYMENT, RELEASE = (
    ids.EnvironmentId("<environment>"),
    ids.DeploymentId("<deployment>"),
    ids.ReleaseId("<release>"),
)
COMMIT = "<commit>00000000"
RUNTIME = RuntimeConfig(runtime_type=RuntimeType.NODE, start_command="node server.js", health_check_path="/health")
BUILD = BuildConfig(build_command="npm run build", output_directory="dist", node_version="22")

SYSTEM = Actor(name="executor")
PERSON = Actor(
    kind="account",
    account_id=ACCOUNT,
    name=EMAIL,
    address="192.0.2.7",
    user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
TOKEN = Actor(
    kind="token",
    account_id=ACCOUNT,
    token_id=ids.ApiTokenId("<token>"),
    name=EMAIL,
    address="192.0.2.8",
    user_agent="curl/8.14.1",
)

_SLOT = re.compile(rb'<(\w+)>|"#(\w+)#"|#(\w+)#')


def _value(name: str) -> Any:
    """A slot for a JSON value."""
    return f"#{name}#"


@dataclass(frozen=True)
class Step:
    """A fact in its stream. ``version`` is its place there, or the name of the slot for it."""

    stream: ids.StreamName
    version: int | str
    fact: Fact
    actor: Actor = SYSTEM


class Chapter:
    """Facts that follow one another, as rows for COPY."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self._template = b"".join(_row(place, step) for place, step in enumerate(steps))
        self._places = [b"p%d" % place for place in range(len(steps))]

    def __len__(self) -> int:
        return len(self._places)

    def rows(self, position: int, slots: Slots) -> bytes:
        """The rows of the facts behind ``position``."""
        positions = range(position + 1, position + 1 + len(self))
        return self._template % {**slots, **dict(zip(self._places, positions, strict=True))}

    def holders(self, tenant: ids.TenantId, slots: Slots) -> Iterator[tuple[str, str, str]]:
        """Scope, name and holder of what the facts take."""
        for step in self.steps:
            for taken in reservations(step.fact, tenant):
                if isinstance(taken, Take):
                    yield taken.scope, _filled(taken.name, slots), _filled(step.stream, slots)


def _row(place: int, step: Step) -> bytes:
    """One row in COPY's text format, with slots for what differs."""
    context = Context(
        tenant_id=TENANT,
        actor=step.actor,
        correlation_id=ids.RequestId("<cause>00"),
        causation_id=ids.CausationId(f"<cause>{place + 1:02}"),
        at=cast("datetime", f"<minute>:{place * 3:02}.{place * 7919 % 1_000_000:06}Z"),
    )
    event = Mapper().stored(step.stream, 0, [step.fact], context)
    assert event.states[0].isascii(), step.fact
    state = event.states[0].replace(b"\\", b"\\\\\\\\")  # bytea's own escape, then COPY's
    version = str(step.version) if isinstance(step.version, int) else f"#{step.version}#"
    row = b"\t".join([b"#p%d#" % place, step.stream.encode(), version.encode(), event.tags[0].encode(), state])
    return _SLOT.sub(_slot, row.replace(b"%", b"%%")) + b"\n"


def _filled(text: str, slots: Slots) -> str:
    return (_SLOT.sub(_slot, text.encode()) % slots).decode()


def _slot(found: re.Match[bytes]) -> bytes:
    text, value, number = found.groups()
    return b"%%(%s)d" % number if number else b"%%(%s)b" % (text or value)


def _stream(category: str, identity: str, *facts: Fact, since: int = 0, by: Actor = SYSTEM) -> list[Step]:
    name = ids.stream(category, identity)
    return [Step(name, version, fact, by) for version, fact in enumerate(facts, since + 1)]


def beginning() -> Chapter:
    """A workspace with its account, a token, a repository, and a project with two environments."""
    registered = AccountRegistered(
        account_id=ACCOUNT, email=EMAIL, workspace_id=TENANT, workspace_name="Workspace of <tenant>"
    )
    issued = ApiTokenIssued(
        account_id=ACCOUNT,
        token_id=ids.ApiTokenId("<token>"),
        tenant_id=TENANT,
        name="continuous integration",
        digest="<digest>",
        scope=Scope.ADMIN,
    )
    connected = RepositoryConnected(connection_id=CONNECTION, name="shop", url="https://example.com/<tenant>/shop.git")
    created = ProjectCreated(
        project_id=PROJECT,
        name="Shop",
        slug="shop",
        type=ProjectType.NODE,
        connection_id=CONNECTION,
        root_directory="",
        production_branch="main",
        build=BUILD,
        runtime=RUNTIME,
    )
    return Chapter(
        [
            *_stream("account", ACCOUNT, registered, issued, by=PERSON),
            *_stream(
                "workspace",
                TENANT,
                WorkspaceCreated(tenant_id=TENANT, name="Workspace of <tenant>"),
                MemberJoined(tenant_id=TENANT, account_id=ACCOUNT, role=Role.OWNER),
            ),
            *_stream("repository", CONNECTION, connected, by=PERSON),
            *_stream("project", PROJECT, created, _added("production", "main"), _added("staging", "next"), by=PERSON),
        ]
    )


def _added(name: str, branch: str) -> EnvironmentAdded:
    plan = EnvironmentPlan(
        environment_id=ids.EnvironmentId(f"<{name}>"), name=name, branch=branch, label=f"shop-{name}-<label>"
    )
    return EnvironmentAdded(project_id=PROJECT, environment=plan)


def visit() -> Chapter:
    """Somebody signs in and out; the account's stream goes on at ``version``."""
    session = ids.SessionId("<deployment>")
    started = SessionStarted(
        account_id=ACCOUNT,
        session_id=session,
        digest="<commit><commit>",
        expires_at=cast("datetime", "<minute>:59.000000Z"),
    )
    name = ids.stream("account", ACCOUNT)
    return Chapter(
        [
            Step(name, "v1", started, PERSON),
            Step(name, "v2", SessionEnded(account_id=ACCOUNT, session_id=session), PERSON),
        ]
    )


def rollback() -> Chapter:
    """The environment goes back from its active release to the one before it."""
    rolled_back = EnvironmentRolledBack(
        environment_id=ENVIRONMENT,
        activation=_value("activation"),
        release_id=RELEASE,
        former_release_id=_value("former"),
        reason="The checkout is slow.",
    )
    name = ids.stream("environment", ENVIRONMENT)
    return Chapter([Step(name, "v1", rolled_back, PERSON), Step(name, "v2", _activated())])


def succeeded() -> Chapter:
    """A deployment that went live."""
    return Chapter(
        [
            *_built(),
            *_activation(_activated()),
            *_end(DeploymentSucceeded(deployment_id=DEPLOYMENT, release_id=RELEASE), since=7),
        ]
    )


def unhealthy() -> Chapter:
    """A deployment whose release did not answer."""
    failed = ActivationFailed(
        environment_id=ENVIRONMENT,
        activation=_value("activation"),
        release_id=RELEASE,
        error="GET /health did not answer within 60 s.",
    )
    ended = DeploymentFailed(
        deployment_id=DEPLOYMENT, error="GET /health did not answer within 60 s.", step=StepKind.ACTIVATE
    )
    return Chapter([*_built(), *_activation(failed), *_end(ended, since=7)])


def broken() -> Chapter:
    """A deployment whose build failed."""
    failed = DeploymentFailed(
        deployment_id=DEPLOYMENT,
        error="The build command ended with exit code 1: npm run build",
        step=StepKind.BUILD,
        exit_code=1,
    )
    steps = [*_queued(), *_step(StepKind.INSTALL, since=3), *_step(StepKind.BUILD, since=5, exit_code=1)]
    return Chapter([*steps, *_end(failed, since=7)])


def cancelled() -> Chapter:
    """A deployment that somebody stopped while it was built."""
    stopped = DeploymentCancelled(deployment_id=DEPLOYMENT, reason="Wrong branch.")
    return Chapter([*_queued(), *_step(StepKind.INSTALL, since=3), *_end(stopped, since=5, by=PERSON)])


def _queued() -> list[Step]:
    """The deployment's first three facts."""
    queued = DeploymentQueued(
        deployment_id=DEPLOYMENT,
        number=_value("number"),
        project_id=PROJECT,
        environment_id=ENVIRONMENT,
        branch="main",
        recipe=Recipe(type=ProjectType.NODE, connection_id=CONNECTION, root_directory="", build=BUILD, runtime=RUNTIME),
        note="From the pipeline.",
    )
    leased = DeploymentLeased(
        deployment_id=DEPLOYMENT, executor_id=ids.ExecutorId("01923e4c-0000-7000-8000-00000000e0ec"), fencing_token=1
    )
    resolved = CommitResolved(
        deployment_id=DEPLOYMENT, commit=COMMIT, message="Make the checkout quicker", author="Developers"
    )
    return [
        *_stream("deployment", DEPLOYMENT, queued, by=TOKEN),
        *_stream("deployment", DEPLOYMENT, leased, resolved, since=1),
    ]


def _step(kind: StepKind, since: int, exit_code: int = 0) -> list[Step]:
    started = StepStarted(deployment_id=DEPLOYMENT, step=kind, fencing_token=1)
    finished = StepFinished(
        deployment_id=DEPLOYMENT,
        step=kind,
        outcome=Outcome.FAILED if exit_code else Outcome.OK,
        duration_ms=2718,
        fencing_token=1,
        exit_code=exit_code,
    )
    return _stream("deployment", DEPLOYMENT, started, finished, since=since)


def _built() -> list[Step]:
    """A deployment until its release was cut; seven facts of its own stream."""
    cut = ReleaseCut(
        release_id=RELEASE,
        deployment_id=DEPLOYMENT,
        deployment_number=_value("number"),
        project_id=PROJECT,
        environment_id=ENVIRONMENT,
        branch="main",
        commit=COMMIT,
        commit_message="Make the checkout quicker",
        artifact="<commit><commit>",
        artifact_bytes=1_234_567,
        runtime=RUNTIME,
        start_command="node server.js",
    )
    steps = [*_queued(), *_step(StepKind.INSTALL, since=3), *_step(StepKind.BUILD, since=5)]
    return [*steps, *_stream("release", RELEASE, cut)]


def _activation(end: Fact) -> list[Step]:
    started = ActivationStarted(
        environment_id=ENVIRONMENT,
        activation=_value("activation"),
        release_id=RELEASE,
        deployment_id=DEPLOYMENT,
        deployment_number=_value("number"),
        fencing_token=1,
    )
    name = ids.stream("environment", ENVIRONMENT)
    return [Step(name, "v1", started), Step(name, "v2", end)]


def _activated() -> ReleaseActivated:
    return ReleaseActivated(
        environment_id=ENVIRONMENT,
        activation=_value("activation"),
        release_id=RELEASE,
        former_release_id=_value("former"),
        upstreams=(Upstream(host="127.0.0.1", port=3000),),
    )


def _end(fact: Fact, since: int, by: Actor = SYSTEM) -> list[Step]:
    log = ids.build_log(DEPLOYMENT)
    closed = LogClosed(log_id=log, last_seq=_value("lines"), sha256="<commit><commit>")
    return [*_stream("deployment", DEPLOYMENT, fact, since=since, by=by), *_stream("log", log, closed)]
