"""Whatever people and executors ask, in whatever order: nothing happens after the end, and tokens only rise."""

from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from commands.deployment import (
    DECIDER,
    MOST_LOST,
    ApproveDeployment,
    CancelDeployment,
    DeploymentCommand,
    FailDeployment,
    FinishStep,
    LeaseDeployment,
    QueueDeployment,
    RejectDeployment,
    ResolveCommit,
    StartStep,
    SucceedDeployment,
    SupersedeDeployment,
)
from domain.deployment import (
    Approval,
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentRejected,
    DeploymentSucceeded,
    DeploymentSuperseded,
    Event,
    Outcome,
    StepFinished,
    StepStarted,
)
from domain.identifiers import DeploymentId, EnvironmentId, ExecutorId, ReleaseId
from domain.rejection import Rejection
from domain.steps import StepKind
from tests.commands.test_deployment import queue

ID = DeploymentId("deployment")
ENDS = (DeploymentSucceeded, DeploymentFailed, DeploymentCancelled, DeploymentRejected, DeploymentSuperseded)
TOKENS = st.integers(min_value=0, max_value=MOST_LOST + 3)
STEPS = st.sampled_from(StepKind)


class DeploymentLife(RuleBasedStateMachine):
    """One deployment, executors that come and go, and people who change their minds."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Event] = []

    def ask(self, command: DeploymentCommand) -> None:
        """Record what follows from a command, if anything does."""
        state = DECIDER.fold(self.facts)
        try:
            self.facts += DECIDER.decide(command, state)
        except Rejection:
            assert DECIDER.fold(self.facts) == state

    @rule(command=st.sampled_from([queue(), replace(queue(), approval=Approval())]))
    def queue(self, command: QueueDeployment) -> None:
        self.ask(command)

    @rule(executor=st.sampled_from(["first", "second"]))
    def lease(self, executor: str) -> None:
        self.ask(LeaseDeployment(deployment_id=ID, executor_id=ExecutorId(executor)))

    @rule(token=TOKENS)
    def resolve(self, token: int) -> None:
        self.ask(ResolveCommit(deployment_id=ID, fencing_token=token, commit="c0ffee", message="m", author="a"))

    @rule(token=TOKENS, step=STEPS)
    def start_step(self, token: int, step: StepKind) -> None:
        self.ask(StartStep(deployment_id=ID, fencing_token=token, step=step))

    @rule(token=TOKENS, step=STEPS, outcome=st.sampled_from(Outcome))
    def finish_step(self, token: int, step: StepKind, outcome: Outcome) -> None:
        self.ask(FinishStep(deployment_id=ID, fencing_token=token, step=step, outcome=outcome, duration_ms=1))

    @rule(token=TOKENS)
    def succeed(self, token: int) -> None:
        self.ask(SucceedDeployment(deployment_id=ID, fencing_token=token, release_id=ReleaseId("release")))

    @rule(token=TOKENS)
    def fail(self, token: int) -> None:
        self.ask(FailDeployment(deployment_id=ID, fencing_token=token, error="It failed."))

    @rule()
    def approve(self) -> None:
        self.ask(ApproveDeployment(deployment_id=ID, account_id=None))

    @rule()
    def reject(self) -> None:
        self.ask(RejectDeployment(deployment_id=ID))

    @rule(number=st.integers(min_value=41, max_value=44), waiting=st.booleans())
    def supersede(self, number: int, waiting: bool) -> None:
        later, place = DeploymentId("later"), EnvironmentId("environment")
        command = SupersedeDeployment(
            deployment_id=ID, environment_id=place, by=later, by_number=number, by_waiting=waiting
        )
        self.ask(command)

    @rule()
    def cancel(self) -> None:
        self.ask(CancelDeployment(deployment_id=ID))

    @invariant()
    def it_is_queued_once_and_first(self) -> None:
        assert [type(fact) is DeploymentQueued for fact in self.facts] == [n == 0 for n in range(len(self.facts))]

    @invariant()
    def nothing_happens_after_the_end(self) -> None:
        assert not any(isinstance(fact, ENDS) for fact in self.facts[:-1])
        ended = bool(self.facts) and isinstance(self.facts[-1], ENDS)
        assert DECIDER.fold(self.facts).status.ended == ended

    @invariant()
    def nobody_works_on_what_waits_for_approval_or_was_superseded(self) -> None:
        waits = bool(self.facts) and isinstance(self.facts[0], DeploymentQueued) and self.facts[0].approval is not None
        kinds = [type(fact) for fact in self.facts]
        if DeploymentLeased in kinds:
            assert DeploymentSuperseded not in kinds
            assert not waits or kinds.index(DeploymentApproved) < kinds.index(DeploymentLeased)

    @invariant()
    def fencing_tokens_rise_by_one(self) -> None:
        tokens = [fact.fencing_token for fact in self.facts if isinstance(fact, DeploymentLeased)]
        assert tokens == [*range(1, len(tokens) + 1)]

    @invariant()
    def it_loses_so_many_executors_at_the_most(self) -> None:
        holders = [fact.executor_id for fact in self.facts if isinstance(fact, DeploymentLeased)]
        lost = sum(holder != following for holder, following in pairwise(holders))
        assert lost == DECIDER.fold(self.facts).lost < MOST_LOST

    @invariant()
    def only_the_newest_lease_is_heard(self) -> None:
        newest = 0
        for fact in self.facts:
            match fact:
                case DeploymentLeased():
                    newest = fact.fencing_token
                case StepStarted() | StepFinished():
                    assert fact.fencing_token == newest
                case DeploymentSucceeded():
                    assert newest > 0


TestDeploymentLife = DeploymentLife.TestCase
