"""One English sentence for each fact, from this fact alone: what the audit trail and a deployment's history print.

No secret, hash or digest stands in a sentence; a git commit is named by its first seven digits.
"""

from collections.abc import Callable
from typing import Any, get_args

from domain import account, deployment, environment, lines, project, release, repository, secret, workspace
from domain.account import AccountRegistered, ApiTokenIssued, ApiTokenRevoked, SessionEnded, SessionStarted
from domain.catalogue import AnyFact
from domain.deployment import (
    CommitResolved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
    Outcome,
    StepFinished,
    StepStarted,
)
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRolledBack,
    InstancesMoved,
    ReleaseActivated,
)
from domain.lines import LogClosed
from domain.project import (
    BuildConfigured,
    EnvironmentAdded,
    EnvironmentRelabelled,
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    RuntimeConfigured,
)
from domain.release import ReleaseCut
from domain.repository import RepositoryConnected, RepositoryDisconnected
from domain.secret import SecretRemoved, SecretRotated, SecretSet
from domain.workspace import MemberJoined, WorkspaceCreated
from projections.phrases import build_settings, counted, deployment_reference, line, moment, runtime_settings, shown_url


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


def _account(fact: account.Event, who: str) -> str:
    match fact:
        case AccountRegistered():
            role = " as an operator" if fact.operator else ""
            return f"{fact.email} joined{role} with the workspace '{fact.workspace_name}'."
        case SessionStarted():
            return f"{who} signed in until {moment(fact.expires_at)}."
        case SessionEnded():
            return f"{who} signed out."
        case ApiTokenIssued():
            end = f"until {moment(fact.expires_at)}" if fact.expires_at else "without an end"
            return f"{who} made the API token '{fact.name}' with the scope '{fact.scope}', {end}."
        case ApiTokenRevoked():
            return f"{who} revoked the API token '{fact.name}'."


def _workspace(fact: workspace.Event, who: str) -> str:
    match fact:
        case WorkspaceCreated():
            return f"{who} created the workspace '{fact.name}'."
        case MemberJoined():
            return f"The account {fact.account_id} joined the workspace as {fact.role}."


def _repository(fact: repository.Event, who: str) -> str:
    match fact:
        case RepositoryConnected():
            how = " with a credential" if fact.credential else ""
            return f"{who} connected the repository '{fact.name}' at {shown_url(fact.url)}{how}."
        case RepositoryDisconnected():
            return f"{who} disconnected the repository '{fact.name}'."


def _project(fact: project.Event, who: str) -> str:
    match fact:
        case ProjectCreated():
            return f"{who} created the {fact.type} project '{fact.name}' with production on '{fact.production_branch}'."
        case EnvironmentAdded(environment=plan):
            return f"{who} added the environment '{plan.name}' for the branch '{plan.branch}' at '{plan.label}'."
        case EnvironmentRelabelled():
            return f"{who} moved an environment from '{fact.former}' to '{fact.label}'."
        case ProjectRenamed():
            return f"{who} renamed the project to '{fact.name}'."
        case ProjectDescribed():
            said = f"described the project as: {fact.description}" if fact.description else "took its description away"
            return f"{who} {said}"
        case ProjectRootMoved():
            return f"{who} moved the project's root to '{fact.root_directory or '.'}'."
        case ProjectArchived():
            return f"{who} archived the project."
        case ProjectRestored():
            return f"{who} restored the project."
        case BuildConfigured():
            return f"{who} set the build to {build_settings(fact.build)}"
        case RuntimeConfigured():
            return f"{who} set the runtime to {runtime_settings(fact.runtime)}"


def _deployment(fact: deployment.Event, who: str) -> str:
    match fact:
        case DeploymentQueued():
            return _queued(fact, who)
        case DeploymentLeased():
            again = f" It is lease {fact.fencing_token}." if fact.fencing_token > 1 else ""
            return f"The executor {fact.executor_id} took the work.{again}"
        case CommitResolved():
            title = fact.message.strip().partition("\n")[0]
            return f"The commit is {fact.commit[:7]} by {fact.author}: {title}"
        case StepStarted():
            return f"The step '{fact.step}' began."
        case StepFinished():
            return _step_finished(fact)
        case DeploymentSucceeded():
            return "The deployment succeeded; its release is live."
        case DeploymentFailed():
            where = f" in the step '{fact.step}'" if fact.step else ""
            return f"The deployment failed{where}{_exit_code(fact.exit_code)}: {fact.error}"
        case DeploymentCancelled():
            return f"{who} cancelled the deployment" + (f": {fact.reason}" if fact.reason else "")


def _queued(fact: DeploymentQueued, who: str) -> str:
    what = f"{who} queued {deployment_reference(fact.number)} of the branch '{fact.branch}'"
    commit = f" at {fact.commit[:7]}" if fact.commit else ""
    again = " as a retry" if fact.retry_of else ""
    return what + commit + again + (f": {fact.note}" if fact.note else "")


def _step_finished(fact: StepFinished) -> str:
    seconds = f"{fact.duration_ms / 1000:.1f} s"
    if fact.outcome is Outcome.OK:
        return f"The step '{fact.step}' finished in {seconds}."
    return f"The step '{fact.step}' failed after {seconds}{_exit_code(fact.exit_code)}."


def _exit_code(code: int | None) -> str:
    return "" if code is None else f" with exit code {code}"


def _lines(fact: LogClosed, _: str) -> str:
    return f"The log {fact.log_id} was closed after {counted(fact.last_seq, 'line')}."


def _release(fact: ReleaseCut, _: str) -> str:
    pinned = f" and {counted(len(fact.secrets), 'secret')}" if fact.secrets else ""
    megabytes = f"{fact.artifact_bytes / 1_000_000:.1f} MB"
    reference = deployment_reference(fact.deployment_number)
    return f"{reference} left a release of {fact.commit[:7]} on '{fact.branch}' with {megabytes}{pinned}."


def _environment(fact: environment.Event, who: str) -> str:
    match fact:
        case ActivationStarted():
            reference = deployment_reference(fact.deployment_number)
            return f"Activation {fact.activation} began, to make the release of {reference} live."
        case EnvironmentRolledBack():
            reason = f": {fact.reason}" if fact.reason else ""
            return f"{who} rolled the environment back to the release {fact.release_id}{reason}"
        case ReleaseActivated():
            served = f" with {counted(len(fact.upstreams), 'instance')}" if fact.upstreams else ""
            return f"The release {fact.release_id} became active{served}."
        case ActivationFailed():
            return f"Activation {fact.activation} failed, so nothing was switched: {fact.error}"
        case InstancesMoved():
            places = " and ".join(f"{place.host}:{place.port}" for place in fact.upstreams) or "no address"
            return f"The active release listens at {places}."


def _secret(fact: secret.Event, who: str) -> str:
    match fact:
        case SecretSet():
            return f"{who} set the secret '{fact.name}' for the {fact.scope}."
        case SecretRotated():
            return f"{who} gave the secret '{fact.name}' its version {fact.version}."
        case SecretRemoved():
            return f"{who} removed the secret '{fact.name}'."


_TELLERS: dict[type[AnyFact], Callable[[Any, str], str]] = {
    fact: teller
    for facts, teller in (
        (account.Event, _account),
        (deployment.Event, _deployment),
        (environment.Event, _environment),
        (lines.Event, _lines),
        (project.Event, _project),
        (release.Event, _release),
        (repository.Event, _repository),
        (secret.Event, _secret),
        (workspace.Event, _workspace),
    )
    for fact in get_args(facts) or (facts,)
}
"""Who tells of each fact; looked up, as asking every union takes longer than telling."""
