"""Sentences about deployments."""

from domain import deployment
from domain.deployment import (
    CommitResolved,
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSucceeded,
    DeploymentSuperseded,
    FreezeOverridden,
    Outcome,
    StepFinished,
    StepStarted,
)
from projections.phrases import deployment_reference


def tell(fact: deployment.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case DeploymentQueued():
            return _queued(fact, who)
        case FreezeOverridden():
            return f"{who} overrode the freeze '{fact.freeze}': {fact.reason}"
        case DeploymentApproved():
            return f"{who} approved the deployment" + (f": {fact.reason}" if fact.reason else ".")
        case DeploymentRejected():
            return f"{who} rejected the deployment" + (f": {fact.reason}" if fact.reason else ".")
        case DeploymentSuperseded():
            return f"{deployment_reference(fact.by_number)} took the place of the deployment before it began."
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
    asked = "asked for" if fact.approval else "queued"
    what = f"{who} {asked} {deployment_reference(fact.number)} of the branch '{fact.branch}'"
    commit = f" at {fact.commit[:7]}" if fact.commit else ""
    again = " as a retry" if fact.retry_of else ""
    promoted = f", to make the release {fact.promotes} live" if fact.promotes else ""
    return what + commit + again + promoted + (f": {fact.note}" if fact.note else "")


def _step_finished(fact: StepFinished) -> str:
    seconds = f"{fact.duration_ms / 1000:.1f} s"
    if fact.outcome is Outcome.OK:
        return f"The step '{fact.step}' finished in {seconds}."
    return f"The step '{fact.step}' failed after {seconds}{_exit_code(fact.exit_code)}."


def _exit_code(code: int | None) -> str:
    return "" if code is None else f" with exit code {code}"
