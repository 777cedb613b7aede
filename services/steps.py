"""A step of a deployment: reported when it begins and when it ends, whichever way.

The work does not wait for the reports; a report that is refused stops it before it makes anything of consequence.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from commands.deployment import FinishStep, StartStep
from domain.deployment import Outcome
from domain.steps import StepKind
from services.build_metrics import STEP_SECONDS
from services.journal import Journal
from services.leasing import Lease


class StepFailed(Exception):
    """The step did not do what it is for. ``error`` is a sentence for the customer."""

    def __init__(self, error: str, exit_code: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.exit_code = exit_code
        self.step: StepKind | None = None


@asynccontextmanager
async def step(lease: Lease, journal: Journal, kind: StepKind) -> AsyncIterator[None]:
    """The context is one step. Leaving it by ``StepFailed`` reports the failure and names the step in it."""
    deployment_id, token = lease.queued.deployment_id, lease.fencing_token
    lease.note(StartStep(deployment_id=deployment_id, fencing_token=token, step=kind))
    journal.step = kind
    began = monotonic()

    def finished(outcome: Outcome, exit_code: int | None) -> None:
        took = round((monotonic() - began) * 1000)
        lease.note(
            FinishStep(
                deployment_id=deployment_id,
                fencing_token=token,
                step=kind,
                outcome=outcome,
                duration_ms=took,
                exit_code=exit_code,
            )
        )
        STEP_SECONDS.labels(kind, outcome).observe(took / 1000)

    try:
        yield
    except StepFailed as failed:
        failed.step = kind
        finished(Outcome.FAILED, failed.exit_code)
        raise
    finished(Outcome.OK, 0 if kind in COMMANDS else None)


COMMANDS = frozenset({StepKind.INSTALL, StepKind.BUILD})
"""The steps that run a command of the customer's."""
